"""Rules that others use, each over the windows of one life.

The rules of Evidently and NannyML are those of their source code, re-stated for many windows at once: the defaults
that decide whether a column of one window is called drifted. They were compared with the libraries themselves.
"""

from collections.abc import Callable, Mapping

import numpy as np
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from tests.calibration.streams import WINDOW, Life
from tests.calibration.windows import Windows, wasserstein_distances

EVIDENTLY, NANNYML = "Evidently 0.7.23", "NannyML 0.13.1"
_P, _DISTANCE = 0.05, 0.1
_SMALL_REFERENCE = 1_000

# Which windows of a life alarm; None where the rule cannot be used.
WindowRule = Callable[[Windows], np.ndarray | None]


def naive(windows: Windows) -> np.ndarray:
    """Alarm at each look with p < .05."""
    return windows.p_values < _P


def three_in_a_row(windows: Windows) -> np.ndarray:
    """Alarm at the third of three looks with p < .05 one after the other."""
    low = windows.p_values < _P
    third = np.zeros(low.size, bool)
    third[2:] = low[2:] & low[1:-1] & low[:-2]
    return third


def evidently(windows: Windows) -> np.ndarray:
    """Alarm as Evidently's default test of a column does [1]_.

    References of at most 1,000 rows: KS for numbers; for categories a one-sample chi-squared test against the scaled
    reference, or a z-test of two; all at .05. Longer ones: the Wasserstein distance over the reference's standard
    deviation, or the Jensen-Shannon distance of categories, from .1 on.

    References
    ----------
    .. [1] evidently/legacy/calculations/stattests/{registry,ks_stattest,chisquare_stattest,z_stattest,
       wasserstein_distance_norm,jensenshannon}.py, version 0.7.23.
    """
    life = windows.life
    if life.reference.size > _SMALL_REFERENCE:
        if life.n_categories:
            return _jensen_shannon(windows.reference_counts, windows.counts) >= _DISTANCE
        distances = wasserstein_distances(windows.ordered_reference, windows.ordered)
        return distances / life.reference.std() >= _DISTANCE
    if not life.n_categories:
        return _exact_p_values(windows) <= _P
    counts, reference = windows.counts, windows.reference_counts
    n_values = np.count_nonzero(counts + reference, axis=1)
    return np.where(n_values > 2, _one_sample_p(reference, counts), _proportions_p(reference, counts)) < _P


def nannyml(windows: Windows) -> np.ndarray | None:
    """Alarm as NannyML's default does [1]_: a Jensen-Shannon distance more than 3 sd above the reference chunks' mean.

    Chunks have the size of a window. A reference of fewer than two has no spread to go by.

    References
    ----------
    .. [1] nannyml/drift/univariate/{calculator,methods}.py and nannyml/thresholds.py, version 0.13.1.
    """
    n_chunks = windows.life.reference.size // WINDOW
    if n_chunks < 2:
        return None
    reference_bins, stream_bins, n_bins = _nannyml_bins(windows.life)
    reference = np.bincount(reference_bins, minlength=n_bins)
    chunks = reference_bins[: n_chunks * WINDOW].reshape(n_chunks, WINDOW)
    counts = np.array([np.bincount(chunk, minlength=n_bins) for chunk in chunks])
    usual = _jensen_shannon(reference, counts, base=2)
    found = _jensen_shannon(reference, windows.binned(stream_bins, n_bins), base=2)
    return found > usual.mean() + 3 * usual.std()


def nannyml_whole_chunks(windows: Windows) -> np.ndarray | None:
    """Alarm by NannyML's default, looking only once per window of 1,000 rows."""
    alarmed = nannyml(windows)
    if alarmed is None:
        return None
    return alarmed & (windows.ends % WINDOW == 0)


WINDOW_RULES: Mapping[str, WindowRule] = {
    "p < .05": naive,
    "three in a row": three_in_a_row,
    EVIDENTLY: evidently,
    f"{NANNYML} sliding": nannyml,
    f"{NANNYML} chunks": nannyml_whole_chunks,
}


def _jensen_shannon(reference: np.ndarray, counts: np.ndarray, base: float | None = None) -> np.ndarray:
    distances: np.ndarray = jensenshannon(np.broadcast_to(reference, counts.shape), counts, base, axis=1)
    return distances


def _exact_p_values(windows: Windows) -> np.ndarray:
    """Return KS p-values, exact where the asymptotic one leaves a doubt about the alarm."""
    p_values = windows.p_values.copy()
    for k in np.flatnonzero((p_values > _P / 2) & (p_values < 2 * _P)):
        p_values[k] = stats.ks_2samp(windows.ordered_reference, windows.ordered[k], method="exact").pvalue
    return p_values


def _one_sample_p(reference: np.ndarray, counts: np.ndarray) -> np.ndarray:
    expected = reference * (counts.sum(axis=1, keepdims=True) / reference.sum())
    # A category that the reference lacks has the expectation zero, and makes the statistic infinite.
    terms = np.where(counts == expected, 0.0, (counts - expected) ** 2 / np.maximum(expected, 1e-300))
    df = np.count_nonzero(counts + reference, axis=1) - 1
    p_values: np.ndarray = special.chdtrc(df, terms.sum(axis=1))
    return p_values


def _proportions_p(reference: np.ndarray, counts: np.ndarray) -> np.ndarray:
    n, m = reference.sum(), counts.sum(axis=1)
    share = (reference[0] + counts[:, 0]) / (n + m)
    spread = np.maximum(share * (1 - share), 1e-300) * (1 / n + 1 / m)
    z = (reference[0] / n - counts[:, 0] / m) / np.sqrt(spread)
    p_values: np.ndarray = 2 * special.ndtr(-np.abs(z))
    return p_values


def _nannyml_bins(life: Life) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the bin of every row; the last bin is for what the reference never showed."""
    if life.n_categories:
        return life.reference, life.stream, life.n_categories + 1
    edges = np.histogram_bin_edges(life.reference, bins="doane")
    n_bins = edges.size - 1

    def placed(rows: np.ndarray) -> np.ndarray:
        bins = np.searchsorted(edges, rows, side="right") - 1
        bins[rows == edges[-1]] = n_bins - 1
        return np.where((bins < 0) | (bins >= n_bins), n_bins, bins)

    return placed(life.reference), placed(life.stream), n_bins + 1
