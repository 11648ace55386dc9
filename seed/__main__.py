"""`python -m seed`: simulated reviews, their model and its answers, in a log."""

import argparse
import signal
import sys
from collections.abc import Sequence
from typing import Any, get_args

from drift.version import __version__
from seed.demo import DEMO, Plan, build_demo
from seed.live import play
from seed.scenarios import SCENARIOS, Shape
from storage import open_log
from storage.command_line import guarded, instant_argument
from storage.database.engine import DEFAULT_URL
from storage.database.settings import Settings
from storage.jobs.lessons import HISTORY_ROWS, Lesson

_SETTINGS = ("rows", "seed", "model", "shape", "strength", "end")
_ONLY_LIVE = ("speed", "after", "parent")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (2 is an error)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        width = max(map(len, SCENARIOS))
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:<{width}}  {scenario.sentence}")
        return 0
    given = {name: value for name, value in vars(options).items() if name in _SETTINGS and value is not None}
    live = {name: value for name, value in vars(options).items() if name in _ONLY_LIVE and value is not None}
    if options.demo and (given or live or options.live):
        named = [*given, *live, *(["live"] if options.live else [])]
        parser.error(f"--demo must stand alone; got --{', --'.join(named)}. Use --scenario to choose.")
    if options.live:
        return guarded(lambda: _play(options.scenario, given | live), goes_on=True)
    if live:
        parser.error(f"--{', --'.join(live)} must come with --live.")
    return guarded(
        lambda: _build(_plan(options.scenario, given) if options.scenario is not None else DEMO), goes_on=True
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m seed",
        description="Fill the log with sixty days of simulated reviews; the drift comes in the last ten. With --live, "
        f"write {HISTORY_ROWS:,} healthy rows and go on at some speed, answered by whichever version serves.",
        epilog=f"The database is named by DRIFT_DATABASE_URL (default {DEFAULT_URL}), the folder of model files by "
        f"DRIFT_ARTIFACTS (default {Settings.artifacts}).",
    )
    parser.add_argument("--version", action="version", version=f"Drift monitor {__version__}")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--demo", action="store_true", help="what a first run shows: model 'reviews', once")
    what.add_argument("--scenario", metavar="NAME", help=f"one of {', '.join(SCENARIOS)}")
    what.add_argument("--list", action="store_true", help="say what happens in each scenario")
    parser.add_argument("--live", action="store_true", help="go on writing rows until they are all there, or Ctrl+C")
    many = f"how many (default {Plan.rows:,}; live: {Lesson.rows:,})"
    parser.add_argument("--rows", type=_whole, metavar="N", help=many)
    parser.add_argument("--seed", type=_whole, metavar="S", help=f"same seed, same rows (default {Plan.seed})")
    parser.add_argument("--model", help="a new model's name (default reviews_NAME)")
    parser.add_argument("--shape", metavar="SHAPE", help=f"{', '.join(get_args(Shape))} (default {Plan.shape})")
    parser.add_argument("--strength", type=float, metavar="X", help=f"above 0, at most 1 (default {Plan.strength:g})")
    parser.add_argument(
        "--end", type=instant_argument, metavar="T", help="the present of the log (no zone: UTC; default: now)"
    )
    parser.add_argument("--speed", type=_whole, metavar="N", help=f"live rows a second (default {Lesson.speed})")
    parser.add_argument("--after", type=_whole, metavar="N", help="healthy live rows before the drift (default 0)")
    parser.add_argument("--parent", type=_whole, metavar="PID", help="end a live simulation when this process is gone")
    return parser


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number; got {text!r}")
    return int(text)


def _plan(scenario: str, given: dict[str, object]) -> Plan:
    settings = {"model": f"reviews_{scenario}", "scenario": scenario, "source": f"scenario {scenario}", **given}
    return Plan(**settings)  # type: ignore[arg-type]  # argparse has made each of its type


def _play(scenario: str, given: dict[str, Any]) -> int:
    if given.pop("end", None) is not None:
        raise ValueError("end must not be given with --live: its rows bear the time at which they are written.")
    # An end that was asked for is written down; only a kill leaves the row as it stands.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    parent = given.pop("parent", None)
    lesson = Lesson(**{"model": f"live_{scenario}", "scenario": scenario, **given})
    settings = Settings.from_environment()
    log = open_log(settings.database_url)
    try:
        outcome = play(log, settings, lesson, parent=parent, tell=_show)
    finally:
        log.close()
    print(outcome.sentence)
    return 0


def _build(plan: Plan) -> int:
    settings = Settings.from_environment()
    log = open_log(settings.database_url)
    try:
        outcome = build_demo(log, settings, plan, _show)
    finally:
        log.close()
    print(outcome.sentence)
    return 0


def _show(n_done: int, n_rows: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if n_done == n_rows else ""
        print(f"\r[{'#' * (30 * n_done // n_rows):<30}] {n_done:,} of {n_rows:,} rows ", end=end, file=sys.stderr)
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
