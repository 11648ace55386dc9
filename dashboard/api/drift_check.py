"""`GET /drift-check`: the lesson's answers, and what the board says beside them."""

from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import JSONResponse

from dashboard.api.service import Service
from dashboard.api.shapes import DriftCheck, Id, refusals
from drift.board.result import Board, board_json
from drift.data.windows import LastRows

MIN_ROWS = 100
MAX_WINDOW = 1_000_000


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the route to the API."""

    @app.get("/drift-check", response_model=DriftCheck, responses=refusals(404, 422))
    def drift_check(
        model: Id | None = None, window: Annotated[int, Query(ge=1, le=MAX_WINDOW)] = 1_000
    ) -> JSONResponse:
        """Compare the newest rows with the model's reference."""
        name = model or service.serving.versions.default_model()
        n = service.log.extent(name, LastRows(window)).n
        if n < MIN_ROWS:
            return JSONResponse({"status": "insufficient_data", "samples": n})
        return JSONResponse(lesson_json(service.check(name, LastRows(window))))


def lesson_json(board: Board) -> dict[str, Any]:
    """Return a board in the words of the lesson, with our own beside them.

    A column that cannot be computed makes the verdict `error`, which the lesson does not know: `status` is then what
    the other columns say, and the verdict, the sentence and the column tell of the failure. Where no column is left
    that has a verdict of its own, the status is `insufficient_data`, never `stable`.
    """
    told = board_json(board)
    found = {name: value for name, value in told.items() if name not in ("model", "n", "window")}
    verdicts = {column["verdict"] for column in told["columns"]} | {board.verdict}
    tested = [p for column in told["columns"] if (p := column["adjusted_p_value"]) is not None]
    drifted = "drift" in verdicts  # perhaps by missing values alone, with none left to test
    if not drifted and (not tested or not verdicts & {"stable", "warning"}):
        return {"status": "insufficient_data", "samples": board.n} | found
    status = "drifted" if drifted else "stable"
    return {"status": status, "p_value": min(tested, default=None), "samples_checked": board.n} | found
