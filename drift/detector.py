"""Drift between two samples in one call: the contract of the lesson."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from drift.statistics.chi_squared import chi_squared_test
from drift.statistics.kolmogorov_smirnov import ks_test
from drift.statistics.two_sample import TwoSampleResult

# Labels are few, so one row of an unseen label in a thousand stays a category of its own. With hundreds of rare
# labels and no pooling at all, 38 % of healthy looks alarmed at .05 (10,000 against 100 rows); with this, 8 %.
_MIN_EXPECTED_LABELS = 0.5


@dataclass(frozen=True)
class DriftResult:
    """Whether two samples differ by more than chance, and by how much.

    `is_drifted` is a statement about one look: at a threshold of .05, one healthy look in twenty says so. The
    monitor (`drift.monitor`) is what may be asked again and again. `n_missing` counts the values left out.
    """

    is_drifted: bool
    p_value: float
    statistic: float
    effect_size: float = float("nan")
    log10_p: float = float("nan")
    df: int = 0
    n_missing: int = 0


def detect_distribution_drift(
    reference: Iterable[float], current: Iterable[float], threshold: float = 0.05
) -> DriftResult:
    """Test whether numbers, such as text lengths or scores, still have the distribution they had.

    Two-sample Kolmogorov-Smirnov: exact below 50 values, asymptotic from there. Missing values (None, NaN) are
    left out and counted.

    Raises
    ------
    ValueError
        If a sample holds no value or something that is no number, or the threshold is not between 0 and 1.

    Examples
    --------
    >>> detect_distribution_drift([38.7, 41.5, 43.8, 44.5, 45.5, 46, 47.7, 58],
    ...     [39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8])
    DriftResult(is_drifted=False, p_value=0.0870..., statistic=0.625, ...)
    """
    _check_threshold(threshold)
    samples, n_missing = [], 0
    for name, values in {"reference": reference, "current": current}.items():
        numbers = _numbers(name, values)
        samples.append(numbers[~np.isnan(numbers)])
        n_missing += int(np.isnan(numbers).sum())
        _check_size(name, samples[-1].size)
    return _result(ks_test(samples[0], samples[1]), threshold, n_missing)


def detect_prediction_drift(
    reference_predictions: Iterable[Hashable], current_predictions: Iterable[Hashable], threshold: float = 0.05
) -> DriftResult:
    """Test whether predicted labels still come in the shares they did: any labels, any number of them.

    Pearson's chi-squared test of the table of both samples. Testing the current counts against the reference's
    shares instead would take the reference for free of noise, and a label that it lacks would divide by zero.
    Missing labels (None, NaN) are left out and counted.

    Raises
    ------
    ValueError
        If a sample holds no label, or the threshold is not between 0 and 1.

    Examples
    --------
    >>> detect_prediction_drift(["good", "bad"] * 500, ["good"] * 60 + ["bad"] * 40)
    DriftResult(is_drifted=False, p_value=0.0564..., statistic=3.637..., ...)
    """
    _check_threshold(threshold)
    counts, n_missing = [], 0
    for name, values in {
        "reference_predictions": reference_predictions,
        "current_predictions": current_predictions,
    }.items():
        counted = Counter(np.asarray(values).ravel().tolist() if isinstance(values, np.ndarray) else values)
        missing = [label for label in counted if label is None or label != label]
        n_missing += sum(counted.pop(label) for label in missing)
        counts.append(counted)
        _check_size(name, counted.total())
    # A Counter answers 0 for a label that it has never seen.
    labels = list(counts[0] | counts[1])
    table = [[counted[label] for label in labels] for counted in counts]
    return _result(chi_squared_test(table[0], table[1], _MIN_EXPECTED_LABELS), threshold, n_missing)


def _result(test: TwoSampleResult, threshold: float, n_missing: int) -> DriftResult:
    return DriftResult(
        is_drifted=test.p_value < threshold,
        p_value=test.p_value,
        statistic=test.statistic,
        effect_size=test.effect_size,
        log10_p=test.log10_p,
        df=test.df,
        n_missing=n_missing,
    )


def _numbers(name: str, values: Any) -> np.ndarray:
    """Return values as floats, shape (n,); None becomes NaN."""
    try:
        return np.asarray(values if hasattr(values, "__len__") else list(values), float).ravel()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers; got {str(values)[:60]}.") from error


def _check_size(name: str, size: int) -> None:
    if size == 0:
        raise ValueError(f"{name} must hold at least one value that is not missing; got none.")


def _check_threshold(threshold: float) -> None:
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must be between 0 and 1; got {threshold}.")
