"""Row ids that are ordered by time, so that a window of time is a range of the primary key.

An id is `milliseconds since 1970 << 20 | sequence`: it reaches from 1692 to 2248
and holds a million rows a millisecond.
"""

import numpy as np

SEQUENCE_BITS = 20
_SEQUENCES = 1 << SEQUENCE_BITS


def first_id(micros: int) -> int:
    """Return the smallest id that a row of this instant can have."""
    return (micros // 1000) << SEQUENCE_BITS


def next_id(predicted_at: int, newest_id: int | None) -> int | None:
    """Return the id of a single row that comes after all others; None if it is older, or its millisecond is full.

    Examples
    --------
    >>> next_id(5_000, None) == first_id(5_000), next_id(5_000, first_id(5_000) + 3) - first_id(5_000)
    (True, 4)
    """
    first = first_id(predicted_at)
    if newest_id is None or first > newest_id:
        return first
    key = newest_id + 1
    return key if key >> SEQUENCE_BITS == first >> SEQUENCE_BITS else None


def allocate(predicted_at: np.ndarray, newest_id: int | None, rng: np.random.Generator) -> np.ndarray:
    """Propose an id for every row of a batch.

    Parameters
    ----------
    predicted_at : int array, shape (n,)
        Microseconds since 1970.
    newest_id : the largest id in the log, None while it is empty
    rng
        Rows older than the newest get a random place within their millisecond, because who else has
        one there is unknown: the caller tries again on the rare collision.

    Returns
    -------
    int array, shape (n,)

    Raises
    ------
    ValueError
        If more rows share a millisecond than have a place in it.
    """
    ms = predicted_at // 1000
    if ms.size == 1 and (newest_id is None or int(ms[0]) > newest_id >> SEQUENCE_BITS):
        return ms << SEQUENCE_BITS
    order = np.argsort(ms, kind="stable")
    groups, starts, sizes = np.unique(ms[order], return_index=True, return_counts=True)
    newest_ms, newest_sequence = (None, 0) if newest_id is None else divmod(newest_id, _SEQUENCES)
    room = _SEQUENCES - sizes
    if (room < 0).any():
        raise ValueError(f"predicted_at must differ: at most {_SEQUENCES:,} rows may share a millisecond.")
    offset = np.zeros(len(groups), np.int64)
    if newest_ms is not None:
        late = groups < newest_ms
        offset[late] = rng.integers(0, room[late] + 1)
        same = groups == newest_ms
        offset[same] = newest_sequence + 1
        crowded = same & (offset > room)
        offset[crowded] = rng.integers(0, room[crowded] + 1)
    ids = np.empty(len(ms), np.int64)
    within = np.arange(len(ms)) - np.repeat(starts, sizes)
    ids[order] = (np.repeat(groups, sizes) << SEQUENCE_BITS) + np.repeat(offset, sizes) + within
    return ids
