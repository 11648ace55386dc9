"""The HTTP API: predictions, drift checks, labels and retrains. It also runs alone: `uvicorn dashboard.api:api`."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, FiniteFloat, StrictBool, StrictStr, StringConstraints

from dashboard import errors, serving
from dashboard.bodies import rows_of
from dashboard.errors import Refused
from dashboard.guard import Access, BodyLimit, SecurityHeaders
from dashboard.service import Service
from drift.monitor import board_json
from drift.windows import LastRows
from retrain.launchers import ensure_worker
from storage import jobs
from storage.rows import MAX_CATEGORY_LENGTH, MAX_TEXT_LENGTH, IngestReport
from storage.settings import Settings
from storage.workers import live_workers

MIN_ROWS = 100
MAX_WINDOW = 1_000_000
MAX_JOB_ID = 2**31 - 1
_Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CATEGORY_LENGTH, pattern=r"^[^\x00]*$")]


class PredictBody(BaseModel):
    """What `/predict` takes: a text, or features, or a text and features that describe its context."""

    model_config = ConfigDict(extra="forbid")

    # A text of nothing but blanks says nothing, and NUL cannot be stored.
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT_LENGTH, pattern=r"^[^\x00]*\S[^\x00]*$")] | None = None
    features: dict[str, StrictBool | FiniteFloat | StrictStr | None] | None = None
    model: _Id | None = None
    request_id: _Id | None = None
    entity_id: _Id | None = None


class RetrainBody(BaseModel):
    """What `/retrain` takes."""

    model_config = ConfigDict(extra="forbid")

    model: _Id
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")
    ]


def build_api(read_settings: Callable[[], Settings] = Settings.from_environment) -> FastAPI:
    """Return the API; its settings are read, and its database opened, by the first request that needs them."""
    service = Service(read_settings)
    app = FastAPI(title="Drift monitor", docs_url=None, redoc_url=None)
    app.state.service = service
    # The last one added meets a request first.
    app.add_middleware(BodyLimit)
    app.add_middleware(Access, tokens=lambda: service.tokens, refuse=errors.refusal)
    app.add_middleware(SecurityHeaders)
    errors.add_handlers(app)
    _add_predicting(app, service)
    _add_checking(app, service)
    _add_logging(app, service)
    _add_retraining(app, service)
    return app


def _add_predicting(app: FastAPI, service: Service) -> None:
    @app.post("/predict")
    def predict(body: PredictBody) -> dict[str, Any]:
        """Answer with the champion's prediction, and log it; a repeated request id gets the answer that was logged."""
        model = body.model or service.champions.default_model()
        asked = serving.Request(body.text, body.features, body.request_id, body.entity_id)
        return asdict(serving.answer(service.log, service.champions, model, asked))


def _add_checking(app: FastAPI, service: Service) -> None:
    @app.get("/drift-check")
    def drift_check(
        model: str | None = None, window: Annotated[int, Query(ge=1, le=MAX_WINDOW)] = 1_000
    ) -> dict[str, Any]:
        """Compare the newest rows with the model's first reference."""
        name = model or service.champions.default_model()
        n = service.log.extent(name, LastRows(window)).n
        if n < MIN_ROWS:
            return {"status": "insufficient_data", "samples": n}
        board = board_json(service.check(name, LastRows(window)))
        found = {key: board[key] for key in ("verdict", "sentence", "columns")}
        p_values = [column["adjusted_p_value"] for column in board["columns"]]
        tested = [p for p in p_values if p is not None]
        drifted = board["verdict"] == "drift"  # perhaps by missing values alone, with none left to test
        if not tested and not drifted:
            return {"status": "insufficient_data", "samples": n} | found
        p_value = min(tested, default=None)
        return {"status": "drifted" if drifted else "stable", "p_value": p_value, "samples_checked": board["n"]} | found

    @app.get("/health")
    def health() -> JSONResponse:
        """Tell whether the database answers and a worker is alive."""
        try:
            workers = live_workers(service.log)
        except errors.DATABASE_AWAY:
            return JSONResponse({"status": "down", "database": "away", "worker": "unknown"}, 503)
        return JSONResponse({"status": "ok", "database": "ok", "worker": "alive" if workers else "none"})


def _add_logging(app: FastAPI, service: Service) -> None:
    @app.post("/predictions")
    def predictions(read: Annotated[Any, Depends(rows_of)], model: str | None = None) -> dict[str, Any]:
        """Log predictions that were made elsewhere."""
        name = model or service.champions.default_model()
        with errors.as_bad_input():
            return _report(service.log.append(name, read.rows), read)

    @app.post("/labels")
    def labels(read: Annotated[Any, Depends(rows_of)], model: str | None = None) -> dict[str, Any]:
        """Write true labels, given as rows of request_id and label."""
        name = model or service.champions.default_model()
        request_ids, given = ([row.get(key) for row in read.rows] for key in ("request_id", "label"))
        with errors.as_bad_input():
            return _report(service.log.label(name, request_ids, given), read)


def _report(report: IngestReport, read: Any) -> dict[str, Any]:
    rejected = [(read.positions[row.row], row.error) for row in report.rejected] + read.unreadable
    return {
        "accepted": report.accepted,
        "rejected": [{"row": row, "error": error} for row, error in sorted(rejected)],
    }


def _add_retraining(app: FastAPI, service: Service) -> None:
    @app.post("/retrain", status_code=202)
    def retrain(body: RetrainBody, request: Request) -> JSONResponse:
        """Start a retrain job, unless one of the model is active."""
        if request.state.role != "operator":
            raise Refused(403, "forbidden", "token must have the role operator to start a retrain; got writer.")
        with errors.as_bad_input():
            started = jobs.start(service.log, body.model, body.reason, "api", "api")
        job = jobs.job(service.log, started.job_id)
        if not started.started:
            return errors.answer(409, "already_running", started.message, job_id=job.id, state=job.state)
        ensure_worker(service.settings)
        return JSONResponse({"job_id": job.id, "state": job.state}, 202)

    @app.get("/retrain/{job_id}")
    def retrain_state(job_id: Annotated[int, Path(ge=1, le=MAX_JOB_ID)]) -> dict[str, Any]:
        """Tell how far a retrain job has come."""
        try:
            job = jobs.job(service.log, job_id)
        except ValueError as error:
            raise Refused(404, "unknown_job", str(error), "job_id") from error
        named = ("model", "state", "step", "progress", "note", "reason", "requested_by", "created_at", "updated_at")
        steps = [
            {name: getattr(step, name) for name in ("name", "state", "started_at", "finished_at", "error")}
            for step in jobs.steps(service.log, job_id)
        ]
        return {"job_id": job.id} | {name: getattr(job, name) for name in named} | {"steps": steps}


api = build_api()
