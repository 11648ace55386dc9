"""`python -m retrain`: the worker, and everything that people do with retrain jobs."""

import argparse
import getpass
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any

from drift.version import __version__
from retrain.alert_commands import add_alert_commands
from retrain.models import artifacts
from retrain.params import RetrainParams
from retrain.run_commands import add_run_commands
from retrain.strategy_commands import add_params, add_strategy_commands, params_of
from retrain.workers.launchers import ensure_worker
from storage.command_line import guarded
from storage.database.engine import DEFAULT_URL
from storage.database.settings import Settings
from storage.jobs import decisions, queue
from storage.jobs.leases import LEASE
from storage.log import PredictionLog, open_log
from storage.models import promotion, registry


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 1 is a decision that took no effect, 2 an error."""
    options = _parser().parse_args(arguments)
    return guarded(lambda: _run(options), to_log=options.to_log)


def _run(options: argparse.Namespace) -> int:
    code: int = options.run(Settings.from_environment(), options)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m retrain",
        description="Retrain a model, and decide whether the new one may serve.",
        epilog=f"The database is named by DRIFT_DATABASE_URL (default {DEFAULT_URL}).",
    )
    parser.set_defaults(to_log=False)
    parser.add_argument("--version", action="version", version=f"Drift monitor {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    work = commands.add_parser("worker", help="run the steps of jobs until asked to stop")
    work.add_argument("--poll", type=float, default=0.3, metavar="SECONDS", help="how often to look for work")
    work.add_argument("--lease", type=float, default=LEASE.total_seconds(), metavar="SECONDS")
    work.add_argument("--parent", type=int, metavar="PID", help="end when this process is gone and no job is left")
    work.add_argument("--engine", choices=("local", "dbos"), default="local", help="what wakes it; dbos on PostgreSQL")
    work.set_defaults(run=_worker, to_log=True)
    _add_start(commands.add_parser("start", help="start a job"))
    status = commands.add_parser("status", help="show the latest jobs and what serves")
    status.add_argument("--model", help="only this model")
    status.set_defaults(run=_status)
    for name, what in {
        "approve": "let a waiting job's challenger go on, or a proposed job begin",
        "refuse": "end a waiting or proposed job",
        "cancel": "stop a job; a challenger on trial is taken back",
    }.items():
        decision = commands.add_parser(name, help=what)
        decision.add_argument("job", type=int)
        decision.set_defaults(run=_decide, decision=name)
        _add_person(decision, starts_work=name == "approve")
    _add_repairs(commands)
    add_strategy_commands(commands)
    add_run_commands(commands)
    add_alert_commands(commands)
    return parser


def _add_repairs(commands: Any) -> None:
    again = commands.add_parser("retry", help="open an ended job again at one of its steps")
    again.add_argument("job", type=int)
    again.add_argument("--from", dest="step", required=True, metavar="STEP", help="precheck … register, … promote")
    again.set_defaults(run=_retry)
    _add_person(again, starts_work=True)
    back = commands.add_parser("rollback", help="end a trial, or else bring the previous champion back")
    back.add_argument("--model", required=True)
    back.set_defaults(run=_rollback)
    _add_person(back)
    serve = commands.add_parser("promote", help="let a challenger on trial serve now, or a version that was kept")
    serve.add_argument("job", type=int, nargs="?", help="the job whose challenger is on trial")
    serve.add_argument("--model", help="with --version: the model")
    serve.add_argument("--version", help="such as one that was rolled back too soon; asks for a --note")
    serve.set_defaults(run=_promote)
    _add_person(serve, starts_work=True)


def _add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True)
    parser.add_argument("--reason", required=True, help="why; everyone can read it later")
    parser.add_argument("--by", default=getpass.getuser(), metavar="NAME", help="who asks (default: %(default)s)")
    add_params(parser)
    parser.add_argument("--dry-run", action="store_true", help="compare, and register nothing")
    parser.set_defaults(run=_start)


def _add_person(parser: argparse.ArgumentParser, *, starts_work: bool = False) -> None:
    parser.add_argument("--by", default=getpass.getuser(), metavar="NAME", help="who decides (default: %(default)s)")
    parser.add_argument("--note", default="", help="why")
    parser.set_defaults(starts_work=starts_work)


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    from retrain.workers.worker import Worker

    worker = Worker(settings, options.poll, timedelta(seconds=options.lease), options.parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    if options.engine == "dbos":
        from retrain.workers import dbos_engine

        dbos_engine.run(worker)
    else:
        worker.run()
    return 0


def _start(settings: Settings, options: argparse.Namespace) -> int:
    given = params_of(options)
    RetrainParams.from_mapping(given)
    with closing(open_log(settings.database_url)) as log:
        answer = queue.start(log, options.model, options.reason, options.by, params=given, dry_run=options.dry_run)
    print(answer.message)
    print(ensure_worker(settings))
    return 0 if answer.started else 1


def _status(settings: Settings, options: argparse.Namespace) -> int:
    with closing(open_log(settings.database_url)) as log:
        _print_jobs(log, options.model)
        for model in [options.model] if options.model else log.models():
            log.columns(model)  # an unknown model is an error, not one without versions
            _print_aliases(log, model)
    return 0


def _print_jobs(log: PredictionLog, model: str | None) -> None:
    for job in queue.read_jobs(log, model, limit=20):
        print(f"job {job.id}  {job.model}  {job.state.replace('_', ' ')}  {job.progress:.0%}  by {job.requested_by}")
        print(f"  {job.reason}")
        for step in queue.read_steps(log, job.id):
            tries = f", attempt {step.attempt}" if step.attempt > 1 else ""
            print(f"  {step.name:<10} {step.state}{tries}{': ' + step.error if step.error else ''}")
        if job.note:
            print(f"  {job.note}")


def _print_aliases(log: PredictionLog, model: str) -> None:
    serving = [f"{name} {alias.version}" for name, alias in sorted(registry.read_aliases(log, model).items())]
    print(f"{model}: {', '.join(serving) or 'no version yet'}")


def _decide(settings: Settings, options: argparse.Namespace) -> int:
    act = {"approve": decisions.approve, "refuse": decisions.refuse, "cancel": decisions.cancel}[options.decision]
    return _answered(settings, act, options.job, options)


def _rollback(settings: Settings, options: argparse.Namespace) -> int:
    return _answered(settings, decisions.rollback, options.model, options)


def _retry(settings: Settings, options: argparse.Namespace) -> int:
    return _answered(
        settings, lambda log, job, *who: decisions.retry(log, job, options.step, *who), options.job, options
    )


def _promote(settings: Settings, options: argparse.Namespace) -> int:
    if options.job is not None and not (options.model or options.version):
        return _answered(settings, decisions.promote_now, options.job, options)
    if options.job is not None or not (options.model and options.version):
        raise ValueError("promote must be given the number of a job, or --model and --version.")
    return _answered(settings, partial(_promote_kept, settings, options.version), options.model, options)


def _promote_kept(
    settings: Settings, version: str, log: PredictionLog, model: str, by: str, note: str
) -> decisions.Answer:
    kept = registry.read_version(log, model, version)
    if kept.uri is not None:
        artifacts.load(settings.artifacts, kept.uri, kept.sha256 or "")  # raises if the file is not what was registered
    replaced = promotion.promote_version(log, model, version, by, note)
    return decisions.Answer(True, f"{version} serves now" + (f" instead of {replaced}" if replaced else ""))


def _answered(settings: Settings, act: Any, what: int | str, options: argparse.Namespace) -> int:
    with closing(open_log(settings.database_url)) as log:
        answer: decisions.Answer = act(log, what, options.by, options.note)
    print(answer.message)
    if answer.accepted and options.starts_work:
        print(ensure_worker(settings))
    return 0 if answer.accepted else 1


if __name__ == "__main__":
    sys.exit(main())
