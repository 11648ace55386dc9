"""`python -m retrain schedule | trigger`: jobs that start, or are proposed, by themselves."""

import argparse
import getpass
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from typing import Any, get_args

from retrain.params import Rollout
from retrain.triggers import looks, schedules
from retrain.triggers.looks import TriggerSettings
from storage.database.settings import Settings
from storage.jobs import firings
from storage.jobs.firings import Mode
from storage.jobs.schedules import read_schedules
from storage.jobs.triggers import Kind, read_triggers
from storage.log import PredictionLog, open_log

_PARAMS = ("recipe", "window_rows", "holdout_share", "override", "rollout", "needs_approval", "other_approver")
_DEFAULTS = TriggerSettings()


def add_strategy_commands(commands: Any) -> None:
    """Add the commands to a parser."""
    _add_schedule(commands.add_parser("schedule", help="start jobs at certain times"))
    _add_trigger(commands.add_parser("trigger", help="start or propose jobs on drift or new labels"))
    # What a worker starts when a trigger is due; harmless for people.
    commands.add_parser("look").set_defaults(run=_with_log(_look), to_log=True)


def add_params(parser: argparse.ArgumentParser) -> None:
    """Add what a job may be asked for; only operators reach a command line, so their own recipes are allowed here."""
    parser.add_argument("--recipe", help="text, tabular or your own module:function; the champion's if not given")
    parser.add_argument("--window-rows", type=int, metavar="N", help="train on the newest N labelled rows")
    parser.add_argument("--holdout-share", type=float, metavar="X", help="the newest part, which both are judged on")
    parser.add_argument("--override", action="store_true", default=None, help="train within the cool-down")
    parser.add_argument(
        "--rollout", choices=get_args(Rollout), help="how it comes to serve; by the traffic if not given"
    )
    parser.add_argument(
        "--without-approval", dest="needs_approval", action="store_false", default=None, help="if it passes every check"
    )
    parser.add_argument(
        "--other-approver", action="store_true", default=None, help="whoever asks may not be who approves"
    )


