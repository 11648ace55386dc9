"""`python -m storage`: files into the log and out of it."""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from drift.data.windows import RowSpan
from drift.version import __version__
from storage.checking.times import NAMED_FORMATS
from storage.command_line import (
    ProgressBar,
    classes_argument,
    count_argument,
    guarded,
    instant_argument,
    names_argument,
)
from storage.database.engine import DEFAULT_URL
from storage.database.settings import Settings
from storage.importing.export import export
from storage.importing.plan import ColumnMapping, plan_import
from storage.importing.rejected_file import RejectedFile
from storage.importing.run import BATCH_ROWS, run_import
from storage.importing.telling import code_of, tell_plan, tell_result
from storage.importing.wording import MOST_REJECTED
from storage.log import PredictionLog, open_log
from storage.references.frozen import Reference
from storage.upkeep.first_look import LOOKED_AT, look_ahead
from storage.upkeep.upkeep_commands import add_commands


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code (2 is an error)."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options), goes_on=True)


def _run(options: argparse.Namespace) -> int:
    log = open_log(Settings.from_environment().database_url)
    try:
        code: int = options.run(log, options)
        return code
    finally:
        log.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m storage",
        description="Bring files into the prediction log, take them out, and look after what is stored.",
        epilog=f"The database is named by DRIFT_DATABASE_URL (default {DEFAULT_URL}).",
    )
    parser.add_argument("--version", action="version", version=f"Drift monitor {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_import(commands.add_parser("import", help="read a CSV or Parquet file into the log"))
    out = commands.add_parser("export", help="write a model's log to a CSV or Parquet file")
    out.add_argument("file", type=Path, help="the file to write; it must not exist yet")
    out.add_argument("--model", required=True)
    out.set_defaults(run=_export)
    _add_freeze(commands.add_parser("freeze", help="keep rows as a reference to compare later windows with"))
    add_commands(commands)
    return parser


def _add_freeze(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", required=True, help="how the reference is called; a new name")
    parser.add_argument("--rows", type=count_argument, metavar="N", help="the first N rows of the log")
    parser.add_argument("--newest", type=count_argument, metavar="N", help="the last N rows of the log")
    parser.add_argument("--from", dest="start", type=instant_argument, metavar="T", help="the rows from T on (UTC)")
    parser.add_argument("--to", dest="end", type=instant_argument, metavar="T", help="and before T")
    parser.add_argument("--by", default="command line", help="who freezes it, for the audit list")
    parser.set_defaults(run=_freeze_rows)


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="ends in .csv or .parquet")
    parser.add_argument("--model", required=True, help="is created when it does not exist")
    parser.add_argument("--time", required=True, metavar="COL", help="when the prediction was made (no zone: UTC)")
    for option, what in {
        "--prediction": "predicted class or value",
        "--score": "the model's probability",
        "--label": "true class or value",
        "--labelled-at": "when the label came",
        "--id": "request id: a row comes in once",
        "--entity": "who or what the prediction is about",
        "--version": "model version",
        "--text": "free text",
    }.items():
        parser.add_argument(option, metavar="COL", help=what)
    # A name that holds a comma stands in quotes, as in a CSV file: --ignore 'a,"b,c"'.
    for option, what in {
        "--ignore": "columns to leave out",
        "--numeric": "columns to take as numbers whatever they look like",
        "--categorical": "columns to take as categories whatever they look like",
        "--keep": "columns in which only an empty cell is a missing value, and a word such as NA is one",
    }.items():
        parser.add_argument(option, metavar="A,B", type=names_argument, default=(), help=what)
    parser.add_argument(
        "--missing", metavar="A,B", type=names_argument, help="words that mean a missing value in every other column"
    )
    parser.add_argument(
        "--classes",
        metavar="NAME=CLASS,...",
        type=classes_argument,
        default=(),
        help="which class a name of a prediction or label stands for, such as 1=granted,0=refused; kept with the model",
    )
    for option, what in {
        "--decimal": "the decimal mark, . or ,",
        "--thousands": "the mark of thousands, . , ' or blank",
    }.items():
        parser.add_argument(
            option, metavar="[COL=]MARK", action="append", default=[], help=f"{what}, of all columns of text or of one"
        )
    parser.add_argument(
        "--time-format",
        metavar="FORMAT",
        help=f"how times are written: {', '.join(NAMED_FORMATS)} (numbers since 1970, dates), or a pattern such as "
        "%%d.%%m.%%y",
    )
    reference = parser.add_mutually_exclusive_group()
    reference.add_argument(
        "--reference-rows", type=count_argument, metavar="N", help="freeze the first N rows as reference"
    )
    reference.add_argument(
        "--reference-until", type=instant_argument, metavar="T", help="freeze the rows before T as reference"
    )
    parser.add_argument("--batch", type=count_argument, default=BATCH_ROWS, metavar="N", help="rows per transaction")
    parser.add_argument("--strict", action="store_true", help="reject a row for any cell that cannot be read")
    parser.add_argument(
        "--most-rejected",
        type=_share,
        default=MOST_REJECTED,
        metavar="SHARE",
        help=f"exit with 3 where a greater share of the rows was rejected (default {MOST_REJECTED:g})",
    )
    parser.add_argument("--verbose", action="store_true", help="tell every column of the plan, however many there are")
    parser.add_argument("--again", action="store_true", help="import the same content a second time")
    parser.add_argument("--rejected", type=Path, metavar="FILE", help="write every rejected row to this CSV file")
    parser.add_argument("--called", default="", metavar="NAME", help="list the file under another name than its own")
    parser.add_argument("--by", default="command line", help="who imports it, for the audit list")
    parser.add_argument("--remove-file", action="store_true", help="delete FILE once all of its rows are dealt with")
    parser.set_defaults(run=_import)


def _marks(given: Sequence[str]) -> dict[str, str]:
    """Return marks by column; one without a column is that of all others."""
    return {column: mark for column, _, mark in (each.rpartition("=") for each in given)}


def _import(log: PredictionLog, options: argparse.Namespace) -> int:
    mapping = ColumnMapping(
        predicted_at=options.time,
        prediction=options.prediction,
        score=options.score,
        label=options.label,
        labelled_at=options.labelled_at,
        request_id=options.id,
        entity_id=options.entity,
        version=options.version,
        text=options.text,
    )
    plan = plan_import(
        log,
        options.file,
        options.model,
        mapping,
        ignore=options.ignore,
        numeric=options.numeric,
        categorical=options.categorical,
        missing=options.missing,
        keep=options.keep,
        classes=options.classes,
        decimal=_marks(options.decimal),
        thousands=_marks(options.thousands),
        time_format=options.time_format,
        called=options.called,
    )
    tell_plan(plan, verbose=options.verbose)
    started = time.perf_counter()
    result = run_import(
        log,
        plan,
        batch=options.batch,
        again=options.again,
        strict=options.strict,
        by=options.by,
        progress=ProgressBar(),
        **({} if options.rejected is None else {"tell_rejected": RejectedFile(options.rejected)}),
    )
    tell_result(result, options.rejected, time.perf_counter() - started)
    if options.remove_file:
        _remove(options.file)
    if result.accepted == 0 and not result.resumed_at:
        print("error: nothing was imported.", file=sys.stderr)
        return 2
    _freeze(log, options)
    _look_ahead(log, options.model)
    return code_of(result, options.most_rejected)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"must be a share from 0 to 1; got {text!r}")
    return share


