"""Windows against a reference by counts on its cells: many windows, or long ones, at the cost of a few numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drift.columns.by_values import comparison
from drift.columns.categorical import categorical_values
from drift.columns.numeric import known_values
from drift.columns.values import Table, Values, too_few
from drift.columns.windows import Compared
from drift.data.policy import DriftPolicy
from drift.data.samples import CategoricalReference, NumericReference, Reference
from drift.statistics.chi_squared import ChiSquaredTests, chi_squared_tests
from drift.statistics.grid import ColumnCounts, ReferenceGrid, distances_on_grid, slack_of
from drift.statistics.rare import missing_share_tests, unseen_p_value
from drift.statistics.two_sample import NUMBERS, Test

_PENDING = float("nan")


def compare_counts(
    reference: ReferenceGrid | CategoricalReference | None, counted: ColumnCounts, policy: DriftPolicy
) -> tuple[Compared, list[int]]:
    """Compare every window of a column with its reference by counts.

    A KS distance is known to within a bound; all else is exact.

    Parameters
    ----------
    reference : ReferenceGrid, CategoricalReference or None
        Of the same kind as what was counted; None where the reference does not hold the column.
    counted : ColumnCounts
        On the edges of the reference's own cells, or by its categories.

    Returns
    -------
    compared : Compared
        All windows; the p-values of KS tests are still NaN.
    unknown : list of int
        The windows that must be compared value by value: those with values that a reference of few different ones does
        not hold.

    Raises
    ------
    ValueError
        If the reference is missing or of another kind than the counts.
    """
    if isinstance(reference, CategoricalReference) and counted.edges is None:
        return _by_category(_in_categories(reference, counted), policy), []
    if isinstance(reference, ReferenceGrid) and counted.edges is not None:
        if not reference.reference.distinct.size:
            return _by_distance(reference, counted, policy), []
        known = _in_known_values(reference, counted)
        unknown = np.flatnonzero(known.sizes < counted.n_values)
        return _by_category(known, policy), unknown.tolist()
    kind = type(reference).__name__ if reference is not None else "nothing"
    raise ValueError(f"the reference must hold what the window holds; got {kind}.")


@dataclass(frozen=True, eq=False)
class _Categories:
    """Windows counted in categories, or in the few different values of a numeric reference.

    Attributes
    ----------
    reference_counts : int array, shape (n_categories,)
    counts : int array, shape (n_windows, n_categories)
    n_missing : int array, shape (n_windows,)
    """

    reference: CategoricalReference | NumericReference
    names: Sequence[str]
    reference_counts: np.ndarray
    counts: np.ndarray
    n_missing: np.ndarray

    @property
    def sizes(self) -> np.ndarray:
        """Rows with a value, int array of shape (n_windows,)."""
        sizes: np.ndarray = self.counts.sum(axis=1)
        return sizes

    @property
    def beyond(self) -> np.ndarray:
        """Share of values outside the range of the reference, which are infinite, float array of shape (n_windows,)."""
        if isinstance(self.reference, CategoricalReference):
            return np.zeros(len(self.counts))
        infinite = self.counts[:, ~np.isfinite(self.reference.distinct)].sum(axis=1)
        share: np.ndarray = infinite / np.maximum(self.sizes, 1)
        return share

    def values(self, window: int, policy: DriftPolicy) -> Values:
        """Compare one window by itself."""
        reference, counts = self.reference, self.counts[window]
        if isinstance(reference, CategoricalReference):
            return categorical_values(reference, counts, tuple(self.names), policy)
        df = max(reference.distinct.size - 1, 0)
        if said := too_few(reference.ordered.size, int(counts.sum()), policy, df):
            return Values(result=None, note=said)
        return known_values(reference, counts)


def _in_categories(reference: CategoricalReference, counted: ColumnCounts) -> _Categories:
    """Let reference and windows share the longer of their lists of categories."""
    names = max(counted.categories, reference.categories, key=len)
    counts = np.pad(counted.counts, ((0, 0), (0, len(names) - counted.up_to.shape[1])))
    known = np.pad(reference.counts, (0, len(names) - reference.counts.size))
    return _Categories(reference, names, known, counts, counted.n_missing)


def _in_known_values(grid: ReferenceGrid, counted: ColumnCounts) -> _Categories:
    """Take the cells of the few different values that a reference holds: each has one of its own."""
    reference, known = grid.reference, grid.reference.distinct
    counts = counted.counts[:, np.searchsorted(grid.edges, known + slack_of(known), side="left")]
    return _Categories(reference, [f"{value:.6g}" for value in known], reference.counts, counts, counted.n_missing)


def _by_category(categories: _Categories, policy: DriftPolicy) -> Compared:
    """Test the windows that hold enough rows and no new category together, the others one by one."""
    reference, sizes, known = categories.reference, categories.sizes, categories.reference_counts > 0
    before, counts = categories.reference_counts[known], categories.counts[:, known]
    regular, tests = _regular(categories, policy)
    numbers = _sizes(reference, sizes, categories.n_missing, policy) | {"out_of_range": categories.beyond}
    if tests is not None:
        for name in NUMBERS:
            numbers[name] = np.full(sizes.size, _PENDING)
            numbers[name][regular] = getattr(tests, name)[tests.df > 0]
    names: list[Test] = ["none"] * sizes.size
    compared = Compared(numbers, names)
    named = [name for name, is_known in zip(categories.names, known.tolist(), strict=True) if is_known]
    for window in regular.tolist():
        compared.tests[window], compared.tables[window] = "chi2", Table(before, counts[window], named)
    for window in set(range(sizes.size)) - set(regular.tolist()):
        n_missing = int(categories.n_missing[window])
        values = categories.values(window, policy)
        compared.put(window, comparison(reference, int(sizes[window]) + n_missing, n_missing, values, policy))
    return compared


def _regular(categories: _Categories, policy: DriftPolicy) -> tuple[np.ndarray, ChiSquaredTests | None]:
    """Return the windows that a chi-squared test of all together serves, and the tests of those that it was tried on.

    Those have a degree of freedom: the rows of the others are all too rare.
    """
    before = categories.reference_counts
    known, nobody = before > 0, np.zeros(0, np.int64)
    is_id = isinstance(categories.reference, CategoricalReference) and categories.reference.is_id
    if is_id or known.sum() < 2 or before.sum() < policy.min_sample:
        return nobody, None
    tried = np.flatnonzero((categories.sizes >= policy.min_sample) & ~categories.counts[:, ~known].any(axis=1))
    if not tried.size:
        return nobody, None
    tests = chi_squared_tests(before[known], categories.counts[tried][:, known])
    return tried[tests.df > 0], tests


def _sizes(
    reference: Reference, sizes: np.ndarray, n_missing: np.ndarray, policy: DriftPolicy
) -> dict[str, np.ndarray]:
    """Return the numbers of rows and values, and the test of missing values; nothing is unseen."""
    n, n_values_reference = sizes + n_missing, reference.n - reference.n_missing
    missing_p = np.ones(n.size)
    enough = (n >= policy.min_sample) & (reference.n >= policy.min_sample) & (n_values_reference > 0)
    missing_p[enough] = missing_share_tests(reference.n, reference.n_missing, n[enough], n_missing[enough])
    constants = {"n_reference": reference.n, "n_values_reference": n_values_reference, "unseen_p": 1.0}
    return {"n": n, "n_values": sizes, "missing_p": missing_p} | {k: np.asarray(v) for k, v in constants.items()}


def _by_distance(grid: ReferenceGrid, counted: ColumnCounts, policy: DriftPolicy) -> Compared:
    """Bound the KS distance of every window."""
    reference, up_to, sizes = grid.reference, counted.up_to, counted.n_values
    n_reference = reference.ordered.size
    is_tested = (sizes >= policy.min_sample) & (n_reference >= policy.min_sample)
    tested = np.flatnonzero(is_tested)
    numbers = _sizes(reference, sizes, counted.n_missing, policy)
    tests: list[Test] = ["ks" if yes else "none" for yes in is_tested.tolist()]
    if not tested.size:
        compared = Compared(numbers, tests)
    else:
        found = _Distances(grid, up_to[tested] if tested.size < sizes.size else up_to)
        for name, values in found.numbers().items():
            numbers[name] = np.full(sizes.size, 0.0 if name in ("bound", "n_unseen", "out_of_range") else _PENDING)
            numbers[name][tested] = values
        compared = Compared(numbers, tests)
        for window, table in zip(tested.tolist(), found.tables(), strict=True):
            compared.tables[window] = table
        for row in np.flatnonzero(found.infinite.any(axis=1)).tolist():
            window, n_unseen = tested[row], int(found.infinite[row].sum())
            compared.unseen[window] = found.unseen(row)
            compared.numbers["unseen_p"][window], _ = unseen_p_value(n_reference, int(sizes[window]), n_unseen)
    for window in np.flatnonzero(~is_tested).tolist():
        compared.notes[window] = too_few(n_reference, int(sizes[window]), policy, 0)
    return compared


class _Distances:
    """The KS distances of many windows from one reference, as far as counts tell them."""

    def __init__(self, grid: ReferenceGrid, up_to: np.ndarray) -> None:
        self.grid = grid
        self.distance, self.edge, leads = distances_on_grid(grid.shares, up_to)
        self.bound = np.minimum(grid.bound, 1 - self.distance)
        self.shares = grid.shares[self.edge] - np.where(leads, self.distance, -self.distance)
        self.tenth_counts = np.diff(up_to[:, grid.tenths], axis=1, prepend=up_to.dtype.type(0))
        self.out_of_range = 1 - (up_to[:, grid.highest] - up_to[:, grid.below]) / up_to[:, -1]
        # An infinity is as new as an unseen category, unless the reference holds one.
        infinite = np.column_stack([up_to[:, -1] - up_to[:, -2], up_to[:, 0]])
        self.infinite = np.zeros_like(infinite) if grid.has_infinity else infinite

    def numbers(self) -> dict[str, np.ndarray]:
        """Return the numbers of every window, as Compared names them."""
        return {
            "statistic": self.distance,
            "effect_size": self.distance,
            "bound": self.bound,
            "location": self.grid.locations[self.edge],
            "reference_share": self.grid.shares[self.edge],
            "share": self.shares,
            "n_unseen": self.infinite.sum(axis=1),
            "out_of_range": self.out_of_range,
        }

    def tables(self) -> list[Table]:
        """Return the counts of every window in the ten bins of the reference."""
        return [Table(self.grid.tenth_counts, counts) for counts in self.tenth_counts]

    def unseen(self, row: int) -> tuple[tuple[str, int], ...]:
        """Return the infinities of one window that are new, the more frequent first."""
        found = zip(("inf", "-inf"), self.infinite[row].tolist(), strict=True)
        return tuple(sorted(((name, n) for name, n in found if n), key=lambda pair: -pair[1]))