def params_of(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was asked for; what was not keeps its default."""
    return {name: value for name in _PARAMS if (value := getattr(options, name, None)) is not None}


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="such as: --model M --cron '0 3 * * mon' --time-zone Europe/Berlin --reason R")
    add.add_argument("--model", required=True)
    add.add_argument("--cron", required=True, help="minute hour day month weekday, or @daily")
    add.add_argument("--time-zone", default="UTC", metavar="ZONE", help="whose clock counts (default: %(default)s)")
    add.add_argument("--reason", required=True, help="why; every job of the schedule carries it")
    add_params(add)
    _finish(add, _schedule_add)
    _add_others(actions, "schedule", _schedule_list, _schedule_enable)


def _add_trigger(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="such as: --model M --on drift --propose")
    add.add_argument("--model", required=True)
    add.add_argument(
        "--on", dest="kind", required=True, choices=get_args(Kind), help="the advice, or new labelled rows"
    )
    add.add_argument(
        "--mode", choices=get_args(Mode), default="propose", help="ask a person first (default: %(default)s), or start"
    )
    for name, what in {
        "checks": "drift: so many looks in a row, no two at the same rows, must advise it",
        "window_rows": "drift: the newest rows that a look compares",
        "n_labels": "labels: so many new labelled rows",
        "every_minutes": "how often it looks",
        "pause_hours": "for so long after a firing it does not fire again",
    }.items():
        default = getattr(_DEFAULTS, name)
        option = "--compared-rows" if name == "window_rows" else f"--{name.replace('_', '-')}"
        shown = f"{what} (default: {default:g})"
        add.add_argument(option, dest=f"set_{name}", type=type(default), metavar="N", help=shown)
    add.add_argument(
        "--actions",
        dest="set_actions",
        type=lambda text: tuple(text.split(",")),
        metavar="A,B",
        help=f"drift: advised actions that count (default: {','.join(_DEFAULTS.actions)})",
    )
    add_params(add)
    _finish(add, _trigger_add)
    _add_others(actions, "trigger", _trigger_list, _trigger_enable)


def _add_others(actions: Any, what: str, show: Callable[..., int], enable: Callable[..., int]) -> None:
    shown = actions.add_parser("list", help=f"show every {what} and what it came to")
    shown.add_argument("--model", help="only of this model")
    shown.set_defaults(run=_with_log(show))
    for name, act in {"remove": _remove, "disable": _disable, "enable": enable}.items():
        action = actions.add_parser(name, help=f"{name} a {what}")
        action.add_argument("number", type=int)
        action.set_defaults(what=what)
        _finish(action, act)


def _finish(parser: argparse.ArgumentParser, act: Callable[..., int]) -> None:
    parser.add_argument("--by", default=getpass.getuser(), metavar="NAME", help="who does it (default: %(default)s)")
    parser.set_defaults(run=_with_log(act))


def _with_log(act: Callable[[PredictionLog, argparse.Namespace], int]) -> Callable[[Settings, argparse.Namespace], int]:
    def run(settings: Settings, options: argparse.Namespace) -> int:
        with closing(open_log(settings.database_url)) as log:
            return act(log, options)

    return run


def _schedule_add(log: PredictionLog, options: argparse.Namespace) -> int:
    asked = {"time_zone": options.time_zone, "reason": options.reason, "by": options.by}
    added = schedules.add(log, options.model, options.cron, params=params_of(options), **asked)
    print(f"schedule {added.number} is added: next at {added.next_at:%Y-%m-%d %H:%M} UTC, while a worker runs")
    return 0


def _schedule_list(log: PredictionLog, options: argparse.Namespace) -> int:
    for one in read_schedules(log, options.model):
        when = f"next at {one.next_at:%Y-%m-%d %H:%M} UTC" if one.enabled else "switched off"
        print(f"schedule {one.id}  {one.model}  {one.cron}  {one.time_zone}  {when}  by {one.created_by}")
        print(f"  {one.reason}")
        if one.last_result:
            print(f"  {one.last_result}")
    return 0


def _schedule_enable(log: PredictionLog, options: argparse.Namespace) -> int:
    schedules.enable(log, options.number, options.by)
    print(f"schedule {options.number} is switched on")
    return 0


def _trigger_add(log: PredictionLog, options: argparse.Namespace) -> int:
    given = {f.name: getattr(options, f"set_{f.name}") for f in fields(TriggerSettings)}
    settings = TriggerSettings(**{name: value for name, value in given.items() if value is not None})
    number = looks.add(
        log, options.model, options.kind, options.mode, by=options.by, settings=settings, params=params_of(options)
    )
    print(f"trigger {number} is added: it looks every {settings.every_minutes:g} min, while a worker runs")
    return 0


def _trigger_list(log: PredictionLog, options: argparse.Namespace) -> int:
    for one in read_triggers(log, options.model):
        settings = TriggerSettings.from_mapping(one.settings)
        watched = f"{settings.n_labels:,} new labelled rows"
        if one.kind == "drift":
            watched = f"{' or '.join(settings.actions)} advised {settings.checks} times in a row"
        state = f"next look {one.next_at:%Y-%m-%d %H:%M} UTC" if one.enabled else "switched off"
        print(f"trigger {one.id}  {one.model}  {one.mode}s on {watched}  {state}  by {one.created_by}")
        if one.last_result:
            print(f"  {one.last_result}")
    return 0


def _trigger_enable(log: PredictionLog, options: argparse.Namespace) -> int:
    firings.enable(log, "trigger", options.number, options.by)
    print(f"trigger {options.number} is switched on")
    return 0


def _remove(log: PredictionLog, options: argparse.Namespace) -> int:
    firings.remove(log, options.what, options.number, options.by)
    print(f"{options.what} {options.number} is removed")
    return 0


def _disable(log: PredictionLog, options: argparse.Namespace) -> int:
    firings.enable(log, options.what, options.number, options.by, on=False)
    print(f"{options.what} {options.number} is switched off")
    return 0


def _look(log: PredictionLog, options: argparse.Namespace) -> int:
    for said in looks.look(log):
        print(said, flush=True)
    return 0
