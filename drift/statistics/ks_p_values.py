"""p-values of the two-sided two-sample Kolmogorov-Smirnov statistic, many at a time.

The asymptotic p-value of two samples is the one-sample p-value at the effective size
``n = n_reference * n_current / (n_reference + n_current)``, rounded. SciPy sums n terms for it, 31-480 ms for one
drifted column of 1e5 to 1e6 rows; here the same sum is an integral over 128 nodes, whatever n is.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

# SciPy is compared with down to here; below, p is a number only on a log scale.
SMALLEST_P = 1e-300
EXACT_BELOW = 50
_NODES = np.arange(1, 128) / 128


def ks_p_values(d: ArrayLike, n_reference: ArrayLike, n_current: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the p-values of KS statistics and their decimal logarithms, which are always finite.

    Asymptotic, but exact where the smaller sample has fewer than 50 values.

    Parameters
    ----------
    d, n_reference, n_current : floats and counts, shapes that broadcast
        KS distances and the sizes of the two samples, at least 1.

    Returns
    -------
    p_values : float array of the broadcast shape
        0 to 1; 0 where a float cannot hold it.
    log10_p : float array of the broadcast shape
        At most 0.

    Raises
    ------
    ValueError
        If a distance lies outside 0 to 1, is NaN, or a sample is empty.

    References
    ----------
    .. [1] Simard and L'Ecuyer (2011), "Computing the two-sided Kolmogorov-Smirnov distribution": which formula where.
    .. [2] Smirnov (1944); Birnbaum and Tingey (1951): the one-sided tail, doubled.
    .. [3] Pelz and Good (1976), "Approximating the lower tail areas of the Kolmogorov-Smirnov statistic".

    Examples
    --------
    >>> p, log10_p = ks_p_values([0.02, 0.3], 50_000, 5_000)
    >>> print(f"{p[0]:.4f} {log10_p[1]:.1f}")
    0.0520 -362.5
    """
    given = np.broadcast_arrays(d, n_reference, n_current)
    d, n, m = (np.array(values, float, ndmin=1) for values in given)
    if not ((d >= 0) & (d <= 1)).all() or not ((n >= 1) & (m >= 1)).all():
        raise ValueError(f"d must be between 0 and 1 and sample sizes at least 1; got {d}, {n} and {m}.")
    effective = np.maximum(np.round(n * m / (n + m)), 1)
    log_p = np.zeros(d.shape)
    exact = np.minimum(n, m) < EXACT_BELOW
    for at in zip(*np.nonzero(exact), strict=True):
        log_p[at] = log_exact_p(d[at], int(n[at]), int(m[at]))
    spread = effective * d * d
    tail = ~exact & (spread >= np.where(effective > 140, 2.2, 4.0))
    log_p[tail] = _log_two_smirnov(effective[tail], d[tail])
    middle = ~exact & ~tail & (effective > 300)
    log_p[middle] = np.log(_pelz_good(effective[middle], d[middle]))
    small = ~exact & ~tail & ~middle
    if small.any():
        log_p[small] = np.log(_one_sample(effective[small], d[small]))
    # No p is smaller than that of samples that do not overlap, where the asymptotic one would be zero.
    apart = np.log(2) - _log_binomial(n + m, m)
    underflown = log_p <= np.log(SMALLEST_P)
    log_p[underflown] = np.maximum(log_p, np.minimum(apart, np.log(SMALLEST_P)))[underflown]
    log_p = np.where(d == 1, apart, np.minimum(log_p, 0.0)).reshape(given[0].shape)
    return np.exp(log_p), log_p / np.log(10)


