"""The HTTP API: predictions, drift checks, labels and retrains. It also runs alone: `uvicorn dashboard.api:api`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from fastapi.responses import JSONResponse

from dashboard.api import drift_check, errors, metrics_route, predict, rows
from dashboard.api.errors import Refused
from dashboard.api.guard import Access, SecurityHeaders
from dashboard.api.limits import BodyLimit, FailureLimit
from dashboard.api.prometheus import Latencies, Measure
from dashboard.api.service import Service
from dashboard.api.shapes import Health, RetrainBody, RetrainStarted, RetrainState, refusals
from drift.version import __version__
from retrain.workers.launchers import ensure_worker
from storage.database.settings import Settings
from storage.jobs import queue
from storage.jobs.workers import read_live_workers

MAX_JOB_ID = 2**31 - 1
_VERSION = {"version": __version__}


def build_api(read_settings: Callable[[], Settings] = Settings.from_environment) -> FastAPI:
    """Return the API; its settings are read, and its database opened, by the first request that needs them."""
    service, latencies = Service(read_settings), Latencies()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.tokens  # noqa: B018  a bad setting must end the start here, not the first request
        yield
        await asyncio.to_thread(service.close)

    app = FastAPI(title="Drift monitor", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.service = service
    # The last one added meets a request first.
    app.add_middleware(BodyLimit)
    app.add_middleware(Access, tokens=lambda: service.tokens, refuse=errors.refusal, failures=FailureLimit())
    app.add_middleware(Measure, latencies=latencies, routes=app.routes)
    app.add_middleware(SecurityHeaders, failure=errors.failure)
    errors.add_handlers(app)
    predict.add_routes(app, service)
    drift_check.add_routes(app, service)
    rows.add_routes(app, service)
    _add_retraining(app, service)
    _add_health(app, service)
    metrics_route.add_routes(app, service, latencies)
    return app


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/health", response_model=Health, responses=refusals() | {503: {"model": Health}})
    def health() -> JSONResponse:
        """Tell whether the database answers and a worker is alive, and which version this is."""
        try:
            workers = read_live_workers(service.log)
        except errors.DATABASE_AWAY:
            return JSONResponse({"status": "down", "database": "away", "worker": "unknown"} | _VERSION, 503)
        return JSONResponse({"status": "ok", "database": "ok", "worker": "alive" if workers else "none"} | _VERSION)


def _add_retraining(app: FastAPI, service: Service) -> None:
    @app.post("/retrain", status_code=202, response_model=RetrainStarted, responses=refusals(400, 404, 409, 413, 422))
    def retrain(body: RetrainBody, request: Request) -> JSONResponse:
        """Start a retrain job, unless one of the model is active; it waits where `worker` says that there is none."""
        if request.state.role != "operator":
            raise Refused(403, "forbidden", "token must have the role operator to start a retrain; got writer.")
        with errors.as_bad_input():
            params = {"rollout": body.rollout} if body.rollout else None
            started = queue.start(service.log, body.model, body.reason, "api", "api", params=params)
        job: dict[str, Any] = {"job_id": started.job_id, "state": started.state}
        if not started.started:
            return errors.answer(409, "already_running", started.message, **job)
        # The job is committed: from here on nothing may raise, and what fails is a field of the answer.
        return JSONResponse(job | {"worker": ensure_worker(service.settings).worker}, 202)

    @app.get("/retrain/{job_id}", response_model=RetrainState, responses=refusals(404, 422))
    def retrain_state(job_id: Annotated[int, Path(ge=1, le=MAX_JOB_ID)]) -> dict[str, Any]:
        """Tell how far a retrain job has come."""
        try:
            job = queue.read_job(service.log, job_id)
        except ValueError as error:
            raise Refused(404, "unknown_job", str(error), "job_id") from error
        named = ("model", "state", "step", "progress", "note", "reason", "requested_by", "created_at", "updated_at")
        steps = [
            {name: getattr(step, name) for name in ("name", "state", "started_at", "finished_at", "error")}
            for step in queue.read_steps(service.log, job_id)
        ]
        return {"job_id": job.id} | {name: getattr(job, name) for name in named} | {"steps": steps}


api = build_api()
