"""How the API says no: one JSON shape, a status that fits, never a stack trace."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dashboard.serving import BadField, NoChampion
from storage.catalogue import UnknownModel
from storage.engine import DatabaseFault
from storage.workers import DatabaseAway

# What the database, or the way to it, raises when it cannot answer now.
DATABASE_AWAY = (DatabaseFault, DatabaseAway)
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_type"}
_SHOWN = 60
_log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is turned down; the message says why."""

    def __init__(self, status: int, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.field = status, code, field


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

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        field, message = _first(error)
        return answer(422, "invalid", message, field)

    @app.exception_handler(HTTPException)
    def refused_by_routing(_: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, _CODES.get(error.status_code, "refused"), str(error.detail))

    @app.exception_handler(Refused)
    def refused(_: Request, error: Refused) -> JSONResponse:
        return answer(error.status, error.code, str(error), error.field)

    @app.exception_handler(BadField)
    def bad_field(_: Request, error: BadField) -> JSONResponse:
        return answer(422, "invalid", str(error), error.field)

    @app.exception_handler(UnknownModel)
    def unknown_model(_: Request, error: UnknownModel) -> JSONResponse:
        return answer(404, "unknown_model", str(error), "model")

    @app.exception_handler(NoChampion)
    def no_champion(_: Request, error: NoChampion) -> JSONResponse:
        return answer(409, "no_champion", str(error), "model")

    for kind in DATABASE_AWAY:
        app.exception_handler(kind)(_database_away)

    @app.exception_handler(Exception)
    def unexpected(_: Request, error: Exception) -> JSONResponse:
        # Whoever runs the server finds the trace in its log: Starlette raises the error again after this answer.
        return answer(500, "internal", "The server failed on this request; its log says why.")


def _database_away(_: Request, error: Exception) -> JSONResponse:
    # The message of a driver may hold the address of the database: it is for the log only.
    _log.error("The database cannot be used: %s", error)
    return answer(503, "database_away", "The database must be reachable; it is not. Try again later.")


def _first(error: RequestValidationError) -> tuple[str, str]:
    """Return the field of the first thing that is wrong, and the sentence about it."""
    found = error.errors()[0]
    if found["type"] == "json_invalid":
        return "body", f"body must be JSON; {found['ctx']['error']} at character {found['loc'][-1]}."
    # ("body", "features", "price", "finite-float") -> features.price
    place = [str(part) for part in found["loc"][1:]]
    field = ".".join(place[:2] if place[:1] == ["features"] else place) or "body"
    said = found["msg"][0].lower() + found["msg"][1:]
    got = "nothing" if found["type"] == "missing" else repr(found.get("input"))
    return field, f"{field}: {said}; got {got if len(got) <= _SHOWN else got[: _SHOWN - 1] + '…'}."
