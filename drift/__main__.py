"""`python -m drift`: check a window, or a whole timeline, from the command line."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from drift.board.result import board_json, honesty_json
from drift.board.tables import board_table, replay_table, timeline_table, words_text
from drift.data.policy import DriftPolicy, Verdict
from drift.data.series import sliding_spans, sliding_windows
from drift.data.windows import LastRows, RowSpan, TimeSpan, Window
from drift.life.replay import MOST_ROWS, N_LIVES
from drift.monitor.boards import PREVIOUS, begun_after, onset, timeline
from drift.monitor.labels import acknowledge
from drift.monitor.performance import check_performance
from drift.monitor.questions import joint, words
from drift.monitor.watch import replayed, snooze
from drift.version import __version__
from storage import PredictionLog, open_log
from storage.command_line import count_argument, guarded, instant_argument
from storage.database.engine import DEFAULT_URL
from storage.database.settings import Settings

LAST_ROWS = 1_000
_WINDOWS = 20
_ALL = 2**62
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
# A warning is a small difference, and too little data is none: neither stops a script.
EXIT_CODES: dict[Verdict, int] = {"stable": 0, "warning": 0, "insufficient": 0, "drift": 1, "error": 2}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 0 no drift, 1 drift, 2 an error."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options))


def _run(options: argparse.Namespace) -> int:
    log = open_log(Settings.from_environment().database_url)
    try:
        code: int = options.run(log, options)
        return code
    finally:
        log.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m drift",
        description="Compare windows of a prediction log with a reference.",
        epilog=f"Exit codes: 0 no drift, 1 drift, 2 error. DRIFT_DATABASE_URL names the database ({DEFAULT_URL}).",
    )
    parser.add_argument("--version", action="version", version=f"Drift monitor {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_check(commands.add_parser("check", help="compare one window, column by column"))
    _add_timeline(commands.add_parser("timeline", help="compare many windows; the newest decides the exit code"))
    _add_replay(commands.add_parser("replay", help="count the false alarms that the reference itself would raise"))
    _add_acknowledge(commands.add_parser("acknowledge", help="answer the alarm of a column; its scores restart"))
    _add_snooze(commands.add_parser("snooze", help="let the alarm of a column be amber at most until a time"))
    _add_asking(commands.add_parser("joint", help="ask whether all features changed together"), _joint)
    _add_asking(commands.add_parser("words", help="tell the words, and the meaning, that are new in the texts"), _words)
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_shared(parser)
    parser.add_argument("--last", type=count_argument, metavar="N", help=f"the newest N rows (default {LAST_ROWS})")
    parser.add_argument(
        "--from", dest="start", type=instant_argument, metavar="T", help="rows from this time on (no zone: UTC)"
    )
    parser.add_argument("--to", dest="end", type=instant_argument, metavar="T", help="rows before this time")
    parser.set_defaults(run=_check)


def _add_asking(parser: argparse.ArgumentParser, run: Callable[[PredictionLog, argparse.Namespace], int]) -> None:
    _add_check(parser)
    parser.set_defaults(run=run)


def _add_timeline(parser: argparse.ArgumentParser) -> None:
    _add_shared(parser)
    parser.add_argument(
        "--windows", type=count_argument, metavar="K", help="how many windows; alone, they cut up the whole log"
    )
    parser.add_argument("--width", type=_width, metavar="W", help="of a window: rows (500) or time (90m, 12h, 7d, 4w)")
    parser.add_argument("--step", type=_width, metavar="W", help="from window to window (default: the width)")
    parser.add_argument("--last", type=count_argument, metavar="N", help="only the newest N rows")
    parser.set_defaults(run=_timeline)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--lives", type=count_argument, default=N_LIVES, metavar="N", help=f"default {N_LIVES}")
    parser.add_argument(
        "--rows",
        type=count_argument,
        default=MOST_ROWS,
        metavar="N",
        help=f"at most these, the newest (default {MOST_ROWS:,})",
    )
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.set_defaults(run=_replay)


def _add_acknowledge(parser: argparse.ArgumentParser) -> None:
    _add_decision(parser)
    parser.add_argument("--false-alarm", action="store_true", help="nothing had changed")
    parser.set_defaults(run=_acknowledge)


def _add_snooze(parser: argparse.ArgumentParser) -> None:
    _add_decision(parser)
    parser.add_argument("--until", type=instant_argument, required=True, metavar="T", help="no zone: UTC")
    parser.set_defaults(run=_snooze)


def _add_decision(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--column", required=True, metavar="C", help="whose alarm it is")
    parser.add_argument("--by", required=True, metavar="NAME", help="who decides")
    parser.add_argument("--note", default="", help="why")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True)
    parser.add_argument("--reference", metavar="NAME", help="a frozen one (default: the champion's, else the first)")


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True)
    parser.add_argument("--reference", metavar="NAME", help=f"a frozen one, or {PREVIOUS} (default: the champion's)")
    parser.add_argument(
        "--alpha", type=float, default=DriftPolicy.alpha, help=f"of one look, where --reference is {PREVIOUS}"
    )
    parser.add_argument("--min-effect", type=float, default=DriftPolicy.min_effect, help="effect that is drift")
    parser.add_argument("--json", action="store_true", help="for machines")


def _width(text: str) -> int | timedelta:
    if text[-1:] in _UNITS:
        return count_argument(text[:-1]) * _UNITS[text[-1]]
    return count_argument(text)


def _policy(options: argparse.Namespace) -> DriftPolicy:
    return DriftPolicy(alpha=options.alpha, min_effect=options.min_effect)


def _check(log: PredictionLog, options: argparse.Namespace) -> int:
    from retrain.guards import guarded_board  # slow to import, and no other command needs it

    board = check_performance(log, options.model, _window(log, options), options.reference, _policy(options))
    board = guarded_board(log, board, datetime.now(UTC))
    print(json.dumps(board_json(board), indent=2) if options.json else board_table(board))
    return EXIT_CODES[board.verdict]


def _joint(log: PredictionLog, options: argparse.Namespace) -> int:
    found = joint(log, options.model, _window(log, options), options.reference, options.alpha)
    print(json.dumps(asdict(found) | {"sentence": found.said}, indent=2) if options.json else found.said)
    return 0


def _words(log: PredictionLog, options: argparse.Namespace) -> int:
    found = words(log, options.model, _window(log, options), options.reference)
    print(json.dumps(found.to_json(), indent=2) if options.json else words_text(found))
    return 0


def _window(log: PredictionLog, options: argparse.Namespace) -> Window:
    if options.start is None and options.end is None:
        return LastRows(options.last or LAST_ROWS)
    if options.last is not None:
        raise ValueError("a window must be given by --last, or by --from and --to; got both.")
    whole = log.extent(options.model, LastRows(_ALL))
    start, end = options.start or whole.start, options.end or whole.end
    if start is None or end is None:
        raise ValueError(f"--from and --to must both be given while model {options.model!r} has no rows.")
    return TimeSpan(start, end)


def _timeline(log: PredictionLog, options: argparse.Namespace) -> int:
    windows = _windows(log, options)
    if not windows:
        raise ValueError(
            f"windows must fit into the log; model {options.model!r} has {log.n_rows(options.model):,} rows."
        )
    boards = timeline(log, options.model, windows, options.reference, _policy(options))
    if options.json:
        print(json.dumps([board_json(board) for board in boards], indent=2))
    else:
        ends = {reference.name: reference.end for reference in log.references(options.model)}
        since = onset(begun_after(boards, ends.get(boards[-1].reference)))
        print(f"{since[1] if since else boards[-1].sentence}\n\n{timeline_table(boards)}")
    return EXIT_CODES[boards[-1].verdict]


def _replay(log: PredictionLog, options: argparse.Namespace) -> int:
    reference = _frozen(log, options)
    honesty = replayed(log, options.model, reference, n_lives=options.lives, most_rows=options.rows)
    if options.json:
        print(json.dumps({"model": options.model, "reference": reference, **honesty_json(honesty)}, indent=2))
    else:
        print(replay_table(honesty))
    return 0


def _acknowledge(log: PredictionLog, options: argparse.Namespace) -> int:
    record = acknowledge(
        log,
        options.model,
        _frozen(log, options),
        options.column,
        by=options.by,
        note=options.note,
        kind="false alarm" if options.false_alarm else "acknowledged",
    )
    print(f"The alarm of {record.stream} on {record.mark.at:%Y-%m-%d %H:%M %Z} is answered; its scores start again.")
    return 0


def _snooze(log: PredictionLog, options: argparse.Namespace) -> int:
    record = snooze(
        log, options.model, _frozen(log, options), options.column, options.until, by=options.by, note=options.note
    )
    print(f"The alarm of {record.stream} is amber at most until {options.until:%Y-%m-%d %H:%M %Z}.")
    return 0


def _frozen(log: PredictionLog, options: argparse.Namespace) -> str:
    """Return the name of the reference that a command is about."""
    if options.reference is not None:
        return str(options.reference)
    reference = log.default_reference(options.model)
    if reference is None:
        raise ValueError(f"a reference must be frozen first; model {options.model!r} has none.")
    return reference.name


def _windows(log: PredictionLog, options: argparse.Namespace) -> Sequence[Window]:
    n_rows = log.n_rows(options.model)
    first = max(n_rows - options.last, 0) if options.last else 0
    width, step = options.width, options.step
    if isinstance(width, timedelta) or isinstance(step, timedelta):
        extent = log.extent(options.model, LastRows(options.last or _ALL))
        if not isinstance(width, timedelta) or isinstance(step, int):
            raise ValueError(f"--width and --step must both be rows or both times; got {width} and {step}.")
        if extent.start is None or extent.end is None:
            return ()
        spans = sliding_spans(extent.start, extent.end, width=width, step=step)
        return spans[-options.windows :] if options.windows else spans
    k = options.windows or (None if width else _WINDOWS)
    if k and not (width or step or options.last):
        return log.cut(options.model, k)
    spans_of_rows = sliding_windows(n_rows - first, k, width=width, step=step)
    return [RowSpan(first + span.first, first + span.last) for span in spans_of_rows]


if __name__ == "__main__":
    sys.exit(main())
