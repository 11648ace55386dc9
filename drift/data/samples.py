"""What a window and a reference hold of one column."""

from dataclasses import dataclass
from typing import Self

import numpy as np

# Ties make the Kolmogorov-Smirnov test conservative (true size .007 at 2-5 values for a nominal .05),
# so a column with at most this many different values is compared as categories.
MAX_DISTINCT = 20
# A column of which more values than this are new even to half of its own reference is an id.
MOST_NEW = 0.5
# Rows that follow each other stay together where the rows of a reference are dealt into halves.
_BLOCK = 100


@dataclass(frozen=True, eq=False)
class NumericSample:
    """Numbers of one column, row by row.

    Attributes
    ----------
    values : float array, shape (n,)
        In time order. NaN is missing, an infinity is a value.

    Raises
    ------
    ValueError
        If the values are not one-dimensional.
    """

    values: np.ndarray

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float64)
        if values.ndim != 1:
            raise ValueError(f"values must be one-dimensional; got shape {values.shape}.")
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return self.values.size


def in_order(sample: NumericSample) -> tuple[np.ndarray, int]:
    """Return the values in ascending order, and how many are missing.

    Parameters
    ----------
    sample : NumericSample

    Returns
    -------
    ordered : float array, shape (n - n_missing,)
        Ascending, without NaN.
    n_missing : int

    Examples
    --------
    >>> in_order(NumericSample(np.array([3.0, np.nan, 1.0, 3.0])))
    (array([1., 3., 3.]), 1)
    """
    ordered = np.sort(sample.values)
    n = int(np.searchsorted(ordered, np.nan))  # NaN sorts last
    return ordered[:n], len(sample) - n


@dataclass(frozen=True, eq=False)
class CategoricalSample:
    """Categories of one column, row by row.

    The categories of a column only ever grow, so a reference and a later window share the codes of the first ones.

    Attributes
    ----------
    codes : int array, shape (n,)
        In time order. -1 is missing, any other one is a position in `categories`.
    categories : names, n_categories long
        Those that no row holds may be among them.

    Raises
    ------
    ValueError
        If the codes are not one-dimensional.
    """

    codes: np.ndarray
    categories: tuple[str, ...]

    def __post_init__(self) -> None:
        codes = np.asarray(self.codes, np.int32)
        if codes.ndim != 1:
            raise ValueError(f"codes must be one-dimensional; got shape {codes.shape}.")
        object.__setattr__(self, "codes", codes)

    def __len__(self) -> int:
        return self.codes.size

    def counts(self) -> np.ndarray:
        """Return how many rows hold each category, by code.

        Returns
        -------
        int array, shape (n_categories,)
            Missing rows are in none.

        Raises
        ------
        ValueError
            If a code has no category.
        """
        present = self.codes + 1
        if present.size and (present.min() < 0 or present.max() > len(self.categories)):
            raise ValueError(
                f"codes must lie between -1 and {len(self.categories) - 1}; "
                f"got {self.codes.min()} to {self.codes.max()}."
            )
        counts: np.ndarray = np.bincount(present, minlength=len(self.categories) + 1)[1:]
        return counts


Sample = NumericSample | CategoricalSample


@dataclass(frozen=True, eq=False)
class NumericReference:
    """A numeric sample made ready for any number of comparisons: sorted once.

    Attributes
    ----------
    ordered : float array, shape (n - n_missing,)
        Its values, ascending, without NaN.
    n, n_missing : int
        Rows, and those of them without a value.
    n_distinct : int
        Different values.
    distinct, counts : float and int array, shape (n_distinct,)
        The different values, ascending, and the rows that hold each; empty where there are more than `MAX_DISTINCT`.
    """

    ordered: np.ndarray
    n: int
    n_missing: int
    n_distinct: int
    distinct: np.ndarray
    counts: np.ndarray

    @classmethod
    def from_sample(cls, sample: NumericSample) -> Self:
        """Sort the values and set the missing ones apart.

        Parameters
        ----------
        sample : NumericSample

        Returns
        -------
        NumericReference

        Examples
        --------
        >>> NumericReference.from_sample(NumericSample(np.array([3.0, np.nan, 1.0, 3.0]))).ordered
        array([1., 3., 3.])
        """
        ordered, n_missing = in_order(sample)
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])) if ordered.size else _NONE
        few = starts if starts.size <= MAX_DISTINCT else _NONE
        counts = np.diff(np.append(few, ordered.size)) if few.size else _NONE
        return cls(ordered, len(sample), n_missing, int(starts.size), ordered[few], counts)

    @property
    def finite(self) -> np.ndarray:
        """The sorted values without the infinities, float array of shape (n_finite,)."""
        first = np.searchsorted(self.ordered, -np.inf, side="right")
        last = np.searchsorted(self.ordered, np.inf, side="left")
        finite: np.ndarray = self.ordered[first:last]
        return finite


