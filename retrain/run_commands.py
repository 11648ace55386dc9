"""`python -m retrain begin | step | gate | end`: what a run elsewhere, such as on GitHub, calls; see retrain.yml."""

import argparse
import os
import sys
from contextlib import closing
from typing import Any

from retrain.workers import external
from retrain.workers.github import GitHubFault
from storage.database.settings import Settings
from storage.jobs.decisions import Answer
from storage.jobs.leases import Ticket
from storage.log import open_log


def add_run_commands(commands: Any) -> None:
    """Add the commands to a parser."""
    begin = commands.add_parser("begin", help="on another machine: take a job over, or start one; prints its number")
    begin.add_argument("--model", default="", help="may be empty where there is only one")
    begin.add_argument("--reason", required=True)
    begin.add_argument("--by", required=True, metavar="NAME")
    begin.add_argument("--job", default="", metavar="N", help="the job to take over; empty starts one")
    begin.add_argument("--run-url", required=True, metavar="URL", help="where the run can be seen")
    begin.set_defaults(run=_begin)
    step = commands.add_parser("step", help="on another machine: run one step of a job to its end")
    step.add_argument("--job", type=int, required=True)
    step.add_argument("--step", required=True, help="precheck … register, or rollout")
    # How a worker calls the process of one attempt.
    for option in ("attempt", "fence", "parent"):
        step.add_argument(f"--{option}", type=int, help=argparse.SUPPRESS)
    step.add_argument("--model", help=argparse.SUPPRESS)
    step.set_defaults(run=_step, to_log=True)
    gate = commands.add_parser("gate", help="on GitHub: take over what the reviewers of the environment decided")
    gate.add_argument("--job", type=int, required=True)
    gate.add_argument("--run", dest="run_id", required=True, metavar="ID", help="the number of the run")
    gate.set_defaults(run=_gate)
    end = commands.add_parser("end", help="on GitHub: leave no job open whose run is over")
    end.add_argument("--job", type=int, required=True)
    end.add_argument("--run", dest="run_id", required=True, metavar="ID", help="the number of the run")
    end.add_argument("--by", required=True, metavar="NAME")
    end.set_defaults(run=_end)


def _begin(settings: Settings, options: argparse.Namespace) -> int:
    with closing(open_log(settings.database_url)) as log:
        print(external.begin(log, options.model, options.reason, options.by, options.job, options.run_url))
    return 0


def _step(settings: Settings, options: argparse.Namespace) -> int:
    if options.attempt is not None:
        from retrain.workers import child

        ticket = Ticket(options.job, options.model, options.step, options.attempt, options.fence)
        return child.run(settings, ticket, options.parent)
    with closing(open_log(settings.database_url)) as log:
        job = external.run_step(settings, log, options.job, options.step)
    print(f"job {job.id} is {job.state.replace('_', ' ')}: {job.note or 'nothing to say'}")
    _summarise(f"**{options.step}**: {job.note or 'done'}")
    return 1 if job.is_final and job.state != "promoted" else 0


def _gate(settings: Settings, options: argparse.Namespace) -> int:
    return _settled(settings, lambda log: external.gate(settings, log, options.job, options.run_id))


def _end(settings: Settings, options: argparse.Namespace) -> int:
    return _settled(settings, lambda log: external.end(settings, log, options.job, options.by, options.run_id))


def _settled(settings: Settings, act: Any) -> int:
    with closing(open_log(settings.database_url)) as log:
        try:
            answer: Answer = act(log)
        except GitHubFault as fault:
            answer = Answer(False, str(fault))
    print(answer.message)
    return 0 if answer.accepted else 1


def _summarise(line: str) -> None:
    """Show a line on the page of the run; the step is committed, so that a page that takes none does not fail it."""
    if path := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with open(path, "a", encoding="utf-8") as summary:
                summary.write(f"- {line}\n")
        except OSError as error:
            print(f"The page of the run could not be written: {error.strerror}.", file=sys.stderr)
