"""The rejected rows of an import as a CSV file that is written while the import goes on."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.checking.rows import RejectedRow

HEADER = ("row", "error")


@dataclass
class RejectedFile:
    """Lists rows by their number from 1; an import that goes on adds to what it listed before it was stopped."""

    path: Path
    _is_begun: bool = False

    def __call__(self, first: int, rejected: Sequence[RejectedRow]) -> None:
        """Add the rejected rows of the part of the file that begins at position `first`."""
        if not self._is_begun:
            kept = [row for row in read_rejected(self.path) if row.row < first]
            self._write("w", [HEADER, *((row.row + 1, row.error) for row in kept)])
            self._is_begun = True
        self._write("a", [(row.row + 1, row.error) for row in rejected])

    def _write(self, mode: str, lines: Sequence[tuple[object, ...]]) -> None:
        if lines:
            with self.path.open(mode, encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(lines)


def read_rejected(path: Path) -> tuple[RejectedRow, ...]:
    """Return the rows that are listed so far; a file that is not there, or is no such list, lists none."""
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        lines = csv.reader(file)
        if tuple(next(lines, ())) != HEADER:
            return ()
        # A process that was killed may have left half of its last line.
        return tuple(RejectedRow(int(line[0]) - 1, line[1]) for line in lines if len(line) == 2 and line[0].isdecimal())
