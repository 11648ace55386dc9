"""CSV and Parquet files as chunks of raw values, in the order of the file."""

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from storage.checking.spelling import MISSING
from storage.importing.arrow_types import frame_of
from storage.importing.csv_files import NOT_UTF_8, Chunk, count_csv_rows, csv_chunks, open_csv

_UTF_16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")
# Bytes that are no text, and those that are no UTF-8 as `open_csv` reads them.
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f]")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
# How pandas names an index in a Parquet file when nobody else did: it only counts rows.
_ROW_COUNTER = re.compile(r"__index_level_\d+__")


class UnreadableFile(ValueError):
    """The file cannot be read as what it is said to be."""


def fingerprint(path: Path, *settings: object) -> str:
    """Return a hash of the content of a file and of how it will be read."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(repr(settings).encode())
    return digest.hexdigest()


def column_names(path: Path) -> list[str]:
    """Return the names of a file's columns.

    Raises
    ------
    UnreadableFile
        If the file is neither CSV nor Parquet, is damaged or has no header.
    """
    if _is_parquet(path):
        parquet = [str(name) for name in _open_parquet(path).schema_arrow.names]
        names = [name for name in parquet if not _ROW_COUNTER.fullmatch(name)]
    else:
        names = _csv_names(path)
    if len(set(names)) < len(names):
        name, n = Counter(names).most_common(1)[0]
        raise UnreadableFile(
            f"{path.name} must name each column once; {name!r} stands there {n} times (got {', '.join(names)})."
        )
    return names


def _csv_names(path: Path) -> list[str]:
    try:
        with open_csv(path) as file:
            names = next(csv.reader(file), [])
    except csv.Error as error:
        raise UnreadableFile(f"{path.name} must begin with a line of column names; got one with a {error}.") from error
    if not names:
        raise UnreadableFile(f"{path.name} must begin with a line of column names; it is empty.")
    first_line = "".join(names)
    if names[0].startswith(_UTF_16_MARKS):
        raise UnreadableFile(f"{path.name} must be UTF-8 text; it begins with the mark of UTF-16. Save it as UTF-8.")
    if _NO_TEXT.search(first_line):
        raise UnreadableFile(
            f"{path.name} must be CSV text; it begins like a spreadsheet or a compressed file. Save it as CSV, UTF-8."
        )
    if _HALF_PAIR.search(first_line):
        raise UnreadableFile(f"{path.name} must be UTF-8 text; its first line holds other bytes. Save it as UTF-8.")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise UnreadableFile(f"{path.name} must separate its columns by commas; its first line is {names[0]!r}.")
    return names


def count_rows(path: Path) -> int | None:
    """Return the number of rows where it can be told without splitting them into fields."""
    return int(_open_parquet(path).metadata.num_rows) if _is_parquet(path) else count_csv_rows(path)


def first_rows(path: Path, n: int) -> pd.DataFrame:
    """Return the first rows of a file that can be read, every column of it as it stands there.

    Returns
    -------
    DataFrame, at most n rows
        Indexed by their position in the file, from 0.

    Raises
    ------
    UnreadableFile
        If the file cannot be read, or no row of it can.
    """
    return readable_chunk(path, column_names(path), n)[1]


def readable_chunk(path: Path, columns: list[str], n: int, *, missing: Collection[str] = MISSING) -> Chunk:
    """Return the first n rows of a file, of which one at least can be read.

    Raises
    ------
    UnreadableFile
        If the file cannot be read, or none of these rows can; the message says why.
    """
    chunk = next(read_chunks(path, columns, n, missing=missing), None)
    if chunk is None or chunk[1].empty:
        bad = () if chunk is None else chunk[2]
        if bad and all(row.error == NOT_UTF_8 for row in bad):
            raise UnreadableFile(
                f"{path.name} must be UTF-8 text; it is not UTF-8 (row {bad[0].row + 1} holds other bytes). "
                "Save it as UTF-8."
            )
        because = f" Row {bad[0].row + 1}: {bad[0].error}" if bad else ""
        raise UnreadableFile(f"{path.name} must hold at least one readable row; got none.{because}")
    return chunk


def read_chunks(
    path: Path,
    columns: list[str],
    size: int,
    skip: int = 0,
    *,
    numeric: Sequence[str] = (),
    missing: Collection[str] = MISSING,
) -> Iterator[Chunk]:
    """Yield the rows of a file from position `skip` on.

    Parameters
    ----------
    path, columns, size, skip : the file, what to read of it, rows a chunk, and rows to leave out at the start
    numeric : columns to hand over as numbers where every value of a chunk is one
    missing : words of a CSV file that mean "no value" in each of these columns

    Yields
    ------
    n, frame, rejected
        `n` source rows; those that could be read, indexed by their position in the file from 0; the others.
    """
    if _is_parquet(path):
        yield from _parquet_chunks(path, columns, size, skip)
    else:
        yield from csv_chunks(path, columns, size, skip, numeric, missing)


def _is_parquet(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise UnreadableFile(f"the file must end in .csv or .parquet; got {path.name}.")
    if not path.is_file():
        raise UnreadableFile(f"the file must exist; got {path}.")
    return suffix == ".parquet"


def _open_parquet(path: Path):  # type: ignore[no-untyped-def]  # pyarrow has no types
    import pyarrow.parquet as pq

    with _told_as_unreadable(path, "be a Parquet file"):
        return pq.ParquetFile(path)


@contextmanager
def _told_as_unreadable(path: Path, must: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path.name} must {must}; {error}") from error


def _parquet_chunks(path: Path, columns: list[str], size: int, skip: int) -> Iterator[Chunk]:
    position, must = 0, "be a whole Parquet file, and a part of it is damaged"
    batches = _open_parquet(path).iter_batches(batch_size=size, columns=columns)
    while True:
        with _told_as_unreadable(path, must):
            batch = next(batches, None)
        if batch is None:
            return
        end = position + batch.num_rows
        if end > skip:
            start = max(position, skip)
            with _told_as_unreadable(path, must):
                frame = frame_of(batch.slice(start - position))
            frame.index = pd.RangeIndex(start, end)
            yield len(frame), frame, []
        position = end
