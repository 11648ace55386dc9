"""`python -m retrain`: the worker, and everything that people do with retrain jobs."""

import argparse
import getpass
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from retrain.launchers import ensure_worker
from retrain.params import RetrainParams
from storage import jobs, registry
from storage.engine import DEFAULT_URL, DatabaseFault
from storage.leases import LEASE, Ticket
from storage.log import PredictionLog, open_log
from storage.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: 1 is a decision that took no effect, 2 an error."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(Settings.from_environment(), options)
        return code
    except (ValueError, DatabaseFault) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # such as `status | head`
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m retrain",
        description="Retrain a model, and decide whether the new one may serve.",
        epilog=f"The database is named by DRIFT_DATABASE_URL (default {DEFAULT_URL}).",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    work = commands.add_parser("worker", help="run the steps of jobs until asked to stop")
    work.add_argument("--poll", type=float, default=0.3, metavar="SECONDS", help="how often to look for work")
    work.add_argument("--lease", type=float, default=LEASE.total_seconds(), metavar="SECONDS")
    work.add_argument("--parent", type=int, metavar="PID", help="end when this process is gone and no job is left")
    work.set_defaults(run=_worker)
    _add_start(commands.add_parser("start", help="start a job"))
    status = commands.add_parser("status", help="show the latest jobs and what serves")
    status.add_argument("--model", help="only this model")
    status.set_defaults(run=_status)
    for name, what in {
        "approve": "let a waiting job's challenger serve",
        "refuse": "end a waiting job",
        "cancel": "stop a job",
    }.items():
        decision = commands.add_parser(name, help=what)
        decision.add_argument("job", type=int)
        decision.set_defaults(run=_decide, decision=name)
        _add_person(decision)
    back = commands.add_parser("rollback", help="bring the previous champion back")
    back.add_argument("--model", required=True)
    back.set_defaults(run=_rollback)
    _add_person(back)
    # What a worker starts for each step; not for people.
    step = commands.add_parser("step")
    for option in ("job", "attempt", "fence", "parent"):
        step.add_argument(f"--{option}", type=int, required=True)
    step.add_argument("--model", required=True)
    step.add_argument("--step", required=True)
    step.set_defaults(run=_step)
    return parser


def _add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True)
    parser.add_argument("--reason", required=True, help="why; everyone can read it later")
    parser.add_argument("--by", default=getpass.getuser(), metavar="NAME", help="who asks (default: %(default)s)")
    parser.add_argument("--recipe", help="text or tabular; the champion's if not given")
    parser.add_argument("--window-rows", type=int, metavar="N", help="train on the newest N labelled rows")
    parser.add_argument("--holdout-share", type=float, metavar="X", help="the newest part, which both are judged on")
    parser.add_argument("--override", action="store_true", default=None, help="train within the cool-down")
    parser.add_argument("--dry-run", action="store_true", help="compare, and register nothing")
    parser.set_defaults(run=_start)


def _add_person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", default=getpass.getuser(), metavar="NAME", help="who decides (default: %(default)s)")
    parser.add_argument("--note", default="", help="why")


def _worker(settings: Settings, options: argparse.Namespace) -> int:
    from retrain.worker import Worker

    worker = Worker(settings, options.poll, timedelta(seconds=options.lease), options.parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop.set())
    worker.run()
    return 0


def _step(settings: Settings, options: argparse.Namespace) -> int:
    from retrain import child

    ticket = Ticket(options.job, options.model, options.step, options.attempt, options.fence)
    return child.run(settings, ticket, options.parent)


def _start(settings: Settings, options: argparse.Namespace) -> int:
    names = ("recipe", "window_rows", "holdout_share", "override")
    given: dict[str, Any] = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    RetrainParams.from_mapping(given)
    with_log = open_log(settings.database_url)
    answer = jobs.start(with_log, options.model, options.reason, options.by, params=given, dry_run=options.dry_run)
    with_log.close()
    print(answer.message)
    print(ensure_worker(settings))
    return 0 if answer.started else 1


def _status(settings: Settings, options: argparse.Namespace) -> int:
    log = open_log(settings.database_url)
    for job in jobs.jobs(log, options.model, limit=20):
        print(f"job {job.id}  {job.model}  {job.state.replace('_', ' ')}  {job.progress:.0%}  by {job.requested_by}")
        print(f"  {job.reason}")
        for step in jobs.steps(log, job.id):
            tries = f", attempt {step.attempt}" if step.attempt > 1 else ""
            print(f"  {step.name:<10} {step.state}{tries}{': ' + step.error if step.error else ''}")
        if job.note:
            print(f"  {job.note}")
    for model in [options.model] if options.model else log.models():
        _print_aliases(log, model)
    log.close()
    return 0


def _print_aliases(log: PredictionLog, model: str) -> None:
    serving = [f"{name} {alias.version}" for name, alias in sorted(registry.aliases(log, model).items())]
    print(f"{model}: {', '.join(serving) or 'no version yet, only logged predictions'}")


def _decide(settings: Settings, options: argparse.Namespace) -> int:
    act = {"approve": jobs.approve, "refuse": jobs.refuse, "cancel": jobs.cancel}[options.decision]
    return _answered(settings, act, options.job, options)


def _rollback(settings: Settings, options: argparse.Namespace) -> int:
    return _answered(settings, jobs.rollback, options.model, options)


def _answered(settings: Settings, act: Any, what: int | str, options: argparse.Namespace) -> int:
    log = open_log(settings.database_url)
    answer: jobs.Answer = act(log, what, options.by, options.note)
    log.close()
    print(answer.message)
    if answer.accepted and act is jobs.approve:
        print(ensure_worker(settings))
    return 0 if answer.accepted else 1


if __name__ == "__main__":
    sys.exit(main())
