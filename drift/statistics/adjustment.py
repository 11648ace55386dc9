"""p-values adjusted for how many were looked at together: the false discovery rate of Benjamini and Hochberg."""

import numpy as np
from numpy.typing import ArrayLike


def benjamini_hochberg(p_values: ArrayLike) -> np.ndarray:
    """Return p-values adjusted for the false discovery rate over all of them [1]_.

    Parameters
    ----------
    p_values : floats, shape (n,)
        0 to 1, in any order.

    Returns
    -------
    float array, shape (n,)
        0 to 1, in the order given.

    Raises
    ------
    ValueError
        If one is NaN.

    References
    ----------
    .. [1] Benjamini and Hochberg (1995), "Controlling the false discovery rate".

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """
    p = np.asarray(p_values, float)
    if np.isnan(p).any():
        raise ValueError(f"p_values must be numbers; got {p}.")
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty(p.size)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def adjusted_by_window(p_values: np.ndarray) -> np.ndarray:
    """Adjust p-values for each window over the columns that have one, as `benjamini_hochberg` does.

    Parameters
    ----------
    p_values : float array, shape (n_columns, n_windows)
        NaN where a column has none.

    Returns
    -------
    float array, shape (n_columns, n_windows)
        0 to 1, NaN where there was none.

    Examples
    --------
    >>> adjusted_by_window(np.array([[0.01, 0.2], [0.04, np.nan], [0.03, 0.01]]))
    array([[0.03, 0.2 ],
           [0.04,  nan],
           [0.04, 0.02]])
    """
    n_tested = (~np.isnan(p_values)).sum(axis=0)
    order = np.argsort(p_values, axis=0, kind="stable")  # NaN comes last
    rank = np.arange(1, len(p_values) + 1)[:, None]
    scaled = np.take_along_axis(p_values, order, axis=0) * n_tested / rank
    least = np.fmin.accumulate(scaled[::-1], axis=0)[::-1]
    adjusted = np.empty(p_values.shape)
    np.put_along_axis(adjusted, order, np.minimum(least, 1.0), axis=0)
    return np.where(np.isnan(p_values), np.nan, adjusted)
