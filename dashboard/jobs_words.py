"""What the Retrain page says: the state of a model's retraining in one sentence, and a job's steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import pandas as pd

from dashboard.jobs_comparison import gain_sentence
from dashboard.labels import age_text, plain, time_text
from storage.jobs import STEPS, Job, Step

Level = Literal["ok", "info", "act", "bad"]
# Icon and colour of each job state.
STATE_LOOK: Mapping[str, tuple[str, str]] = {
    "queued": ("schedule", "gray"),
    "running": ("sync", "blue"),
    "waiting_approval": ("front_hand", "orange"),
    "canary": ("science", "blue"),
    "cancelling": ("cancel", "gray"),
    "promoted": ("check_circle", "green"),
    "rejected": ("block", "orange"),
    "rolled_back": ("undo", "orange"),
    "cancelled": ("cancel", "gray"),
    "failed": ("error", "red"),
}
STATE_WORDS = {state: state.replace("_", " ") for state in STATE_LOOK} | {"waiting_approval": "waits for approval"}
_STEP_LOOK = {
    "running": ("sync", "blue", "running"),
    "waiting": ("front_hand", "orange", "waits"),
    "done": ("check_circle", "green", "done"),
    "rejected": ("block", "orange", "rejected"),
    "failed": ("error", "red", "failed"),
    "cancelled": ("cancel", "gray", "cancelled"),
    "to come": ("radio_button_unchecked", "gray", "to come"),
    "not reached": ("remove", "gray", "not reached"),
}
STEP_TITLES = {
    "precheck": "Pre-check: may it run at all?",
    "collect": "Collect labelled rows",
    "validate": "Validate the data",
    "train": "Train a challenger",
    "evaluate": "Compare both models",
    "register": "Register the version",
    "approval": "Approval by a person",
    "shadow": "Shadow: scored, never shown",
    "canary": "Canary: a share of the traffic",
    "promote": "Promote to champion",
}
PLAN = {
    "precheck": "refuses within the cool-down and without enough new labels",
    "collect": "takes the newest labelled rows and keeps their hash",
    "validate": "refuses data that a broken pipeline made",
    "train": "by the champion's recipe, on the older part of the rows",
    "evaluate": "on the newest rows, which the challenger has not seen; one that is worse ends here",
    "register": "as a file with its hash; it does not serve yet",
    "approval": "you or a colleague compare both and decide",
    "promote": "the challenger serves; the champion is kept for a roll back",
}
# Steps of a gradual rollout: shown only once a job takes them.
_OPTIONAL = ("shadow", "canary")


@dataclass(frozen=True)
class Headline:
    """What state it is in and what to do."""

    level: Level
    text: str


def seconds(start: datetime | None, end: datetime | None) -> str:
    """Return how long something took, or nothing if it has not ended."""
    if start is None or end is None:
        return ""
    took = (end - start).total_seconds()
    return f"{took:.1f} s" if took < 60 else f"{took // 60:.0f} min {took % 60:.0f} s"


def headline(
    model: str, active: Job | None, last: Job | None, champion: str | None, obstacles: Sequence[str], n_workers: int
) -> Headline:
    """Say in which state a model's retraining is, and what to do.

    Parameters
    ----------
    active, last : the job that has not ended, and the one that ended last
    obstacles : why no retrain may start
    """
    if active is not None:
        return _active_headline(active, n_workers)
    ready = (
        f"No retrain can start now: {obstacles[0]}"
        if obstacles
        else "A retrain can start: give a reason below. Nothing changes before a person approves."
    )
    serving = f"{plain(champion)} serves." if champion else f"No version of {plain(model)} is registered."
    if last is None:
        return Headline("info", f"No job runs; {plain(model)} was never retrained here. {serving} {ready}")
    made = (last.result or {}).get("version")
    if last.state == "promoted" and made and made != champion:
        return Headline("info", f"{serving} {plain(made)} of job {last.id} was promoted and serves no more. {ready}")
    said = f"Job {last.id} {_ended(last)}"
    level: Level = "ok" if last.state == "promoted" else "bad" if last.state == "failed" else "info"
    tail = "Nothing to do; if it misbehaves, roll back below." if last.state == "promoted" else f"{serving} {ready}"
    return Headline(level, f"{said} {tail}")


def steps_table(job: Job, steps: Sequence[Step]) -> pd.DataFrame:
    """Return a job's steps in order, begun or not, as cells of Markdown: icon and word, step, time, what came of it."""
    begun = {step.name: step for step in steps}
    shown = [name for name in STEPS if name in begun or name not in _OPTIONAL]
    rows = [_step_row(job, name, begun.get(name)) for name in shown]
    return pd.DataFrame(rows, columns=["State", "Step", "Started\u00a0UTC", "Took", "What came of it"])


def promoted_sentence(job: Job) -> str:
    """Say what a promoted job changed: accuracy before and after, and who approved."""
    found = job.result or {}
    before, after = (found.get(side) or {} for side in ("champion", "challenger"))
    change = ""
    if before.get("accuracy") is not None and after.get("accuracy") is not None:
        n = f" on {found['n_held_out']:,} held-out rows" if found.get("n_held_out") else ""
        change = f" Accuracy {before['accuracy']:.1%} before, {after['accuracy']:.1%} after{n}."
    return (
        f"{plain(found.get('version') or 'The challenger')} serves since {time_text(job.updated_at)}.{change}{_by(job)}"
    )


