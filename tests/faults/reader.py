"""A process that looks at a log again and again while others write to it: `python -m tests.faults.reader SECONDS`."""

import sys
import time

from drift.data.samples import NumericSample, Sample
from drift.data.series import sliding_windows
from drift.data.windows import LastRows
from drift.monitor.boards import check, timeline
from storage import open_log
from storage.database.settings import Settings
from tests.faults.writer import COLUMNS, MODEL

_LAST = 1_000


def _n(sample: Sample) -> int:
    return (sample.values if isinstance(sample, NumericSample) else sample.codes).size


def main(seconds: float) -> None:
    """Look, and fail if what is seen cannot be: rows that vanish, or columns of one window that differ in length."""
    log = open_log(Settings.from_environment().database_url)
    ends, n_looks, n_before = time.monotonic() + seconds, 0, 0
    while time.monotonic() < ends:
        n_rows = log.n_rows(MODEL)
        if n_rows < n_before:
            raise RuntimeError(f"the log shrank from {n_before} to {n_rows} rows.")
        n_before = n_rows
        samples = log.read_window(MODEL, LastRows(_LAST), COLUMNS)
        sizes = {_n(sample) for sample in samples.values()}
        if len(sizes) != 1 or not min(n_rows, _LAST) <= sizes.pop() <= _LAST:
            raise RuntimeError(f"the columns of one window hold {sizes} rows.")
        board = check(log, MODEL, LastRows(_LAST))
        if n_rows >= 2 * _LAST:
            timeline(log, MODEL, sliding_windows(n_rows, 10))
        if any(report.verdict == "error" for report in board.columns):
            raise RuntimeError(board.sentence)
        n_looks += 1
    log.close()
    print(n_looks)


if __name__ == "__main__":
    main(float(sys.argv[1]))