@dataclass(frozen=True, eq=False)
class CategoricalReference:
    """A categorical sample made ready for any number of comparisons: counted once.

    Attributes
    ----------
    counts : int array, shape (n_categories,)
        Rows by code.
    categories : names of the codes
    n, n_missing : int
        Rows, and those of them without a category.
    n_distinct : int
        Categories that some row holds.
    chosen_by : int array, shape (n_categories,)
        The counts of the half of its rows that may choose what is looked at (`counting_half` are the others): whatever
        is chosen by counts must be counted on other rows, or the frequent look too frequent.
    n_missing_counted : int
        The missing values of the other half.
    """

    counts: np.ndarray
    categories: tuple[str, ...]
    n: int
    n_missing: int
    n_distinct: int
    chosen_by: np.ndarray
    n_missing_counted: int

    @classmethod
    def from_sample(cls, sample: CategoricalSample) -> Self:
        """Count the rows of each category.

        Parameters
        ----------
        sample : CategoricalSample

        Returns
        -------
        CategoricalReference

        Raises
        ------
        ValueError
            If a code has no category.

        Examples
        --------
        >>> sample = CategoricalSample(np.array([0, 0, 1, -1]), ("blue", "red", "green"))
        >>> CategoricalReference.from_sample(sample).counts
        array([2, 1, 0])
        """
        counts, counted = sample.counts(), counting_half(len(sample))
        n_present = int(counts.sum())
        n_distinct = int(np.count_nonzero(counts))
        chosen_by = CategoricalSample(sample.codes[~counted], sample.categories).counts()
        n_missing_counted = int((sample.codes[counted] < 0).sum())
        n_missing = len(sample) - n_present
        return cls(counts, sample.categories, len(sample), n_missing, n_distinct, chosen_by, n_missing_counted)

    @property
    def new_within(self) -> float:
        """The share of values of one half of the rows that the other half does not hold."""
        counted = self.counts - self.chosen_by
        return float(counted[self.chosen_by == 0].sum() / max(counted.sum(), 1))

    @property
    def is_id(self) -> bool:
        """Whether most values are new even within the reference: an id or free text, of which nothing can be told."""
        return self.n_distinct > MAX_DISTINCT and self.new_within > MOST_NEW


def counting_half(n: int) -> np.ndarray:
    """Return which of n rows in time order are counted, bool array; the others choose. Blocks of rows alternate.

    Returns
    -------
    bool array, shape (n,)
        About half of them are true.

    Examples
    --------
    >>> counting_half(16).astype(int)
    array([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1])
    """
    block = max(min(_BLOCK, n // 8), 1)
    half: np.ndarray = np.arange(n) // block % 2 == 1
    return half


Reference = NumericReference | CategoricalReference
_NONE = np.empty(0, np.int64)


def reference_from(sample: Sample) -> Reference:
    """Make a sample ready to be compared with.

    Parameters
    ----------
    sample : Sample

    Returns
    -------
    NumericReference or CategoricalReference
        Of the sample's kind.

    Raises
    ------
    ValueError
        If a code of a category has no name.
    """
    if isinstance(sample, NumericSample):
        return NumericReference.from_sample(sample)
    return CategoricalReference.from_sample(sample)
