"""What the Retrain page says: the state of a model's retraining in one sentence, and a job's steps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dashboard.jobs.comparison import gain_sentence
from dashboard.shown.badges import plain, time_text
from retrain.params import RetrainParams
from retrain.steps.outputs import JobResult
from storage.jobs.dispatches import ASKED
from storage.jobs.job_rows import Job

Level = Literal["ok", "info", "act", "bad"]
# Icon and colour of each job state.
STATE_LOOK: Mapping[str, tuple[str, str]] = {
    "proposed": ("lightbulb", "orange"),
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
STATE_WORDS = {state: state.replace("_", " ") for state in STATE_LOOK} | {
    "proposed": "proposed",
    "waiting_approval": "waits for approval",
    "canary": "on trial",
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
    "shadow": "it scores every request, and nobody sees its answers",
    "canary": "it answers 10 %, 50 %, 100 % of the requests; labels decide, and it is rolled back by itself",
    "promote": "the challenger serves; the champion is kept for a roll back",
}


@dataclass(frozen=True)
class Headline:
    """What state it is in and what to do."""

    level: Level
    text: str


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
    made = last.version
    if last.state == "promoted" and made and made != champion:
        return Headline("info", f"{serving} {plain(made)} of job {last.id} was promoted and serves no more. {ready}")
    said = f"Job {last.id} {_ended(last)}"
    level: Level = "ok" if last.state == "promoted" else "bad" if last.state == "failed" else "info"
    tail = "Nothing to do; if it misbehaves, roll back below." if last.state == "promoted" else f"{serving} {ready}"
    return Headline(level, f"{said} {tail}")


def promoted_sentence(job: Job) -> str:
    """Say what a promoted job changed: accuracy before and after, and who approved."""
    found = JobResult.of(job.result).evaluated
    change = ""
    if found is not None:
        before, after = found.comparison.champion.accuracy, found.comparison.challenger.accuracy
        n = f"{found.comparison.n_held_out:,} held-out rows"
        change = f" Accuracy {before:.1%} before, {after:.1%} after on {n}."
    return f"{plain(job.version or 'The challenger')} serves since {time_text(job.updated_at)}.{change}{_by(job)}"


def outcome(job: Job) -> str:
    """Say in plain text what came of a job; nothing while it runs."""
    if job.state == "promoted" and (found := JobResult.of(job.result).evaluated):
        before, after = found.comparison.champion.accuracy, found.comparison.challenger.accuracy
        return f"{job.version or ''}: accuracy {before:.1%} → {after:.1%}"
    return (job.note or "") if job.is_final else ""


def doing(job: Job) -> str:
    """Say which step a job is at."""
    return STEP_TITLES.get(job.step or "", STATE_WORDS[job.state]).split(":")[0]


def trial_sentence(job: Job) -> str:
    """Say how far the trial of a challenger is: whom it answers, and what the labels say so far."""
    trial, name = JobResult.of(job.result).trial, plain(job.version or "the challenger")
    least = (job.params or {}).get("min_answers", RetrainParams.min_answers)
    seen = trial.seen if trial else None
    if trial is None or not trial.share:
        return f"{name} scores every request unseen, {seen.n_scored if seen else 0:,} of at least {least:,} so far."
    n = f"{trial.n_canary:,} of at least {least:,} at this share so far"
    return f"{name} answers {trial.share:.0%} of the requests, {n}. {plain(seen.sentence) if seen else ''}".strip()


def phase(job: Job) -> str:
    """Return what the page looks like for a job: steps come and go within one phase."""
    if job.state == "canary":
        return "trial"
    return "working" if job.state in ("queued", "running") else job.state


def _active_headline(job: Job, n_workers: int) -> Headline:
    number = f"Job {job.id}"
    if job.state == "waiting_approval":
        gain = gain_sentence(JobResult.of(job.result))
        text = f"{number} waits for your decision. {gain} Approve or refuse it on this page."
        return Headline("act", text)
    if job.state == "proposed":
        text = f"Job {job.id} is proposed by {plain(job.requested_by)}: {plain(job.reason)} Start or refuse it below."
        return Headline("act", text)
    if job.state == "cancelling":
        return Headline("info", f"{number} is being cancelled by {plain(job.cancel_by or 'somebody')}. Nothing to do.")
    if job.external_ref not in (None, ASKED):
        return Headline("info", f"{number} {_elsewhere(job)}. Nothing to do: {_before_it_serves(job)}")
    if not n_workers:
        return Headline("bad", f"{number} stands still until a worker is alive: see Worker on this page.")
    if job.state == "canary":
        return Headline(
            "info", f"{number}: {trial_sentence(job)} Nothing to do: it is promoted or rolled back by itself."
        )
    return Headline("info", f"{number} is at work. Nothing to do: {_before_it_serves(job)}")


def _before_it_serves(job: Job) -> str:
    """Say whether a person is still asked before another version serves."""
    if job.decision == "approve":
        return f"{plain(job.decided_by or 'a person')} has approved it."
    if not (job.params or {}).get("needs_approval", True):
        return "it was set up to go on without an approval."
    return "a person is asked before anything that serves changes."


def _elsewhere(job: Job) -> str:
    """Say where a job runs, with a link where its address is known."""
    if re.fullmatch(r"https://[\w./:-]+", job.external_ref or ""):
        return f"runs elsewhere: [its run]({job.external_ref})"
    return f"runs elsewhere. {plain(job.note or '')}".rstrip(" .")


def _ended(job: Job) -> str:
    if job.state == "promoted":
        return f"is promoted: {promoted_sentence(job)}"
    note = f" {plain(job.note)}" if job.note else ""
    was = "" if job.state == "failed" else "was "
    return f"{was}{STATE_WORDS[job.state]} at {time_text(job.updated_at)}:{note or ' no note.'}"


def _by(job: Job) -> str:
    return f" Approved by {plain(job.decided_by)}." if job.decided_by and job.decision == "approve" else ""