def outcome(job: Job) -> str:
    """Say in plain text what came of a job; nothing while it runs."""
    if job.state == "promoted":
        found = job.result or {}
        before, after = (found.get(side) or {} for side in ("champion", "challenger"))
        if before.get("accuracy") is not None and after.get("accuracy") is not None:
            return f"{found.get('version', '')}: accuracy {before['accuracy']:.1%} → {after['accuracy']:.1%}"
    return (job.note or "") if job.is_final else ""


def doing(job: Job) -> str:
    """Say which step a job is at."""
    return STEP_TITLES.get(job.step or "", STATE_WORDS[job.state]).split(":")[0]


def phase(job: Job) -> str:
    """Return what the page looks like for a job: steps come and go within one phase."""
    return "working" if job.state in ("queued", "running", "canary") else job.state


def _active_headline(job: Job, n_workers: int) -> Headline:
    number = f"Job {job.id}"
    if job.state == "waiting_approval":
        text = f"{number} waits for your decision. {gain_sentence(job.result)} Approve or refuse it on this page."
        return Headline("act", text)
    if job.state == "cancelling":
        return Headline("info", f"{number} is being cancelled by {plain(job.cancel_by or 'somebody')}. Nothing to do.")
    if job.external_ref is not None:
        return Headline("info", f"{number} runs elsewhere. Nothing to do: you are asked before anything changes.")
    if not n_workers:
        return Headline("bad", f"{number} stands still until a worker is alive: see Worker on this page.")
    if job.state == "canary":
        return Headline("info", f"{number}: the challenger is on trial. Nothing to do; if it misbehaves, roll back.")
    return Headline(
        "info", f"{number} is at work. Nothing to do: a person is asked before anything that serves changes."
    )


def _ended(job: Job) -> str:
    if job.state == "promoted":
        return f"is promoted: {promoted_sentence(job)}"
    note = f" {plain(job.note)}" if job.note else ""
    was = "" if job.state == "failed" else "was "
    return f"{was}{STATE_WORDS[job.state]} at {time_text(job.updated_at)}:{note or ' no note.'}"


def _by(job: Job) -> str:
    return f" Approved by {plain(job.decided_by)}." if job.decided_by and job.decision == "approve" else ""


def _step_row(job: Job, name: str, step: Step | None) -> list[str]:
    state = step.state if step else "not reached" if job.is_final else "to come"
    icon, colour, word = _STEP_LOOK[state]
    badge = f":{colour}[:material/{icon}: {word}]".replace(" ", "\u00a0")
    title = STEP_TITLES[name] if step else f":gray[{STEP_TITLES[name]}]"
    if step is None:
        return [badge, title, "", "", ""]
    started = f"{step.started_at:%H:%M:%S}" if step.started_at else ""
    return [badge, title, started, seconds(step.started_at, step.finished_at), plain(_step_finding(job, step))]


def _step_finding(job: Job, step: Step) -> str:
    """Say what a step came to, or does now: its error, the job's note while it runs, else its output in words."""
    tries = f"attempt {step.attempt}" if step.attempt > 1 else ""
    if step.error:
        found = step.error
    elif step.state == "running":
        found = job.note or ""
    elif step.name == "approval":
        found = _decision(job)
    else:
        found = _output_in_words(step.name, step.output or {})
    return ", ".join(part for part in (tries, found) if part)


def _decision(job: Job) -> str:
    if not job.decided_by:
        return ""
    word = {"approve": "approved", "refuse": "refused"}.get(job.decision or "", "decided")
    return f"{word} by {job.decided_by}" + (f": {job.decision_note}" if job.decision_note else "")


def _output_in_words(name: str, output: Mapping[str, Any]) -> str:
    """Say what a step put out; what it does not tell is left out."""
    if why := output.get("why"):
        return str(why)
    labels = output.get("labels") or {}
    counts = ", ".join(f"{label} {n:,}" for label, n in labels.items())
    if name == "collect" and "n" in output:
        left_out = "".join(f"; {n:,} left out {why}" for why, n in (output.get("left_out") or {}).items() if n)
        return f"{output['n']:,} rows ({counts}){left_out}"
    if name == "precheck" and labels:
        return f"{sum(labels.values()):,} new labelled rows ({counts})"
    if name == "validate" and "duplicates_share" in output:
        return f"{output['duplicates_share']:.1%} duplicates, labels {_delay(output)} late (median)"
    if name == "train" and "n" in output:
        return f"{output['n']:,} rows, recipe {output.get('recipe', 'unknown')}"
    if name == "evaluate" and output.get("difference") is not None:
        return f"{100 * output['difference']:+.1f} points of accuracy on {output.get('n_held_out', 0):,} held-out rows"
    return str(output.get("version") or "")


def _delay(output: Mapping[str, Any]) -> str:
    late = output.get("median_label_delay_seconds")
    return "unknown" if late is None else age_text(timedelta(seconds=late))
