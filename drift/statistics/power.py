"""What samples of some size can tell from chance, and what a distance means for a normal column."""

import numpy as np
from scipy import special

_HIGHEST = 0.999999


def smallest_visible_distance(n_reference: float, n_current: float, alpha: float, df: int = 0) -> float:
    """Return the smallest KS distance (or, with `df`, total variation) that these sizes can tell from chance.

    Parameters
    ----------
    n_reference, n_current : int
        Values of each sample, at least 1.
    alpha : float
        The level at which the test alarms.
    df : int
        Degrees of freedom of a chi-squared test; 0 for a KS test.

    Returns
    -------
    float
        Above 0; 1 where samples of these sizes can tell nothing.

    Examples
    --------
    >>> round(smallest_visible_distance(50_000, 42, 0.01), 2)
    0.25
    """
    noise = np.sqrt(1 / n_reference + 1 / n_current)
    if df == 0:
        return float(min(1.0, np.sqrt(-np.log(alpha / 2) / 2) * noise))
    return float(min(1.0, np.sqrt(special.chdtri(df, alpha)) * noise / 2))


def shift_in_sd(distance: float) -> float:
    """Return the shift, in standard deviations, that moves a normal column by a KS distance.

    Parameters
    ----------
    distance : float
        0 to 1.

    Returns
    -------
    float
        At least 0, and less than 10: a distance of 1 counts as a little less.

    Examples
    --------
    >>> round(shift_in_sd(0.25), 2)
    0.64
    """
    return float(2 * special.ndtri((1 + min(distance, _HIGHEST)) / 2))
