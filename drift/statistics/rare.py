"""Exact tests of rare things: values that are missing, categories never seen before."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

# A cell of the 2x2 table is trusted from this expected count on (Cochran 1954).
MIN_EXPECTED = 5.0


def missing_share_test(n_reference: int, missing_reference: int, n_current: int, missing_current: int) -> float:
    """Return the p-value of a changed share of missing values (2x2 table).

    Pearson's test, but the exact one with both tails doubled where a cell expects fewer than 5 rows: one missing
    value in 1,000 rows is no alarm after none in 50,000.

    Parameters
    ----------
    n_reference, n_current : int
        Rows of each sample, at least 1.
    missing_reference, missing_current : int
        How many of them hold no value.

    Returns
    -------
    float
        0 to 1.

    Examples
    --------
    >>> round(missing_share_test(50_000, 0, 1_000, 1), 4)
    0.0392
    """
    missing = missing_reference + missing_current
    if missing in (0, n_reference + n_current):
        return 1.0
    rarer = min(missing, n_reference + n_current - missing)
    if rarer * min(n_reference, n_current) / (n_reference + n_current) >= MIN_EXPECTED:
        n = n_reference + n_current
        gap = missing_current / n_current - missing_reference / n_reference
        spread = missing / n * (1 - missing / n) * (1 / n_current + 1 / n_reference)
        return float(special.chdtrc(1, gap * gap / spread))
    more = _log_at_least(missing_current, missing, n_current, n_reference)
    fewer = _log_at_least(missing_reference, missing, n_reference, n_current)
    return float(min(1.0, 2 * np.exp(min(more, fewer))))


def more_often_p_value(n_reference: int, hits_reference: int, n_current: int, hits_current: int) -> float:
    """Return the one-sided exact p-value (Fisher) of a share not having risen.

    Parameters
    ----------
    n_reference, n_current : int
        Rows of each sample.
    hits_reference, hits_current : int
        How many of them count.

    Returns
    -------
    float
        0 to 1, small where the current share is the larger one.

    Examples
    --------
    >>> round(more_often_p_value(10, 1, 10, 5), 4)
    0.0704
    """
    return float(np.exp(_log_at_least(hits_current, hits_current + hits_reference, n_current, n_reference)))


def missing_share_tests(n_reference: int, missing_reference: int, n: np.ndarray, n_missing: np.ndarray) -> np.ndarray:
    """Return the p-values of `missing_share_test` for many windows.

    Parameters
    ----------
    n_reference, missing_reference : int
        Rows of the reference, and how many of them hold no value.
    n, n_missing : int arrays, shape (n_windows,)
        The same of each window, none empty.

    Returns
    -------
    float array, shape (n_windows,)
        0 to 1.

    Examples
    --------
    >>> missing_share_tests(1_000, 20, np.array([500, 500]), np.array([10, 0])).round(4)
    array([1.    , 0.0015])
    """
    p_values = np.ones(n.size)
    missing, rows = missing_reference + n_missing, n_reference + n
    some = (missing > 0) & (missing < rows)
    rarer = np.minimum(missing, rows - missing)
    many = some & (rarer * np.minimum(n_reference, n) >= MIN_EXPECTED * rows)
    if many.any():
        gap = n_missing[many] / n[many] - missing_reference / n_reference
        share = missing[many] / rows[many]
        p_values[many] = special.chdtrc(1, gap * gap / (share * (1 - share) * (1 / n[many] + 1 / n_reference)))
    for at in np.flatnonzero(some & ~many).tolist():
        p_values[at] = missing_share_test(n_reference, missing_reference, int(n[at]), int(n_missing[at]))
    return p_values


def unseen_p_value(n_reference: int, n_current: int, n_unseen: int, n_singletons: int = 0) -> tuple[float, float]:
    """Return p and log10 p that so many rows of categories unseen in the reference fall in the window by chance.

    With k unseen rows, n reference and m current ones it is ``C(m, k) / C(n + m, k)``. Categories that the reference
    holds just once show that a column has rare ones anyway (Good and Turing): they are rows that could have fallen
    in the window and did not.

    Parameters
    ----------
    n_reference, n_current : int
        Rows with a value of each sample.
    n_unseen : int
        Current rows of categories that the reference does not hold.
    n_singletons : int
        Categories that the reference holds just once.

    Returns
    -------
    p_value : float
        0 to 1; 0 where a float cannot hold it.
    log10_p : float
        At most 0.

    Examples
    --------
    >>> p_value, _ = unseen_p_value(500, 500, 1)
    >>> p_value
    0.5
    """
    if n_singletons == 0:
        row = np.arange(n_unseen)
        log_p = float(np.log((n_current - row) / (n_reference + n_current - row)).sum())
    else:
        log_p = _log_at_least(n_unseen, n_unseen + n_singletons, n_current, n_reference)
    return float(np.exp(log_p)), log_p / float(np.log(10))


def _log_at_least(k: int, n_drawn: int, n_current: int, n_reference: int) -> float:
    """Return log P(at least k of n_drawn rows, drawn from all rows, are of the current sample)."""
    hits = np.arange(max(k, n_drawn - n_reference), min(n_drawn, n_current) + 1, dtype=float)
    terms = _log_choose(n_current, hits) + _log_choose(n_reference, n_drawn - hits)
    return float(min(special.logsumexp(terms) - _log_choose(n_current + n_reference, n_drawn), 0.0))


def _log_choose(n: ArrayLike, k: ArrayLike) -> np.ndarray:
    """Return the log of the binomial coefficients, of the broadcast shape."""
    n, k = np.asarray(n, float), np.asarray(k, float)
    log_ways: np.ndarray = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return log_ways
