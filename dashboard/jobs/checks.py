"""The pre-flight of a retrain: what stands for and against a start, before anybody presses the button."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.jobs.data import Labelled, Prospects, Retraining, counted
from dashboard.shown.badges import age_text, plain, time_text
from drift.wording import short
from retrain.judging.before import cool_down_left, too_few
from retrain.params import RetrainParams

_ASKED = RetrainParams()
_COOL_DOWN = timedelta(hours=_ASKED.cool_down_hours)


@dataclass(frozen=True)
class Check:
    """One line of the pre-flight, in Markdown; a start waits for those that have not passed.

    `waivable` checks may be overridden by whoever starts the job.
    """

    name: str
    passed: bool
    text: str
    waivable: bool = False


def preflight(found: Retraining, labelled: Labelled, ahead: Prospects, at: datetime) -> tuple[Check, ...]:
    """Return what stands for and against a start at an instant; the job's own pre-check decides again."""
    return (_no_job(found), _enough(labelled), _feed(ahead), _cool_down(found, at), _rollout(ahead))


def obstacles(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return why no job may start; nothing if it may."""
    return tuple(check.text for check in checks if not check.passed)


def _no_job(found: Retraining) -> Check:
    if found.active is None:
        return Check("No other job", True, "No job of this model is active.")
    text = f"Already running: job {found.active.id}, started by {plain(found.active.requested_by)}."
    return Check("No other job", False, text)


def _enough(labelled: Labelled) -> Check:
    since = f"since {time_text(labelled.data_end)}" if labelled.data_end else "in the log"
    if fault := too_few(labelled.per_class, _ASKED, since):
        return Check("Labelled rows", False, plain(fault))
    counts = sorted(labelled.per_class.items(), key=lambda item: (-item[1], item[0]))
    said = ", ".join(f"{plain(short(name))} {n:,}" for name, n in counts[:6])
    needed = f"at least {_ASKED.min_rows:,}, and {_ASKED.min_class_rows} of each class"
    return Check("Labelled rows", True, f"{counted(labelled.n)} {since} ({said}); {needed}.")


def _feed(ahead: Prospects) -> Check:
    if ahead.feed_fault:
        return Check("Data feed", False, plain(ahead.feed_fault))
    if not ahead.n_feed:
        return Check("Data feed", True, "Not compared: there is no reference to compare the newest rows with.")
    return Check("Data feed", True, f"Nothing looks broken in the newest {ahead.n_feed:,} rows.")


def _rollout(ahead: Prospects) -> Check:
    if ahead.rollout is None:
        return Check("Rollout", False, plain(ahead.rollout_why))
    how = {"canary": "Shadow and canary", "direct": "At once after the approval"}[ahead.rollout]
    return Check("Rollout", True, f"{how}. {plain(ahead.rollout_why)}")


def _cool_down(found: Retraining, at: datetime) -> Check:
    last = found.trained_at
    if last is None:
        return Check("Cool-down", True, "The model was never trained here.", waivable=True)
    ago = f"Last trained {age_text(at - last)} ago"
    left = cool_down_left(last, at, _ASKED.cool_down_hours)
    if not left:
        return Check("Cool-down", True, f"{ago}; the cool-down of {age_text(_COOL_DOWN)} is over.", waivable=True)
    return Check("Cool-down", False, f"{ago}; the cool-down ends {time_text(at + left)}.", waivable=True)
