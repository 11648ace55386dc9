"""What a board asks of a log: the same windows for every way to answer."""

from collections.abc import Sequence

from drift.data.windows import LastRows, RowSpan
from storage import PredictionLog
from tests.benchmarks.logs import MODEL

N_WINDOWS = 100
QUESTIONS = {
    "last_1k": "check of the last 1,000 rows",
    "last_10k": "check of the last 10,000 rows",
    "last_100k": "check of the last 100,000 rows",
    "timeline": f"timeline of {N_WINDOWS} windows",
    "half": "one window of half the log",
}


def rows_asked(question: str, n_rows: int) -> LastRows:
    """Return the window of a question about one window.

    Examples
    --------
    >>> rows_asked("half", 1_000_000)
    LastRows(n=500000)
    """
    return LastRows({"last_1k": 1_000, "last_10k": 10_000, "last_100k": 100_000, "half": n_rows // 2}[question])


def timeline_windows(log: PredictionLog) -> Sequence[RowSpan]:
    """Return the windows of a timeline over the whole log, as the board cuts them."""
    return log.cut(MODEL, N_WINDOWS)
