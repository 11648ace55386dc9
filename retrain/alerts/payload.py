"""What is worth telling people who do not look at the board, and in which words: nothing is read or written here."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from drift.board.result import Board
from drift.board.verdict import conclusion_json
from drift.life.ledger import AlarmRecord
from drift.performance.concept import ACCURACY, LABEL
from retrain.guards import WAITS
from retrain.steps.outputs import JobResult
from storage.jobs.job_rows import Job, Step

# What a board shows unless it is told otherwise, and what is looked at.
WINDOW_ROWS = 1_000
# Jobs that ended before are history: nobody is told of them who switches alerts on.
NEWS = timedelta(days=1)
_STREAMS = {ACCURACY: "the accuracy of the predictions", LABEL: "the true classes"}
_NAMED = 3
_LONGEST = 400
# An alarm has two sentences to tell: what the board comes to, and what to do.
_LONGEST_ALARM = 1_000
_SPECIAL = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "@": "＠", "`": "'", "*": "∗"})


def sounding(board: Board) -> dict[str, AlarmRecord]:
    """Return the alarms that nobody has answered or snoozed, by what tells one from the next, in order of onset.

    An alarm that late rows move is the same one; after an answer, the next alarm of the stream is another.
    """
    end = board.window.end
    open_ones = [
        record
        for record in board.alarms
        if record.acknowledged is None and end is not None and not (record.snoozed and end <= record.snoozed.until)
    ]
    found = {}
    for record in sorted(open_ones, key=lambda record: (record.onset_at, record.mark.at, record.stream)):
        answered = sum(r.stream == record.stream and r.acknowledged is not None for r in board.alarms)
        found[f"{board.model}:{board.reference}:{record.stream}:{answered}"] = record
    return found


def failing(board: Board) -> dict[str, tuple[str, str]]:
    """Return the columns that cannot be compared, each with the reason, by what tells one from the next."""
    return {
        f"{board.model}:{board.reference}:{report.column}": (report.column, report.reason)
        for report in board.columns
        if report.verdict == "error"
    }


def alarm_body(board: Board, told: Sequence[AlarmRecord], n_known: int, board_url: str) -> dict[str, Any]:
    """Return the message on alarms that began to sound.

    Parameters
    ----------
    told : the new ones, in order of onset
    n_known : how many others sound that people were told of before
    """
    first, *others = told
    columns = [record.stream for record in told]
    shown = {report.column for report in board.columns}
    link = _board_link(board_url, board, next((name for name in columns if name in shown), None))
    who = f"{_named(first.stream)}, since about {first.onset_at:%Y-%m-%d %H:%M} UTC"
    who += f"; then {_listed([_named(record.stream) for record in others])}" if others else ""
    who += f" ({n_known} more sounded before)" if n_known else ""
    text = " ".join([f"Drift alarm on {board.model}: {who}.", *board.conclusion.lines])
    body = _body("alarm", board.model, text, link, _LONGEST_ALARM) | _where(board) | conclusion_json(board.conclusion)
    return body | {"columns": columns, "since": first.onset_at.isoformat()}


def check_body(board: Board, told: Sequence[tuple[str, str]], board_url: str) -> dict[str, Any]:
    """Return the message on columns that cannot be compared any more."""
    columns = [column for column, _ in told]
    who = f"{_listed(columns)} cannot be compared" if len(columns) > 1 else f"{columns[0]} cannot be compared"
    text = f"The check of {board.model} fails: {who}, so that a drift would not be seen. {told[0][1]}"
    return (
        _body("check failed", board.model, text, _board_link(board_url, board, columns[0]))
        | _where(board)
        | {"columns": columns}
    )


def no_check_body(model: str, why: str, board_url: str) -> dict[str, Any]:
    """Return the message on a model that cannot be checked at all."""
    text = f"The check of {model} fails, so that a drift would not be seen: {why}"
    link = f"{board_url}/?{urlencode({'model': model, 'window': WINDOW_ROWS})}"
    return _body("check failed", model, text, link) | {"verdict": "error"}


def is_news(job: Job, steps: Sequence[Step]) -> bool:
    """Whether people are to be told of a job: it waits for them, or it ended badly and nobody wanted that."""
    if job.state in WAITS or job.state == "failed":
        return True
    if job.decision == "refuse" or job.dry_run:
        return False
    # A person who rolls back leaves no step that failed.
    by_itself = any(step.state in ("rejected", "failed") for step in steps)
    return job.state == "rejected" or (job.state == "rolled_back" and by_itself)


def job_subject(job: Job) -> str:
    """Return what tells an event of a job from the next: a job that is tried again may fail again."""
    return f"{job.id}:{job.state}:{job.fence}"


def job_body(job: Job, board_url: str) -> dict[str, Any]:
    """Return the message on a job that waits for a person, or that ended badly."""
    what = f"Job {job.id} of {job.model}"
    note = job.note or "No more is known."
    said = {
        "proposed": f"{what} is proposed by {job.requested_by}: {job.reason} Start or refuse it",
        "waiting_approval": f"{what} waits for a decision{_compared(JobResult.of(job.result))}. Approve or refuse it",
        "failed": f"{what} failed: {note}",
        "rejected": f"{what} was rejected: {note}",
        "rolled_back": f"{what} did not go through: {note}",
    }[job.state]
    link = f"{board_url}/retrain?{urlencode({'model': job.model})}"
    kind = "job waits" if job.state in WAITS else f"job {job.state.replace('_', ' ')}"
    more = {"since": job.updated_at.isoformat(), "job": job.id, "state": job.state}
    return _body(kind, job.model, said, link) | more


def trial_body(by: str, board_url: str) -> dict[str, Any]:
    """Return a message that says only that the channel works."""
    return _body("test", "", f"A test by {by}: alerts of the drift monitor arrive here.", f"{board_url}/")


def _body(kind: str, model: str, text: str, link: str, longest: int = _LONGEST) -> dict[str, Any]:
    said = harmless(text, longest).rstrip(".: ")
    return {
        "text": f"{said}: {link}",
        "kind": kind,
        "model": model,
        "verdict": None,
        "columns": [],
        "since": None,
        "board_url": link,
    }


def harmless(text: str, longest: int = _LONGEST) -> str:
    """Take out of what people and data wrote whatever a channel would act on: mentions, links, pictures, markup.

    Examples
    --------
    >>> harmless("<!channel> @all ![x](http://192.0.2.1/p.png)")
    '‹!channel› ＠all !(x)(http: //192.0.2.1/p.png)'
    """
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    said = " ".join(printable.split()).translate(_SPECIAL).replace("://", ": //")
    said = re.sub(r"(?i)\bwww\.", "www .", said)
    return said if len(said) <= longest else f"{said[: longest - 2].rstrip()} …"


def _where(board: Board) -> dict[str, Any]:
    window = board.window
    ends = {"start": window.start, "end": window.end}
    extent = {name: instant.isoformat() if instant else None for name, instant in ends.items()}
    return {"verdict": board.verdict, "reference": board.reference, "window": extent | {"n": board.n}}


def _board_link(board_url: str, board: Board, column: str | None) -> str:
    """Return the address of the view that shows it: the newest rows, for who opens it wants to know what is so now."""
    parts = {"model": board.model, "window": WINDOW_ROWS, "reference": board.reference, "column": column}
    return f"{board_url}/?{urlencode({name: value for name, value in parts.items() if value})}"


def _named(stream: str) -> str:
    return _STREAMS.get(stream, stream)


def _listed(names: Sequence[str]) -> str:
    if len(names) > _NAMED:
        return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _compared(result: JobResult) -> str:
    """Say how the challenger compares, where that is known."""
    if result.evaluated is None:
        return ""
    found = result.evaluated.comparison
    before, after = found.champion.accuracy, found.challenger.accuracy
    return f": accuracy {before:.1%} today, {after:.1%} with {result.version} on {found.n_held_out:,} held-out rows"
