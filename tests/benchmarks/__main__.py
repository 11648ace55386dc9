"""`python -m tests.benchmarks`: build logs of several sizes, ask what a board asks, and compare with what others take.

Everything is measured in one run on one machine: absolute times say little, ratios do.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from drift.data.windows import LastRows
from drift.monitor.boards import check
from storage import PredictionLog, open_log
from storage.command_line import guarded
from tests.benchmarks import ingest
from tests.benchmarks.answers import difference
from tests.benchmarks.fresh import database_files, measured, peak_memory
from tests.benchmarks.logs import COLUMNS, MODEL, REFERENCE_ROWS, grow
from tests.benchmarks.peers import compared
from tests.benchmarks.questions import QUESTIONS
from tests.benchmarks.report import table
from tests.benchmarks.targets import targets

ROWS = (1_000_000, 3_000_000, 10_000_000)
QUICK_ROWS = (200_000,)
QUICK_SHARE = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 0 whatever the figures are, 2 after an error."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rows", type=_sizes, metavar="N,N", help=f"sizes (default {','.join(map(str, ROWS))})")
    parser.add_argument("--quick", action="store_true", help="one small log and a tenth of the ingest")
    parser.add_argument("--url", help="an empty PostgreSQL database (default: an SQLite file in a temporary folder)")
    parser.add_argument("--folder", type=Path, help="where the SQLite file is built; it is kept")
    parser.add_argument(
        "--peers", type=Path, nargs="+", default=[], metavar="PYTHON", help="of environments with Evidently or NannyML"
    )
    parser.add_argument("--without-pandas", action="store_true", help="measure this product alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file too")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(sorted({int(size) for size in text.replace("_", "").split(",") if size.strip().isdecimal()}))
    if not sizes or any(size < REFERENCE_ROWS or size % 1_000 for size in sizes):
        raise argparse.ArgumentTypeError(f"must be thousands of rows, {REFERENCE_ROWS} or more; got {text!r}")
    return sizes


def _run(options: argparse.Namespace) -> int:
    temporary = None
    if options.url is None:
        folder = options.folder or Path(temporary := tempfile.mkdtemp(prefix="drift-benchmark-"))
        folder.mkdir(parents=True, exist_ok=True)
        options.url = f"sqlite:///{folder.resolve()}/benchmark.db"
    try:
        result = _measured(options)
    finally:
        if temporary is not None:
            shutil.rmtree(temporary)
    print(table(result))
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def _measured(options: argparse.Namespace) -> dict[str, Any]:
    load = os.getloadavg()[0]
    log = open_log(options.url)
    if log.models():
        raise ValueError(f"the database must be empty; it holds {', '.join(log.models())}.")
    _say("rows go in one by one and in batches")
    rates = ingest.rates(log, QUICK_SHARE if options.quick else 1.0)
    log.register(MODEL, COLUMNS)
    log.close()
    before = _n_bytes(options.url)
    logs: list[dict[str, Any]] = []
    for n_rows in options.rows or (QUICK_ROWS if options.quick else ROWS):
        grown = _grown(options.url, n_rows)
        _say(f"{n_rows:,} rows are in, {grown['rows_per_s']:,.0f} a second")
        grown["first_look_s"] = _first_look(options.url)
        _say(f"the first look at them takes {grown['first_look_s']:,.1f} s")
        grown["bytes_per_row"] = (_n_bytes(options.url) - before) / n_rows
        grown["questions"] = {question: _asked(options, question, n_rows) for question in QUESTIONS}
        if options.peers and not logs:  # the smallest log is large enough to tell, and theirs are slow
            grown["peers"] = compared(options.peers, options.url, n_rows, _say)
        logs.append(grown)
    machine = _machine(options.url) | {"load": [load, os.getloadavg()[0]], "ingest_peak_mb": peak_memory()}
    result: dict[str, Any] = {"machine": machine, "ingest": rates, "logs": logs}
    result["targets"] = [asdict(target) | {"met": target.met} for target in targets(result)]
    return result


def _grown(url: str, n_rows: int) -> dict[str, Any]:
    log = open_log(url)
    before = log.n_rows(MODEL)
    seconds = 0.0
    for n, took in grow(log, n_rows):
        seconds += took
        if n % 1_000_000 == 0:
            _say(f"{n:,} rows")
    log.close()
    return {"n_rows": n_rows, "rows_per_s": (n_rows - before) / seconds}


def _first_look(url: str) -> float:
    """Look once: the evidence of every column is brought up to the newest row, which later looks find done."""
    log = open_log(url)
    begun = time.perf_counter()
    check(log, MODEL, LastRows(1_000))
    seconds = time.perf_counter() - begun
    log.close()
    return seconds


def _asked(options: argparse.Namespace, question: str, n_rows: int) -> dict[str, Any]:
    ways = ("ours",) if options.without_pandas else ("ours", "pandas")
    found = {way: measured(way, options.url, question, n_rows) for way in ways}
    answers = {way: found[way].pop("answers") for way in ways}
    times = ", ".join(f"{way} {1000 * found[way]['warm_s']:,.1f} ms" for way in ways)
    _say(f"{QUESTIONS[question]}: {times}")
    if options.without_pandas:
        return found
    apart = difference(answers["ours"], answers["pandas"])
    return {**found, "largest_difference": apart.largest, "beyond_the_bound": apart.beyond}


def _n_bytes(url: str) -> int:
    files = database_files(url)
    if files:
        return sum(path.stat().st_size for path in files)
    log: PredictionLog = open_log(url)
    with log.engine.connect() as connection:
        size: int = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar_one()
    log.close()
    return size


def _machine(url: str) -> dict[str, Any]:
    log = open_log(url)
    with log.engine.connect() as connection:
        version = ".".join(map(str, connection.dialect.server_version_info or ()))
        database = f"{connection.dialect.name} {version}"
    log.close()
    return {"n_cores": os.cpu_count(), "database": database, "python": platform.python_version()}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
