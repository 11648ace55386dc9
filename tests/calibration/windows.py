"""The windows that a rule looks at: 1,000 rows, every 100 rows, all of a life at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from drift.statistics.ks_p_values import ks_p_values
from tests.calibration.streams import STRIDE, WINDOW, Life

NEVER = float("inf")


@dataclass(frozen=True, eq=False)
class Windows:
    """All windows of a life; what several rules need of them is computed once."""

    life: Life

    @cached_property
    def ends(self) -> np.ndarray:
        """The row at which each window ends."""
        return np.arange(WINDOW, self.life.stream.size + 1, STRIDE)

    @cached_property
    def ordered(self) -> np.ndarray:
        """The numbers of every window in ascending order, shape (n_windows, WINDOW)."""
        windows = np.lib.stride_tricks.sliding_window_view(self.life.stream, WINDOW)[::STRIDE]
        return np.sort(windows, axis=1)

    @cached_property
    def ordered_reference(self) -> np.ndarray:
        """The numbers of the reference in ascending order."""
        return np.sort(self.life.reference)

    @cached_property
    def counts(self) -> np.ndarray:
        """Rows per category and window; the last category is one that the reference does not have."""
        return self.binned(self.life.stream, self.life.n_categories + 1)

    @cached_property
    def reference_counts(self) -> np.ndarray:
        """Rows per category in the reference."""
        return np.bincount(self.life.reference, minlength=self.life.n_categories + 1)

    @cached_property
    def p_values(self) -> np.ndarray:
        """The p-value of each window: Kolmogorov and Smirnov for numbers, Pearson's 2xK table for categories."""
        if self.life.n_categories:
            return homogeneity_p_values(self.reference_counts, self.counts)
        distances = ks_distances(self.ordered_reference, self.ordered)
        return ks_p_values(distances, self.life.reference.size, WINDOW)[0]

    def binned(self, bins: np.ndarray, n_bins: int) -> np.ndarray:
        """Count rows per bin and window, given the bin of every row."""
        n_buckets = bins.size // STRIDE
        at = bins + np.repeat(np.arange(n_buckets) * n_bins, STRIDE)
        buckets = np.bincount(at, minlength=n_buckets * n_bins).reshape(n_buckets, n_bins)
        totals = np.concatenate([np.zeros((1, n_bins), int), np.cumsum(buckets, axis=0)])
        return totals[WINDOW // STRIDE :] - totals[: -WINDOW // STRIDE]

    def first(self, alarmed: np.ndarray) -> float:
        """Return the row at which the first of the alarmed windows ends; infinite if there is none."""
        return float(self.ends[alarmed.argmax()]) if alarmed.any() else NEVER


def ks_distances(reference: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Return the KS distance of every window; both are sorted, and no two numbers are equal.

    Examples
    --------
    >>> ks_distances(np.array([1.0, 2, 3, 4]), np.array([[2.5, 4.5, 5, 6]]))
    array([0.75])
    """
    n = windows.shape[1]
    below = np.searchsorted(reference, windows) / reference.size
    steps = np.arange(n + 1) / n
    distances: np.ndarray = np.maximum((below - steps[:-1]).max(axis=1), (steps[1:] - below).max(axis=1))
    return distances


def wasserstein_distances(reference: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Return the first Wasserstein distance of every window: the mean distance of equal quantiles, both sorted."""
    n, m = reference.size, windows.shape[1]
    quantiles = np.lcm(n, m)
    repeated = np.repeat(windows, quantiles // m, axis=1)
    distances: np.ndarray = np.abs(repeated - np.repeat(reference, quantiles // n)).mean(axis=1)
    return distances


def homogeneity_p_values(reference: np.ndarray, windows: np.ndarray) -> np.ndarray:
    """Return Pearson's p-value of the 2xK table of each window, categories empty in both left out."""
    both = reference + windows
    n, m = reference.sum(), windows.sum(axis=1, keepdims=True)
    expected = both * (m / (n + m))
    excess = (windows - expected) ** 2 / np.where(both, expected, 1)
    df = (both > 0).sum(axis=1) - 1
    p_values: np.ndarray = special.chdtrc(df, excess.sum(axis=1) * (n + m[:, 0]) / n)
    return p_values
