"""CSV and Parquet files as chunks of raw values, in the order of the file."""

import csv
import hashlib
import re
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from storage.rows import RejectedRow

# What spreadsheets and programs write for "no value".
MISSING = frozenset(["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"])
_UTF_16_MARKS = ("\udcff\udcfe", "\udcfe\udcff")
# How pandas names an index in a Parquet file when nobody else did: it only counts rows.
_ROW_COUNTER = re.compile(r"__index_level_\d+__")
Chunk = tuple[int, pd.DataFrame, list[RejectedRow]]


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
        names = [str(name) for name in _open_parquet(path).schema_arrow.names]
        return [name for name in names if not _ROW_COUNTER.fullmatch(name)]
    with _open_csv(path) as file:
        names = next(csv.reader(file), [])
    if not names:
        raise UnreadableFile(f"{path.name} must begin with a line of column names; it is empty.")
    if names[0].startswith(_UTF_16_MARKS):
        raise UnreadableFile(f"{path.name} must be UTF-8 text; it begins with the mark of UTF-16. Save it as UTF-8.")
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise UnreadableFile(f"{path.name} must separate its columns by commas; its first line is {names[0]!r}.")
    if len(set(names)) < len(names):
        raise UnreadableFile(f"{path.name} must name each column once; got {', '.join(names)}.")
    return names


def count_rows(path: Path) -> int | None:
    """Return the number of rows where the file tells it without being read (Parquet)."""
    return int(_open_parquet(path).metadata.num_rows) if _is_parquet(path) else None


def read_chunks(path: Path, columns: list[str], size: int, skip: int = 0) -> Iterator[Chunk]:
    """Yield the rows of a file from position `skip` on.

    Yields
    ------
    n, frame, rejected
        `n` source rows; those that could be read, indexed by their position in the file from 0; the others.
    """
    yield from (_parquet_chunks if _is_parquet(path) else _csv_chunks)(path, columns, size, skip)


def _is_parquet(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise UnreadableFile(f"the file must end in .csv or .parquet; got {path.name}.")
    if not path.is_file():
        raise UnreadableFile(f"the file must exist; got {path}.")
    return suffix == ".parquet"


def _open_parquet(path: Path):  # type: ignore[no-untyped-def]  # pyarrow has no types
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFile(f"{path.name} must be a Parquet file; {error}") from error


def _parquet_chunks(path: Path, columns: list[str], size: int, skip: int) -> Iterator[Chunk]:
    position = 0
    for batch in _open_parquet(path).iter_batches(batch_size=size, columns=columns):
        end = position + batch.num_rows
        if end > skip:
            start = max(position, skip)
            # Without the notes of pandas, which would make an index of a column.
            frame = batch.slice(start - position).to_pandas(ignore_metadata=True)
            frame.index = pd.RangeIndex(start, end)
            yield len(frame), frame, []
        position = end


def _open_csv(path: Path):  # type: ignore[no-untyped-def]
    # Bytes that are not UTF-8 become lone surrogates, so that their row can be named.
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _csv_chunks(path: Path, columns: list[str], size: int, skip: int) -> Iterator[Chunk]:
    with _open_csv(path) as file:
        lines = _records(file)
        names = next(lines)
        wanted = [names.index(column) for column in columns]
        position = sum(1 for _ in islice(lines, skip))
        while rows := list(islice(lines, size)):
            rejected = []
            kept, positions = [], []
            for k, row in enumerate(rows, start=position):
                if problem := row if isinstance(row, str) else _problem(row, len(names)):
                    rejected.append(RejectedRow(k, problem))
                else:
                    kept.append(row)
                    positions.append(k)
            by_column = list(zip(*kept, strict=True)) if kept else [()] * len(names)
            values = {names[j]: [None if v in MISSING else v for v in by_column[j]] for j in wanted}
            yield len(rows), pd.DataFrame(values, index=positions, dtype=object), rejected
            position += len(rows)


def _records(file: TextIO) -> Iterator[Any]:
    """Yield the fields of each row, or what is wrong with one that cannot be split into fields.

    A quote that is never closed would swallow all rows that follow: it costs its own line, and those after it are
    read again.
    """
    taken: list[str] = []
    waiting: deque[str] = deque()

    def lines() -> Iterator[str]:
        while line := waiting.popleft() if waiting else file.readline():
            taken.append(line)
            yield line

    while True:
        try:
            for record in csv.reader(lines(), strict=True):
                taken.clear()
                yield record
            return
        except csv.Error as error:
            waiting.extendleft(reversed(taken[1:]))
            taken.clear()
            what = "a quote is never closed" if "unexpected end" in str(error) else str(error)
            yield f"row must be readable CSV; got one in which {what}."


def _problem(row: list[str], n_columns: int) -> str | None:
    if len(row) != n_columns:
        return f"row must have {n_columns} fields as the header has; got {len(row)}."
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return "row must be UTF-8 text; it holds other bytes."
    return None
