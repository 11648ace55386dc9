"""A job's steps in words: begun or not, how long they took, and what came of each."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from dashboard.jobs.words import STEP_TITLES
from dashboard.shown.badges import age_text, plain
from drift.wording import short
from retrain.steps.outputs import (
    Collected,
    Evaluated,
    JobResult,
    Prechecked,
    Promoted,
    Trained,
    Validated,
    refusal,
)
from retrain.steps.trial import Trial
from storage.jobs.job_rows import STEPS, Job, Registered, Step

_STEP_LOOK = {
    "running": ("sync", "blue", "running"),
    "waiting": ("front_hand", "orange", "waits"),
    "on trial": ("science", "blue", "on trial"),
    "done": ("check_circle", "green", "done"),
    "rejected": ("block", "orange", "rejected"),
    "failed": ("error", "red", "failed"),
    "cancelled": ("cancel", "gray", "cancelled"),
    "to come": ("radio_button_unchecked", "gray", "to come"),
    "not reached": ("remove", "gray", "not reached"),
}
# Steps of a gradual rollout: shown only once a job takes them.
_OPTIONAL = ("shadow", "canary")


def seconds(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took, or nothing if it has not ended."""
    if start is None or end is None:
        return ""
    took = (end - start).total_seconds()
    return f"{took:.1f} s" if took < 59.95 else age_text(timedelta(seconds=round(took)))


def steps_table(job: Job, steps: Sequence[Step]) -> pd.DataFrame:
    """Return a job's steps in order, begun or not, as cells of Markdown: icon and word, step, time, what came of it.

    Returns
    -------
    DataFrame, shape (steps shown, 5), all text
    """
    begun = {step.name: step for step in steps}
    evaluated = JobResult.of(job.result).evaluated
    on_trial = evaluated is not None and evaluated.rollout == "canary"
    shown = [name for name in STEPS if name in begun or on_trial or name not in _OPTIONAL]
    rows = [_step_row(job, name, begun.get(name)) for name in shown]
    return pd.DataFrame(rows, columns=["State", "Step", "Started\u00a0UTC", "Took", "What came of it"])


def _step_row(job: Job, name: str, step: Step | None) -> list[str]:
    state: str = step.state if step else "not reached" if job.is_final else "to come"
    on_trial = step is not None and name in _OPTIONAL
    if on_trial and state in ("running", "waiting"):
        state = "on trial"
    icon, colour, word = _STEP_LOOK[state]
    badge = f":{colour}[:material/{icon}: {word}]".replace(" ", "\u00a0")
    title = STEP_TITLES[name] if step else f":gray[{STEP_TITLES[name]}]"
    if step is None:
        return [badge, title, "", "", ""]
    started = f"{step.started_at:%H:%M:%S}" if step.started_at else ""
    # The time of the last look says nothing about a trial of days.
    took = "" if on_trial else seconds(step.started_at, step.finished_at)
    return [badge, title, started, took, plain(_step_finding(job, step))]


def _step_finding(job: Job, step: Step) -> str:
    """Say what a step came to, or does now: its error, the job's note while it runs, else its output in words."""
    if step.name in _OPTIONAL and not step.error:
        return _looks_in_words(step)
    tries = f"attempt {step.attempt}" if step.attempt > 1 else ""
    if step.error:
        found = step.error
    elif step.state == "running":
        found = job.note or ""
    elif step.name == "approval":
        found = _decision(job)
    else:
        found = refusal(step.output) or (_IN_WORDS[step.name](step.output) if step.output else "")
    return ", ".join(part for part in (tries, found) if part)


def _looks_in_words(step: Step) -> str:
    """Say how often a trial was looked at, and what the last look found."""
    if why := refusal(step.output):
        return why
    looks = f"{step.attempt} look{'s' if step.attempt > 1 else ''}"
    if not step.output:
        return looks
    trial = Trial.of_step(step.output)
    if trial.seen is None:
        return looks
    if step.name == "shadow":
        return f"{trial.seen.n_scored:,} requests scored unseen, {looks}"
    share = f"at {trial.share:.0%}: " if trial.share else ""
    return f"{share}{trial.seen.n_labelled:,} labelled rows, {looks}"


def _decision(job: Job) -> str:
    if not job.decided_by:
        return ""
    word = {"approve": "approved", "refuse": "refused"}.get(job.decision or "", "decided")
    return f"{word} by {job.decided_by}" + (f": {job.decision_note}" if job.decision_note else "")


def _counted(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{short(label)} {n:,}" for label, n in labels.items())


def _prechecked(found: Prechecked) -> str:
    return f"{sum(found.labels.values()):,} new labelled rows ({_counted(found.labels)})"


def _collected(found: Collected) -> str:
    left_out = "".join(f"; {n:,} left out {why}" for why, n in found.left_out.items() if n)
    return f"{found.n:,} rows ({_counted(found.labels)}){left_out}"


def _validated(found: Validated) -> str:
    late = age_text(timedelta(seconds=found.median_label_delay_seconds))
    return f"{found.duplicates_share:.1%} duplicates, labels {late} late (median)"


def _evaluated(found: Evaluated) -> str:
    compared = found.comparison
    return f"{100 * compared.difference:+.1f} points of accuracy on {compared.n_held_out:,} held-out rows"


_IN_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "precheck": lambda output: _prechecked(Prechecked.of(output)),
    "collect": lambda output: _collected(Collected.of(output)),
    "validate": lambda output: _validated(Validated.of(output)),
    "train": lambda output: "{0.n:,} rows, recipe {0.recipe}".format(Trained.of(output)),
    "evaluate": lambda output: _evaluated(Evaluated.of(output)),
    "register": lambda output: Registered.of(output).version or "",
    "promote": lambda output: Promoted.of(output).version,
}
