"""The product's own way: `drift.monitor` over `storage.open_log`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drift.board import result
from drift.columns.report import ColumnReport
from drift.monitor import boards
from storage import open_log
from tests.benchmarks.answers import Answer
from tests.benchmarks.logs import MODEL
from tests.benchmarks.questions import rows_asked, timeline_windows


@contextmanager
def opened(url: str) -> Iterator[Callable[[str, int], list[Answer]]]:
    """Open a log as a board does; yield what answers questions."""
    log = open_log(url)

    def ask(question: str, n_rows: int) -> list[Answer]:
        if question == "timeline":
            return [_answer(board) for board in boards.timeline(log, MODEL, timeline_windows(log))]
        return [_answer(boards.check(log, MODEL, rows_asked(question, n_rows)))]

    try:
        yield ask
    finally:
        log.close()


def _answer(board: result.Board) -> Answer:
    return {report.column: _figures(report) for report in board.columns}


def _figures(report: ColumnReport) -> dict[str, float]:
    figures = {"p_value": report.p_value, "bound": getattr(report, "statistic_bound", 0.0)}
    # A number of few values, such as a count, is compared as categories are: its distance is another one.
    return figures | ({"distance": report.statistic} if report.test == "ks" else {})
