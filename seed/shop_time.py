"""The time of the simulated shop: its days and weeks follow the number of the request, however fast requests come."""

from datetime import timedelta

import numpy as np
import pandas as pd

from seed.scenarios import hourly_weights

ROWS_PER_DAY = 400
_ROWS_PER_WEEK = 7 * ROWS_PER_DAY
_MONDAY = pd.Timestamp("2026-01-05", tz="UTC").as_unit("us")
_HOURS_OF_WEEK = pd.date_range(_MONDAY, periods=7 * 24, freq="h")
# Requests since Monday at the end of each hour of the week.
_CUMULATED = np.concatenate([[0.0], np.cumsum(hourly_weights(_HOURS_OF_WEEK))])
_CUMULATED *= _ROWS_PER_WEEK / _CUMULATED[-1]


def times_of(positions: np.ndarray) -> pd.DatetimeIndex:
    """Return when the shop has had so many requests; it opened on a Monday at midnight.

    Parameters
    ----------
    positions : float or int array, shape (n,), requests since the shop opened

    Returns
    -------
    DatetimeIndex, shape (n,)
        In UTC, to the microsecond.

    Examples
    --------
    >>> times_of(np.array([0, 2_800])).strftime("%a %H:%M").tolist()
    ['Mon 00:00', 'Mon 00:00']
    """
    weeks, rest = np.divmod(positions, _ROWS_PER_WEEK)
    hours = 168.0 * weeks + np.interp(rest, _CUMULATED, np.arange(169.0))
    return pd.DatetimeIndex(_MONDAY + pd.to_timedelta((hours * 3.6e9).astype(np.int64), unit="us"))


def positions_of(times: pd.DatetimeIndex) -> np.ndarray:
    """Return how many requests the shop has had by each time; NaN where there is none.

    Parameters
    ----------
    times : n instants; NaT where there is none

    Returns
    -------
    float64 array, shape (n,)
        The inverse of `times_of`, to the microsecond.

    Examples
    --------
    >>> positions_of(times_of(np.array([17.5, 9_600.0]))).round(3).tolist()
    [17.5, 9600.0]
    """
    hours = np.asarray((times - _MONDAY) / timedelta(hours=1), np.float64)
    weeks, rest = np.divmod(hours, 168.0)
    positions: np.ndarray = weeks * _ROWS_PER_WEEK + np.interp(rest, np.arange(169.0), _CUMULATED)
    return positions
