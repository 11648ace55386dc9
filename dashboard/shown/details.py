"""One column in depth: what its page draws and lists, computed once from two samples."""

from dataclasses import dataclass

import numpy as np

from drift.data.samples import NumericReference, NumericSample, Reference, Sample
from drift.statistics.distribution import Distribution, distribution
from drift.statistics.effects import adjusted_residuals, quantile_table, shares_at, wasserstein_in_sd
from drift.statistics.kolmogorov_smirnov import ks_statistic
from drift.statistics.stability import population_stability, quantile_bin_counts

_POINTS = 300


@dataclass(frozen=True, eq=False)
class Steps:
    """Two distribution functions at shared values, and the gap between them where it is largest.

    Attributes
    ----------
    values : float array, shape (n_points,), ascending
    reference_share, current_share : float arrays, shape (n_points,)
        Rows up to each value, 0 to 1.
    location : the value of the largest gap
    shares : both functions there
    """

    values: np.ndarray
    reference_share: np.ndarray
    current_share: np.ndarray
    location: float
    shares: tuple[float, float]


@dataclass(frozen=True, eq=False)
class ColumnDetail:
    """A column of a window and of its reference.

    Attributes
    ----------
    shown : how both are distributed
    steps, quantiles : for numbers; a quantile is (level, reference, current)
    moved_sd : how far values moved on average, in standard deviations of the reference; NaN for categories
    residuals : float array, shape (n_categories,), in standard errors
        None for what is not shown by category.
    psi : population stability index, from 0
        Over ten bins at quantiles of the reference, or over the categories that are shown; NaN where a side is empty.
    """

    shown: Distribution
    steps: Steps | None = None
    quantiles: tuple[tuple[float, float, float], ...] = ()
    moved_sd: float = float("nan")
    residuals: np.ndarray | None = None
    psi: float = float("nan")


def column_detail(reference: Reference, sample: Sample) -> ColumnDetail:
    """Compare a column of a window with its reference, for reading.

    Parameters
    ----------
    reference, sample : the column in the reference, shape (n_reference,), and in the window, shape (n,)

    Returns
    -------
    ColumnDetail
        What an empty side leaves unknown is None or NaN in it.

    Examples
    --------
    >>> reference = NumericReference.from_sample(NumericSample(np.arange(100.0)))
    >>> detail = column_detail(reference, NumericSample(np.arange(50.0, 100.0)))
    >>> detail.steps.shares, round(detail.psi, 2)
    ((0.5, 0.0), 3.8)
    """
    shown = distribution(reference, sample)
    residuals, psi = None, float("nan")
    if shown.categories and shown.n_reference and shown.n_current:
        counts = (shown.reference_share * shown.n_reference, shown.current_share * shown.n_current)
        residuals = adjusted_residuals(*(np.rint(count) for count in counts))
        psi = population_stability(*counts)
    if not isinstance(reference, NumericReference) or not isinstance(sample, NumericSample):
        return ColumnDetail(shown, residuals=residuals, psi=psi)
    ordered = NumericReference.from_sample(sample)
    if not reference.finite.size or not ordered.finite.size:
        return ColumnDetail(shown, residuals=residuals, psi=psi)
    return ColumnDetail(
        shown,
        _steps(reference.finite, ordered.finite),
        tuple(quantile_table(reference.finite, ordered.finite)),
        wasserstein_in_sd(reference.finite, ordered.finite),
        residuals,
        psi if shown.categories else population_stability(*quantile_bin_counts(reference.finite, ordered.finite)),
    )


def _steps(reference: np.ndarray, current: np.ndarray) -> Steps:
    """Thin both distribution functions to some hundred points that keep the largest gap."""
    _, location, _ = ks_statistic(reference, current)
    levels = np.linspace(0.002, 0.998, _POINTS // 2)
    values = np.unique(np.concatenate([np.quantile(reference, levels), np.quantile(current, levels), [location]]))
    shares = [np.searchsorted(side, values, side="right") / side.size for side in (reference, current)]
    return Steps(values, shares[0], shares[1], location, shares_at(reference, current, location))
