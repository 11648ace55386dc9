"""The population stability index, and the bins at a reference's quantiles that it compares: a habit, never a test."""

import numpy as np
from numpy.typing import ArrayLike


def population_stability(reference_counts: ArrayLike, current_counts: ArrayLike, pseudo_share: float = 1e-4) -> float:
    """Return the population stability index. It grows with noise and with bins: a habit, never a test.

    Parameters
    ----------
    reference_counts, current_counts : counts, shape (n_bins,)
    pseudo_share : float
        What an empty bin is taken to hold, so that the logarithm exists.

    Returns
    -------
    float
        At least 0, without an upper end.

    Examples
    --------
    >>> round(population_stability([0, 2, 1], [1, 1, 1]), 6)  # samples 3, 2, 2 and 1, 2, 3
    2.934147
    """
    reference, current = np.asarray(reference_counts, float), np.asarray(current_counts, float)
    p, q = reference / reference.sum(), current / current.sum()
    p, q = np.where(p == 0, pseudo_share, p), np.where(q == 0, pseudo_share, q)
    # A bin that is empty in both adds (pseudo - pseudo) * log(1) = 0.
    return float(((q - p) * np.log(q / p)).sum())


def stability_index(reference_counts: ArrayLike, current_counts: ArrayLike) -> float:
    """Return the population stability index less what chance alone adds [1]_: (bins - 1) * (1/n + 1/m).

    Parameters
    ----------
    reference_counts, current_counts : counts, shape (n_bins,)
        Bins in the same order; those empty in both do not count.

    Returns
    -------
    float
        At least 0.

    References
    ----------
    .. [1] Yurdakul (2018), "Statistical properties of population stability index".

    Examples
    --------
    >>> stability_index([500, 500], [50, 50])
    0.0
    """
    reference, current = np.asarray(reference_counts, float), np.asarray(current_counts, float)
    n_bins = int(((reference > 0) | (current > 0)).sum())
    noise = (n_bins - 1) * (1 / reference.sum() + 1 / current.sum())
    return max(0.0, population_stability(reference, current) - float(noise))


def quantile_bin_counts(
    reference_sorted: np.ndarray, current_sorted: np.ndarray, n_bins: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Count both samples in bins at the reference's quantiles: what the population stability index compares.

    Parameters
    ----------
    reference_sorted, current_sorted : float arrays, shapes (n_reference,) and (n_current,)
        Ascending, without NaN; the reference is not empty.
    n_bins : int

    Returns
    -------
    reference, current : int arrays, shape (n_bins,)
        Shorter where quantiles of the reference coincide.

    Examples
    --------
    >>> quantile_bin_counts(np.arange(10.0), np.arange(5.0), 2)
    (array([5, 5]), array([5, 0]))
    """
    edges = quantile_edges(reference_sorted, n_bins)
    reference, current = (
        np.diff(np.concatenate([[0], np.searchsorted(values, edges, side="right"), [values.size]]))
        for values in (reference_sorted, current_sorted)
    )
    return reference, current


def quantile_edges(reference_sorted: np.ndarray, n_bins: int = 10) -> np.ndarray:
    """Return the last value of each bin at the reference's quantiles, but the last bin's.

    Parameters
    ----------
    reference_sorted : float array, shape (n_reference,)
        Ascending, without NaN, not empty.
    n_bins : int

    Returns
    -------
    float array, shape (n_bins - 1,)
        Ascending, none twice: shorter where quantiles coincide.

    Examples
    --------
    >>> quantile_edges(np.arange(1.0, 11.0), 5)
    array([2., 4., 6., 8.])
    """
    at = np.maximum(np.arange(1, n_bins) * reference_sorted.size // n_bins, 1) - 1
    return np.unique(reference_sorted[at])
