"""`POST /predictions` and `POST /labels`: many rows at once; the good ones land, the others are named."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from dashboard.api.bodies import PART_ROWS, Part, parts_of
from dashboard.api.errors import Interrupted, as_bad_input
from dashboard.api.limits import STREAMED
from dashboard.api.service import Service
from dashboard.api.shapes import Id, RowsReport, refusals
from dashboard.serving.writer import Labels, Rows, Write

# More would only repeat what is wrong with the first.
MAX_LISTED = 1_000
_REFUSED = refusals(400, 404, 413, 415, 422)


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the routes to the API."""

    @app.post("/predictions", response_model=RowsReport, responses=_REFUSED, openapi_extra=_body(_PREDICTION))
    async def predictions(request: Request, model: Id | None = None) -> JSONResponse:
        """Log predictions that were made elsewhere; a row whose request id is in the log already is left out."""
        name = await service.named(model)
        return await _taken(service, parts_of(request), lambda part: Rows(name, part.rows))

    @app.post("/labels", response_model=RowsReport, responses=_REFUSED, openapi_extra=_body(_LABEL))
    async def labels(request: Request, model: Id | None = None) -> JSONResponse:
        """Write true labels, whenever they come."""
        name = await service.named(model)
        return await _taken(
            service, parts_of(request), lambda part: Labels(name, part.of("request_id"), part.of("label"))
        )


async def _taken(service: Service, parts: AsyncIterator[Part], write_of: Callable[[Part], Write]) -> JSONResponse:
    """Write part by part; one is in the log as a whole before the next is read.

    Cells that cannot be read are missing in the log, and counted by column with the first of them as an example.

    Raises
    ------
    Interrupted
        If a later part cannot be written: `read` rows, those before it, are dealt with as `accepted` and `rejected`
        say; the others may be sent again.
    """
    writing = (await service.opened()).writing
    done: dict[str, Any] = {"accepted": 0, "rejected": []}
    unreadable: dict[str, dict[str, Any]] = {}
    n_read = n_rejected = 0
    try:
        async for part in parts:
            with as_bad_input():
                report = await writing.ask(write_of(part))
            rejected = [(part.positions[row.row], row.error) for row in report.rejected] + part.unreadable
            n_read, n_rejected = n_read + part.n, n_rejected + len(rejected)
            done["accepted"] += report.accepted
            done["rejected"] += [{"row": row, "error": error} for row, error in sorted(rejected)]
            del done["rejected"][MAX_LISTED:]
            for cells in report.unreadable:
                first = {"column": cells.column, "n": 0, "row": part.positions[cells.rows[0]], "error": cells.errors[0]}
                unreadable.setdefault(cells.column, first)["n"] += cells.n
                done["unreadable"] = list(unreadable.values())
    except Exception as error:
        if n_read:
            raise Interrupted(error, {**done, "read": n_read}) from error
        raise
    return JSONResponse(done | ({"n_rejected": n_rejected} if n_rejected > MAX_LISTED else {}))


def _body(properties: dict[str, Any]) -> dict[str, Any]:
    row = {"type": "object", "properties": properties, "required": list(properties)[:1]}
    lines = f"One row a line; they are written in parts of {PART_ROWS:,} rows while they come."
    content: dict[str, Any] = {"application/json": {"schema": {"type": "array", "items": row}}}
    content |= {kind: {"schema": {"type": "string", "description": lines}} for kind in STREAMED}
    return {"requestBody": {"required": True, "content": content}}


_PREDICTION = {
    "predicted_at": {"type": "string", "format": "date-time", "description": "with its zone"},
    "request_id": {"type": "string", "description": "tells rows apart: one that is sent twice lands once"},
    **{name: {"type": "string"} for name in ("entity_id", "version", "variant", "text")},
}
_LABEL = {"request_id": {"type": "string"}, "label": {"type": ["string", "number", "boolean"]}}