def log_exact_p(d: float, n: int, m: int) -> float:
    """Return the natural log of the exact p-value, from counting lattice paths that leave the band [1]_.

    Only additions of positive numbers, so the smallest p is as accurate as the largest. Where the number of
    paths exceeds a float (beyond 500 against 500), the asymptotic p is returned.

    Parameters
    ----------
    d : float
        KS distance, 0 to 1.
    n, m : int
        The sizes of the two samples, at least 1.

    Returns
    -------
    float
        At most 0.

    References
    ----------
    .. [1] Hodges (1958), "The significance probability of the Smirnov two-sample test".
    """
    short, long = min(n, m), max(n, m)
    if _log_binomial(float(n + m), float(m)) > 690:
        return float(_log_two_smirnov(np.array([np.round(n * m / (n + m))]), np.array([d]))[0])
    # A path at (i, j) has left the band when |i / short - j / long| >= d.
    gap = round(d * np.lcm(short, long)) * np.gcd(short, long)
    j = np.arange(long + 1)
    all_paths = np.ones(long + 1)
    outside = (j * short >= gap).astype(float)
    for i in range(1, short + 1):
        all_paths = all_paths * (i + j) / i
        first = max((i * long - gap) // short + 1, 0)
        stop = min(-((-i * long - gap) // short), long + 1)
        row = all_paths.copy()
        if first < stop:
            entering = row[first - 1] if first else 0.0
            row[first:stop] = entering + np.cumsum(outside[first:stop])
        outside = row
    return float(np.log(outside[-1]) - np.log(all_paths[-1])) if outside[-1] else 0.0


def _log_two_smirnov(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Return log(2 P(D+ >= d)) of one sample: term by term for small n, else by the trapezoidal rule.

    The terms are smooth in j and vanish with their derivatives at both ends, so the rule converges exponentially.
    """
    log_p = np.full(n.shape, -np.inf)
    inside = d < 1
    for size in np.unique(n[inside & (n <= 1000)]):
        rows = inside & (n == size)
        j = np.arange(1.0, size)
        terms = _log_terms(size, d[rows][:, None], j)
        terms[j > size * (1 - d[rows][:, None])] = -np.inf
        first = size * np.log1p(-d[rows])
        log_p[rows] = np.logaddexp(special.logsumexp(terms, axis=1), first)
    rows = inside & (n > 1000)
    if rows.any():
        size, x = n[rows][:, None], d[rows][:, None]
        last = size * (1 - x)
        terms = _log_terms(size, x, last * _NODES)
        log_p[rows] = special.logsumexp(terms, axis=1) + np.log(last[:, 0] / (_NODES.size + 1))
    return np.log(2) + log_p


def _log_terms(n: np.ndarray, x: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Return log of ``x C(n, j) (x + j/n)^(j-1) (1 - x - j/n)^(n-j)`` without cancellation (Loader 2000)."""
    u = j / n
    with np.errstate(divide="ignore", invalid="ignore"):
        stirling = _stirling_error(n) - _stirling_error(j) - _stirling_error(n - j)
        root = 0.5 * np.log(n / (2 * np.pi * j * (n - j)))
        exponent = n * (u * _log1p_minus(x / u) + (1 - u) * _log1p_minus(-x / (1 - u)))
        terms: np.ndarray = np.log(x / (x + u)) + stirling + root + exponent
    return np.where(np.isnan(terms), -np.inf, terms)


def _stirling_error(n: np.ndarray) -> np.ndarray:
    """Return log(n!) minus Stirling's log(sqrt(2 pi n) (n / e)^n), for real n > 0."""
    k, error = np.array(n, float), np.zeros(np.shape(n))
    for _ in range(16):
        low = k < 16
        if not low.any():
            break
        error = np.where(low, error + (k + 0.5) * np.log1p(1 / k) - 1, error)
        k = np.where(low, k + 1, k)
    i = 1 / (k * k)
    series = 1 / 12 - i * (1 / 360 - i * (1 / 1260 - i * (1 / 1680 - i * (1 / 1188 - i * 691 / 360360))))
    return error + series / k


def _log1p_minus(y: np.ndarray) -> np.ndarray:
    """Return log(1 + y) - y, accurate for small y too."""
    r = y / (2 + y)
    square = r * r
    series = np.zeros(np.shape(y))
    for odd in range(19, 1, -2):
        series = 1 / odd + square * series
    return np.where(np.abs(y) < 0.25, r * (2 * square * series - y), np.log1p(y) - y)


def _pelz_good(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Return P(D >= d) of one sample by the expansion of Pelz and Good, for the body of the distribution."""
    z = np.maximum(np.sqrt(n) * d, 0.05)
    square, pi2 = z * z, np.pi**2
    k0, k1, k2, k3 = (np.zeros(z.shape) for _ in range(4))
    for k in range(int(np.ceil(16 * z.max(initial=0.0) / np.pi)), 0, -1):
        odd2 = (2 * k - 1) ** 2 * pi2
        weight = np.exp(-odd2 / (8 * square))
        k0 += weight
        k1 += weight * (odd2 / 4 - square)
        k2 += weight * (
            6 * square**3 + 2 * square**2 + odd2 * (2 * square**2 - 5 * square) / 4 + odd2**2 * (1 - 2 * square) / 16
        )
        k3 += weight * (
            odd2**3 * (5 - 30 * square) / 64
            + odd2**2 * (212 * square**2 - 60 * square) / 16
            + odd2 * (135 * square**2 - 96 * square**3) / 4
            - 30 * square**3
            - 90 * square**4
        )
        even2 = k * k * pi2
        other = np.exp(-even2 / (2 * square))
        k2 -= 2 * square**2 * other * even2
        k3 += 30 * square**2 * other * even2 * (3 * square - even2)
    root = np.sqrt(2 * np.pi)
    series = k0 / z + k1 / (6 * square**2 * np.sqrt(n)) + k2 / (72 * z**7 * n) + k3 / (6480 * z**10 * n**1.5)
    return np.where(np.sqrt(n) * d < 0.05, 1.0, np.clip(1 - root * series, SMALLEST_P, 1))


def _one_sample(n: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Return P(D >= d) of one sample by SciPy, of the broadcast shape."""
    from scipy.stats import kstwo  # slow to import, and rarely needed

    p: np.ndarray = np.clip(kstwo.sf(d, n), SMALLEST_P, 1)
    return p


def _log_binomial(n: np.ndarray | float, k: np.ndarray | float) -> np.ndarray:
    """Return the log of the binomial coefficients, of the broadcast shape."""
    log_ways: np.ndarray = special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(n - k + 1.0)
    return log_ways
