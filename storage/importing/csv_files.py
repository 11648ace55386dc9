"""CSV files as chunks of raw values: in bulk where a chunk is plain, row by row where it is not."""

import csv
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from storage.checking.rows import RejectedRow
from storage.checking.spelling import MISSING

NOT_UTF_8 = "row must be UTF-8 text; it holds other bytes."
_COUNT_BYTES = 1 << 20
Chunk = tuple[int, pd.DataFrame, list[RejectedRow]]


def open_csv(path: Path) -> TextIO:
    """Open a CSV file; bytes that are not UTF-8 become lone surrogates, so that their row can be named."""
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def count_csv_rows(path: Path) -> int | None:
    """Count the rows below the header; None where only reading them would tell, because of quotes or odd line ends."""
    n_lines, last = 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_COUNT_BYTES):
            if b'"' in block or block.count(b"\r") != block.count(b"\r\n") + block.endswith(b"\r"):
                return None
            n_lines += block.count(b"\n")
            last = block[-1:]
    return max(n_lines + (last != b"\n") - 1, 0)


def csv_chunks(
    path: Path,
    columns: list[str],
    size: int,
    skip: int,
    numeric: Sequence[str],
    missing: Collection[str] = MISSING,
) -> Iterator[Chunk]:
    """Yield the rows of a CSV file from position `skip` on, as storage.importing.files.read_chunks describes."""
    with open_csv(path) as file:
        lines = _Lines(file)
        records = _records(lines)
        names = next(records)
        position = 0
        while taken := lines.take(size if position >= skip else min(size, skip - position)):
            text = "".join(taken)
            plain = _is_plain(taken, text)
            if plain and position < skip:
                position += len(taken)
                continue
            frame = _frame_in_bulk(text, names, columns, numeric, missing) if plain else None
            if frame is None:
                lines.put_back(taken)
                rows = list(islice(records, len(taken)))
                n, frame, rejected = _chunk_by_row(rows, names, columns, position, missing)
            else:
                n, rejected = len(taken), []
                frame.index = pd.RangeIndex(position, position + n)
            if position >= skip:
                yield n, frame, rejected
            position += n


class _Lines:
    """The lines of a file; those that were taken too early can be put back."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._waiting: deque[str] = deque()

    def take(self, n: int) -> list[str]:
        taken = [self._waiting.popleft() for _ in range(min(n, len(self._waiting)))]
        return taken + list(islice(self._file, n - len(taken)))

    def put_back(self, lines: Sequence[str]) -> None:
        self._waiting.extendleft(reversed(lines))

    def __iter__(self) -> Iterator[str]:
        while line := self._waiting.popleft() if self._waiting else self._file.readline():
            yield line


def _is_plain(lines: Sequence[str], text: str) -> bool:
    """Tell whether every line is a row and every comma ends a field."""
    if max(map(len, lines)) > csv.field_size_limit() or '"' in text or "\x00" in text or text.startswith(("\n", "\r")):
        return False
    return text.count("\r") == text.count("\r\n") and "\n\n" not in text and "\n\r" not in text


def _frame_in_bulk(
    text: str, names: list[str], columns: list[str], numeric: Sequence[str], missing: Collection[str]
) -> pd.DataFrame | None:
    """Read plain lines at once; None where a row is bad, which reading them one by one will name."""
    import pyarrow as pa
    from pyarrow import compute
    from pyarrow import csv as arrow

    try:
        data = text.encode()
    except UnicodeEncodeError:
        return None
    try:
        table = arrow.read_csv(
            pa.BufferReader(data),
            arrow.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            arrow.ParseOptions(quote_char=False, ignore_empty_lines=False),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=columns,
                null_values=list(missing),
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid:
        return None
    values: dict[str, Any] = {}
    for name in dict.fromkeys(columns):
        values[name] = table[name].to_pandas()
        if name in numeric:
            try:
                numbers = compute.cast(table[name], pa.float64())
            except pa.ArrowInvalid:  # some value is no number: the row that holds it is named later
                continue
            # Of what is not finite, the text tells whether it is infinite, too large or missing.
            if compute.all(compute.is_finite(numbers)).as_py() is not False:
                values[name] = numbers.to_pandas()
    return pd.DataFrame(values)


def _chunk_by_row(
    rows: list[Any], names: list[str], columns: list[str], first: int, missing: Collection[str] = MISSING
) -> Chunk:
    rejected, kept, positions = [], [], []
    for position, row in enumerate(rows, start=first):
        if problem := row if isinstance(row, str) else _problem(row, len(names)):
            rejected.append(RejectedRow(position, problem))
        else:
            kept.append(row)
            positions.append(position)
    by_column = list(zip(*kept, strict=True)) if kept else [()] * len(names)
    wanted = {name: by_column[names.index(name)] for name in columns}
    values = {name: [None if v in missing else v for v in column] for name, column in wanted.items()}
    return len(rows), pd.DataFrame(values, index=positions, dtype=object), rejected


def _records(lines: _Lines) -> Iterator[Any]:
    """Yield the fields of each row, or what is wrong with one that cannot be split into fields.

    A quote that is never closed would swallow all rows that follow: it costs its own line, and those after it are
    read again.
    """
    taken: list[str] = []

    def remembered() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    while True:
        try:
            for record in csv.reader(remembered(), strict=True):
                taken.clear()
                yield record
            return
        except csv.Error as error:
            lines.put_back(taken[1:])
            taken.clear()
            what = "a quote is never closed" if "unexpected end" in str(error) else str(error)
            yield f"row must be readable CSV; got one in which {what}."


def _problem(row: list[str], n_columns: int) -> str | None:
    if len(row) != n_columns:
        return f"row must have {n_columns} fields as the header has; got {len(row)}."
    try:
        "".join(row).encode()
    except UnicodeEncodeError:
        return NOT_UTF_8
    return None
