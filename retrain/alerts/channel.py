"""The channel: one POST to the address that people gave, and what its answer means. The address itself is a secret."""

import email.utils
import http
import json
import queue
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 5.0
_LONGEST_WAIT = timedelta(hours=6)
_MOST_BYTES = 200
# Answers such as "no_service" or "channel_is_archived" help; whatever else a server says may quote its address.
_SAFE_ANSWER = re.compile(r"^[A-Za-z][\w .,'-]{1,99}$", re.ASCII)
_SHORTEST_SECRET = 6
# Refuses a message with a field that it does not know, where all others read `text` and leave the rest alone.
_TEXT_ONLY = ("chat.googleapis.com",)
# What is wrong with the message itself: others may be delivered.
_MESSAGE_FAULTS = (400, 413, 415, 422)


@dataclass(frozen=True)
class Answer:
    """What came of sending a message, as a sentence without its full stop.

    `wait` is how long the channel asks to be left alone; `only_this` says that another message may be taken.
    """

    delivered: bool
    said: str
    wait: timedelta = timedelta(0)
    only_this: bool = False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the message to an address that nobody gave."""

    def redirect_request(self, *_: Any) -> None:
        return None


_opener = urllib.request.build_opener(_NoRedirect)


def post(url: str, body: Mapping[str, Any]) -> Answer:
    """Send a message; whatever happens is an answer, and it comes within seconds.

    The request runs in a thread of its own, for no time-out of a socket bounds the look-up of a name, or an answer
    that comes byte by byte.
    """
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_ask(url, body)), daemon=True).start()
    try:
        return answers.get(timeout=TIMEOUT_SECONDS)
    except queue.Empty:
        return _TOO_LATE


_TOO_LATE = Answer(False, f"the channel did not answer within {TIMEOUT_SECONDS:g} s")


def _ask(url: str, body: Mapping[str, Any]) -> Answer:
    try:
        return _send(url, body)
    except Exception as error:  # whatever it is, its message may quote the address: only its kind is told
        kind = getattr(error, "reason", error)
        if isinstance(kind, TimeoutError):
            return _TOO_LATE
        return Answer(
            False, f"the channel cannot be reached ({getattr(kind, 'strerror', None) or type(kind).__name__})"
        )


def _send(url: str, body: Mapping[str, Any]) -> Answer:
    sent = {"text": body["text"]} if urlsplit(url).hostname in _TEXT_ONLY else body
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "drift-monitor"}
    request = urllib.request.Request(url, json.dumps(sent).encode(), headers, method="POST")
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return Answer(True, f"the channel answered {answer.status}")
    except urllib.error.HTTPError as error:
        with error:
            return _refused(url, error.code, error.headers, error.read(_MOST_BYTES))


def _refused(url: str, status: int, headers: Message, body: bytes) -> Answer:
    said = f"the channel answered {status}{_meaning(status)}{_quoted(url, body)}"
    wait = _wait(headers.get("retry-after", "")) if status in (429, 503) else timedelta(0)
    return Answer(False, said, wait, only_this=status in _MESSAGE_FAULTS)


def _meaning(status: int) -> str:
    if status in (301, 302, 303, 307, 308):
        return ": a redirect, which is not followed; DRIFT_ALERT_URL must be the final address"
    if status in (401, 403, 404, 410):
        return ": DRIFT_ALERT_URL is wrong, or was revoked"
    try:
        return f" {http.HTTPStatus(status).phrase}"
    except ValueError:
        return ""


def _quoted(url: str, body: bytes) -> str:
    """Return the channel's own words if they are plain ones that hold no part of its address."""
    text = body.decode("utf-8", "replace").strip()
    parts = urlsplit(url)
    pieces = re.split(r"[/?&=;]", f"{parts.path}?{parts.query}")
    secrets = [form for piece in pieces for form in (piece, unquote(piece)) if len(form) >= _SHORTEST_SECRET]
    is_safe = _SAFE_ANSWER.match(text) and not any(secret in text for secret in secrets)
    return f" ({text})" if is_safe else ""


def _wait(after: str) -> timedelta:
    """Read `Retry-After`: seconds, or an instant."""
    if after.strip().isdecimal():
        return min(timedelta(seconds=min(int(after), 10**6)), _LONGEST_WAIT)
    try:
        until = email.utils.parsedate_to_datetime(after)
    except ValueError:
        return timedelta(0)
    left = until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)
    return min(max(left, timedelta(0)), _LONGEST_WAIT)