def _remove(file: Path) -> None:
    """Delete a file whose rows are in; where it is gone already, or cannot be deleted, what comes next still does."""
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        print(f"{file} could not be removed: {error.strerror}.", file=sys.stderr)


def _look_ahead(log: PredictionLog, model: str) -> None:
    n = look_ahead(log, model, ProgressBar(LOOKED_AT))
    if n:
        print(f"{n:,} rows since the reference are looked at for drift.")


def _freeze(log: PredictionLog, options: argparse.Namespace) -> None:
    if options.reference_rows is None and options.reference_until is None:
        return
    existing = next((r for r in log.references(options.model) if r.name == "training"), None)
    if existing is not None:
        print(f"Reference 'training' exists already ({existing.n:,} rows) and stays as it is.")
        return
    if options.reference_rows is not None:
        reference = log.freeze_reference(options.model, "training", rows=options.reference_rows, by=options.by)
    else:
        span = _span_until(log, options)
        reference = log.freeze_reference(options.model, "training", *span, by=options.by)
    _tell(reference)


def _span_until(log: PredictionLog, options: argparse.Namespace) -> tuple[datetime, datetime]:
    first, until = log.extent(options.model, RowSpan(0, 1)).start, options.reference_until
    if first is None or until <= first:
        begins = f"{first:%Y-%m-%d %H:%M:%S} UTC" if first else "without a row"
        raise ValueError(
            f"--reference-until must be later than the first row (the log begins {begins}); got {until}. The rows are "
            "in the log: freeze a reference with python -m storage freeze."
        )
    return first, until


def _freeze_rows(log: PredictionLog, options: argparse.Namespace) -> int:
    if options.rows is not None and (options.start or options.end):
        raise ValueError("freeze must be given --rows, or --from and --to; got both.")
    span = (options.start, options.end)
    how = {"rows": options.rows, "newest": options.newest, "by": options.by}
    _tell(log.freeze_reference(options.model, options.name, *span, **how))
    _look_ahead(log, options.model)
    return 0


def _tell(reference: Reference) -> None:
    span = f"{reference.start:%Y-%m-%d %H:%M} to {reference.end:%Y-%m-%d %H:%M} UTC"
    print(f"Reference {reference.name!r}: {reference.n:,} rows, {span}.")


def _export(log: PredictionLog, options: argparse.Namespace) -> int:
    n = export(log, options.model, options.file, ProgressBar())
    print(f"{n:,} rows written to {options.file}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
