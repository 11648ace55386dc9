"""The commands that look after a log: verify, rebuild, retain, erase."""

import argparse
from datetime import UTC, datetime, timedelta

from drift.data.windows import LastRows, TimeSpan
from storage.command_line import ProgressBar, classes_argument, count_argument
from storage.log import PredictionLog
from storage.segments.seal import rebuild
from storage.upkeep.evidence_check import rebuild_evidence, verify_evidence
from storage.upkeep.normalization import normalize
from storage.upkeep.retention import erase, retain
from storage.upkeep.verification import verify


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the parsers of these commands; each sets `run`."""
    verify = commands.add_parser("verify", help="recompute all that is derived from the log; exit 1 if it differs")
    rebuild = commands.add_parser("rebuild", help="throw away all that is derived from the log and build it again")
    for parser, run in {verify: _verify, rebuild: _rebuild}.items():
        parser.add_argument("--model", help="only this one (default: every model)")
        parser.set_defaults(run=run)
    retain = commands.add_parser("retain", help="delete rows that are older than so many days")
    retain.add_argument("--model", required=True)
    retain.add_argument("--days", type=count_argument, required=True, metavar="N")
    retain.add_argument("--everything", action="store_true", help="even if no row would be left")
    retain.add_argument("--dry-run", action="store_true", help="only say how many rows would go")
    retain.set_defaults(run=_retain)
    normalize = commands.add_parser("normalize", help="make categories that are spelled in several ways one")
    normalize.add_argument("--model", required=True)
    normalize.add_argument(
        "--classes",
        metavar="NAME=CLASS,...",
        type=classes_argument,
        default=(),
        help="which class a name of a prediction or label stands for, such as 1=granted,0=refused",
    )
    normalize.add_argument("--dry-run", action="store_true", help="only say what would become one")
    normalize.set_defaults(run=_normalize)
    erase = commands.add_parser("erase", help="delete all rows about one person or thing")
    erase.add_argument("--model", required=True)
    erase.add_argument("--entity", required=True, metavar="ID", help="the entity id of the rows")
    erase.set_defaults(run=_erase)


def _models(log: PredictionLog, options: argparse.Namespace) -> tuple[str, ...]:
    return log.models() if options.model is None else (options.model,)


def _verify(log: PredictionLog, options: argparse.Namespace) -> int:
    faults = []
    for model in _models(log, options):
        found = [
            *verify(log, model, ProgressBar("segments")),
            *(f"model {model!r}: evidence on {of}" for of in verify_evidence(log, model)),
        ]
        faults += found
        if not found:
            print(f"Model {model!r}: all that is derived from its {log.n_rows(model):,} rows agrees with them.")
    for fault in faults:
        print(fault)
    if faults:
        print(f"{len(faults):,} differences. `python -m storage rebuild` builds all of it again from the log.")
    return 1 if faults else 0


def _rebuild(log: PredictionLog, options: argparse.Namespace) -> int:
    for model in _models(log, options):
        rebuild(log.shelf, model)
        rebuild_evidence(log, model)
        print(f"Model {model!r}: segments, counts and evidence are built again from {log.n_rows(model):,} rows.")
    return 0


def _retain(log: PredictionLog, options: argparse.Namespace) -> int:
    before = datetime.now(UTC) - timedelta(days=options.days)
    n_rows, oldest = log.n_rows(options.model), log.extent(options.model, LastRows(2**62)).start
    n_old = 0
    if oldest is not None and oldest < before:
        n_old = log.extent(options.model, TimeSpan(oldest, before)).n
    if options.dry_run:
        print(f"{n_old:,} of {n_rows:,} rows are from before {before:%Y-%m-%d %H:%M} UTC. Nothing was deleted.")
        return 0
    if n_old == n_rows > 0 and not options.everything:
        raise ValueError(
            f"days must leave some rows; all {n_rows:,} are from before {before:%Y-%m-%d %H:%M} UTC "
            "(days count back from now). Add --everything to delete them all."
        )
    n = retain(log, options.model, before)
    print(f"{n:,} rows from before {before:%Y-%m-%d %H:%M} UTC deleted, {log.n_rows(options.model):,} kept.")
    return 0


def _normalize(log: PredictionLog, options: argparse.Namespace) -> int:
    changes = normalize(log, options.model, options.classes, dry_run=options.dry_run)
    for change in changes:
        print(change.said)
    if not changes:
        print(f"Model {options.model!r}: every category has one spelling already.")
    elif options.dry_run:
        print("Nothing was changed.")
    else:
        print("Segments, counts and evidence are built again. Start services that are running anew.")
    return 0


def _erase(log: PredictionLog, options: argparse.Namespace) -> int:
    n = erase(log, options.model, options.entity)
    print(f"{n:,} rows about {options.entity!r} deleted, {log.n_rows(options.model):,} kept.")
    return 0
