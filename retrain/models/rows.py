"""The rows that a job works on: written once, and the same for every later step."""

import hashlib
import os
from io import BytesIO
from pathlib import Path

import pandas as pd

# With fewer rows, chance alone decides between two models; but three quarters are always trained on.
MIN_HELD_OUT = 200


class ChangedRows(ValueError):
    """The collected rows are not those that were collected."""


def write_rows(rows: pd.DataFrame, path: Path) -> str:
    """Write rows as a Parquet file that appears whole or not at all.

    Parameters
    ----------
    rows : n rows; their index is not written
    path : the file; its folder is made

    Returns
    -------
    str
        The sha256 of the file, as 64 hexadecimal digits.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    rows.to_parquet(buffer, index=False)
    data = buffer.getvalue()
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)
    return hashlib.sha256(data).hexdigest()


def read_rows(path: Path, sha256: str) -> pd.DataFrame:
    """Read rows back.

    Parameters
    ----------
    path : the file that `write_rows` wrote
    sha256 : what it returned

    Returns
    -------
    pandas.DataFrame
        The rows as they were written, numbered from 0.

    Raises
    ------
    ChangedRows
        If the file is absent or not the one that was written.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ChangedRows(f"{path.name} must be there as collect wrote it; got {error.strerror}.") from error
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ChangedRows(f"sha256 of {path.name} must be {sha256[:12]}… as collected; got {found[:12]}….")
    return pd.read_parquet(BytesIO(data))


def split(rows: pd.DataFrame, holdout_share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows in time order: the older ones to train on, the newest part to judge by.

    Parameters
    ----------
    rows : n rows, the oldest first
    holdout_share : the newest part, above 0 and below 1

    Returns
    -------
    tuple of pandas.DataFrame
        The older rows and the newest, n together. At least 200 are held out, but never more than a quarter for that
        reason alone, and one in any case.

    Examples
    --------
    >>> [len(split(pd.DataFrame(index=range(n)), 0.1)[1]) for n in (400, 1_000, 20_000)]
    [100, 200, 2000]
    """
    n = len(rows)
    n_held_out = max(round(n * holdout_share), min(MIN_HELD_OUT, n // 4), 1)
    return rows.iloc[:-n_held_out], rows.iloc[-n_held_out:]
