"""GitHub's side of a job: ask for a run of the workflow, find one, and read who approved it."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from typing import Any

from storage.database.settings import Settings

WORKFLOW = "retrain.yml"
ENVIRONMENT = "production"
_TIMEOUT_SECONDS = 10.0
# GitHub asks for a minute where it names no time; nobody waits longer than an hour without being told again.
_LEAST_WAIT, _LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
_LONGEST_MESSAGE = 200


class GitHubFault(Exception):
    """GitHub did not do what was asked; the message is a sentence for whoever waits for the job.

    `passes` says that trying again later may help, `wait` how long to wait at least.
    """

    def __init__(self, message: str, *, passes: bool = False, wait: timedelta = timedelta(0)) -> None:
        super().__init__(message)
        self.passes = passes
        self.wait = wait


@dataclass(frozen=True)
class Approval:
    """What a reviewer of the environment decided."""

    approved: bool
    by: str
    note: str


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another address."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def run_name(model: str, job_id: int | str) -> str:
    """Return what the workflow calls its run (`run-name`): a lost answer is made good by looking for it."""
    return f"retrain {model}, job {job_id}"


def dispatch(settings: Settings, model: str, job_id: int, reason: str) -> str | None:
    """Ask for a run of the workflow; return its address, or None where the server does not tell it.

    Raises
    ------
    GitHubFault
        With the reason, whatever the answer was; after a time-out or a fault of the server the run may have started.
    """
    inputs = {"reason": reason, "model": model, "job_id": str(job_id)}
    body = {"ref": settings.github_ref, "inputs": inputs}
    path = f"actions/workflows/{WORKFLOW}/dispatches"
    status, headers, found = _ask(settings, path, body | {"return_run_details": True})
    if status in (400, 422) and "return_run_details" in str(found):  # an older GitHub Enterprise Server
        status, headers, found = _ask(settings, path, body)
    if status in (200, 204):
        return str(found["html_url"]) if isinstance(found, dict) and found.get("html_url") else None
    raise _fault(settings, status, headers, found)


def find_run(settings: Settings, model: str, job_id: int, since: datetime) -> str | None:
    """Return the address of a job's run that began after an instant, if there is one.

    Raises
    ------
    GitHubFault
        If GitHub does not tell.
    """
    query = {"event": "workflow_dispatch", "per_page": "100", "created": f">={since:%Y-%m-%dT%H:%M:%SZ}"}
    found = _read(settings, f"actions/workflows/{WORKFLOW}/runs?{urllib.parse.urlencode(query)}")
    runs = found.get("workflow_runs", []) if isinstance(found, dict) else []
    return next((run["html_url"] for run in runs if run.get("display_title") == run_name(model, job_id)), None)


def approval(settings: Settings, run_id: str) -> Approval | None:
    """Return what a reviewer of the environment decided about a run; None where nobody was asked.

    Raises
    ------
    GitHubFault
        If GitHub does not tell.
    """
    for entry in _read(settings, f"actions/runs/{int(run_id)}/approvals"):
        if any(place.get("name") == ENVIRONMENT for place in entry.get("environments", [])):
            return Approval(entry["state"] == "approved", entry["user"]["login"], entry.get("comment") or "")
    return None


def _read(settings: Settings, path: str) -> Any:
    status, headers, found = _ask(settings, path)
    if status != 200:
        raise _fault(settings, status, headers, found)
    return found


def _ask(settings: Settings, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Message, Any]:
    """Send one request; return status, headers and the JSON of the answer."""
    request = urllib.request.Request(
        f"{settings.github_api}/repos/{settings.github_repository}/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {settings.github_token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "Content-Type": "application/json",
        },
    )
    try:
        with _opener.open(request, timeout=_TIMEOUT_SECONDS) as answer:
            return answer.status, answer.headers, _json(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, _json(error.read())
    except (OSError, urllib.error.URLError) as error:
        kind = getattr(error, "reason", error)
        what = "did not answer in time" if isinstance(kind, TimeoutError) else f"cannot be reached ({kind})"
        raise GitHubFault(f"GitHub {what}; the run may have started.", passes=True) from error


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:  # such as the HTML page of a proxy
        return None


def _fault(settings: Settings, status: int, headers: Message, found: Any) -> GitHubFault:
    """Say what an answer means for whoever pressed the button."""
    said = str(found.get("message") or "")[:_LONGEST_MESSAGE] if isinstance(found, dict) else ""
    tail = f" (GitHub says: {said})" if said else ""
    if status == 429 or (status == 403 and _is_rate_limit(headers, said)):
        wait = _wait(headers)
        minutes = -(-int(wait.total_seconds()) // 60)
        return GitHubFault(
            f"{status}: the rate limit of the token is used up for {minutes} min{tail}.", passes=True, wait=wait
        )
    if status >= 500:
        return GitHubFault(f"{status}: GitHub has a fault; the run may have started{tail}.", passes=True)
    return GitHubFault(f"{status}: {_meaning(settings, status, said)}{tail}.")


def _meaning(settings: Settings, status: int, said: str) -> str:
    repository = settings.github_repository
    if status == 401:
        return "DRIFT_GITHUB_TOKEN is wrong, revoked or expired"
    if status == 403:
        return f"the token lacks 'Actions: write' on {repository}, or its organisation has not approved it"
    if status == 404:
        return f"{repository} or its {WORKFLOW} is not there, or the token may not see it"
    if status == 422 and "No ref found" in said:
        return f"DRIFT_GITHUB_REF names no branch or tag: {settings.github_ref}"
    if status == 422 and "disabled" in said:
        return f"{WORKFLOW} is disabled in {repository}"
    if status == 422 and "workflow_dispatch" in said:
        return f"{WORKFLOW} has no workflow_dispatch trigger on the default branch"
    if status == 422:
        return f"the inputs are not those of {WORKFLOW}: bring it up to date"
    if status in (301, 302, 307, 308):
        return f"{repository} was renamed or moved: mend DRIFT_GITHUB_REPOSITORY"
    return "GitHub gave an answer that is not known here"


def _is_rate_limit(headers: Message, said: str) -> bool:
    spent = headers.get("x-ratelimit-remaining") == "0" or headers.get("retry-after") is not None
    return spent or "rate limit" in said.lower()


def _wait(headers: Message) -> timedelta:
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    seconds = int(after) if after.isdecimal() else int(reset) - time.time() if reset.isdecimal() else 0
    return min(max(timedelta(seconds=seconds), _LEAST_WAIT), _LONGEST_WAIT)
