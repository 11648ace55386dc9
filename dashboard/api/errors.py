"""How the API says no: one JSON shape, a status that fits, never a stack trace."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from dashboard.serving.answers import BadField, NoAnswer
from dashboard.serving.groups import Full
from dashboard.serving.versions import NoChampion
from storage.database.engine import DatabaseFault
from storage.jobs.workers import DatabaseAway
from storage.models.catalogue import UnknownModel

# What the database, or the way to it, raises when it cannot answer now.
DATABASE_AWAY = (DatabaseFault, *DatabaseAway)
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_type"}
_SHOWN = 60
_log = logging.getLogger(__name__)


class _Outages:
    """Writes to the log why the database is away, once every few seconds: thousands of requests may fail on it."""

    def __init__(self, seconds: float = 5) -> None:
        self.seconds, self._told_at = seconds, float("-inf")

    def tell(self, error: Exception) -> None:
        if time.monotonic() - self._told_at >= self.seconds:
            self._told_at = time.monotonic()
            _log.error("The database cannot be used: %s", error)


_outages = _Outages()


class Refused(Exception):
    """A request that is turned down; the message says why."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.field = status, code, field


class Interrupted(Exception):
    """A stream of rows that ended early; `done` tells what had become of it."""

    def __init__(self, cause: Exception, done: Mapping[str, Any]) -> None:
        super().__init__(str(cause))
        self.cause, self.done = cause, done


@contextmanager
def as_bad_input() -> Iterator[None]:
    """Take what the storage refuses for the caller's mistake, where the values come from the caller as they are."""
    try:
        yield
    except UnknownModel:
        raise
    except ValueError as error:
        raise Refused(422, "invalid", str(error)) from error


def answer(status: int, code: str, message: str, field: str | None = None, **more: Any) -> JSONResponse:
    """Return the answer to a request that is turned down."""
    error = {"code": code, "message": message} | ({"field": field} if field else {})
    return JSONResponse({"error": error} | more, status)


def refusal(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return such an answer with headers."""
    response = answer(status, code, message)
    response.headers.update(headers or {})
    return response


def add_handlers(app: FastAPI) -> None:
    """Let an API answer every error in the one shape."""

    def handle(_: Request, error: Exception) -> JSONResponse:
        return answer_to(error)

    for kind in _ANSWERS:
        app.add_exception_handler(kind, handle)


def answer_to(error: Exception, **more: Any) -> JSONResponse:
    """Return the answer to a request that ended in an error."""
    if isinstance(error, Interrupted):
        return answer_to(error.cause, **error.done)
    said = next((said for kind, said in _ANSWERS.items() if isinstance(error, kind)), _failed)
    status, code, message, field = said(error)
    response = answer(status, code, message, field, **more)
    headers = getattr(error, "headers", None)  # such as Allow, of routing
    response.headers.update(headers or {})
    if status == 503:
        response.headers["Retry-After"] = "1"
    return response


async def failure(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer where nothing else did; an ASGI app."""
    await answer(*_failed(Exception()))(scope, receive, send)


_Said = tuple[int, str, str, str | None]


def _failed(_: Exception) -> _Said:
    return 500, "internal", "The server failed on this request; its log says why.", None


def _refused(error: Any) -> _Said:
    return error.status, error.code, str(error), error.field


def _bad_field(error: Any) -> _Said:
    return 422, "invalid", str(error), error.field


def _unknown_model(error: Exception) -> _Said:
    return 404, "unknown_model", str(error), "model"


def _no_champion(error: Exception) -> _Said:
    return 409, "no_champion", str(error), "model"


def _no_answer(error: Exception) -> _Said:
    _log.error("A model failed on a request: %s", error)
    return 500, "model_failed", "The model failed on this request; the server's log says why.", None


def _full(_: Exception) -> _Said:
    return 503, "busy", "The server must have room for more rows; too many wait to be written. Try again later.", None


def _database_away(error: Exception) -> _Said:
    # The message of a driver may hold the address of the database: it is for the log only.
    _outages.tell(error)
    return 503, "database_away", "The database must be reachable; it is not. Try again later.", None


def _by_routing(error: Any) -> _Said:
    return error.status_code, _CODES.get(error.status_code, "refused"), str(error.detail), None


def _invalid(error: Any) -> _Said:
    """Name the first thing that is wrong with a request, and say what it is."""
    found = error.errors()[0]
    if found["type"] == "json_invalid":
        return 422, "invalid", f"body must be JSON; {found['ctx']['error']} at character {found['loc'][-1]}.", "body"
    if isinstance(found.get("input"), bytes):  # FastAPI reads JSON only where the header names it
        return 422, "invalid", "Content-Type must be application/json; got another or none.", "body"
    # ("body", "features", "price", "finite-float") -> features.price
    place = [str(part) for part in found["loc"][1:]]
    field = ".".join(place[:2] if place[:1] == ["features"] else place) or "body"
    said = found["msg"][0].lower() + found["msg"][1:]
    got = "nothing" if found["type"] == "missing" else repr(found.get("input"))
    shown = got if len(got) <= _SHOWN else got[: _SHOWN - 1] + "…"
    return 422, "invalid", f"{field}: {said}; got {shown}.", field


_ANSWERS: Mapping[type[Exception], Callable[[Any], _Said]] = {
    RequestValidationError: _invalid,
    HTTPException: _by_routing,
    Refused: _refused,
    Interrupted: _failed,
    BadField: _bad_field,
    UnknownModel: _unknown_model,
    NoChampion: _no_champion,
    NoAnswer: _no_answer,
    Full: _full,
    **dict.fromkeys(DATABASE_AWAY, _database_away),
}
