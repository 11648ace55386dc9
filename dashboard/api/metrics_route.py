"""`GET /metrics`: what the product counts about itself."""

import logging
import time
from collections.abc import Iterator, Mapping

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

from dashboard.api.errors import DATABASE_AWAY
from dashboard.api.prometheus import CONTENT_TYPE, Family, Latencies, Sample, text_of
from dashboard.api.service import Service, Serving
from dashboard.api.shapes import refusals
from drift.board.result import Board
from drift.data.windows import LastRows
from storage.alerts.messages import Delivery, read_delivery
from storage.database.totals import read_totals

# What bounds the number of series.
MAX_MODELS = 50
MAX_COLUMNS = 200
# A board as old as this is looked at anew, so that the verdicts are of now even if nobody asks /drift-check.
_STALE_SECONDS = 60.0
_BUDGET_SECONDS = 1.0
_WINDOW = LastRows(1_000)
_log = logging.getLogger(__name__)


def add_routes(app: FastAPI, service: Service, latencies: Latencies) -> None:
    """Add the route to the API."""

    @app.get("/metrics", response_class=PlainTextResponse, responses=refusals(422))
    def metrics() -> PlainTextResponse:
        """Tell of requests, rows, verdicts and jobs, as Prometheus reads it."""
        families = [latencies.family()]
        try:
            families += _of_database(service)
            up = 1
        except DATABASE_AWAY:
            up = 0
        families.append(Family("drift_database_up", "gauge", "Whether the database answers.", [Sample(up)]))
        return PlainTextResponse(text_of(families), media_type=CONTENT_TYPE)


def _of_database(service: Service) -> Iterator[Family]:
    serving = service.serving
    totals = read_totals(serving.log, MAX_MODELS)
    yield _family("drift_log_rows", "Rows in the log.", "model", totals.rows)
    yield _family("drift_retrain_jobs", "Retrain jobs by state.", "state", totals.jobs)
    yield from _of_queues(serving)
    yield from _of_alerts(read_delivery(serving.log))
    _look(service, list(totals.rows))
    yield from _of_boards({name: service.looked_at[name] for name in totals.rows if name in service.looked_at})


def _family(name: str, said: str, label: str, values: Mapping[str, float]) -> Family:
    return Family(name, "gauge", said, [Sample(value, {label: key}) for key, value in values.items()])


def _of_queues(serving: Serving) -> Iterator[Family]:
    writing, shadowing = serving.writing, serving.shadowing
    counts = {
        "drift_written_rows_total": ("Rows that this process wrote.", writing.n_rows),
        "drift_write_groups_total": ("Transactions in which it wrote them.", writing.n_groups),
        "drift_lost_rows_total": ("Rows answered with durable=false that could not be written.", writing.n_lost),
        "drift_shadow_left_out_total": ("Requests that a version on trial did not score.", shadowing.n_left_out),
    }
    for name, (said, n) in counts.items():
        yield Family(name, "counter", said, [Sample(n)])
    yield Family("drift_waiting_rows", "gauge", "Rows that wait to be written.", [Sample(writing.n_waiting)])


def _of_alerts(found: Delivery) -> Iterator[Family]:
    yield Family("drift_alerts_pending", "gauge", "Alerts that wait to be delivered.", [Sample(found.n_pending)])
    yield Family("drift_alerts_sent_total", "counter", "Alerts that were delivered.", [Sample(found.n_sent)])
    yield Family("drift_alerts_given_up_total", "counter", "Alerts that never were.", [Sample(found.n_given_up)])
    seen = [Sample(found.watched_at.timestamp())] if found.watched_at else []
    yield Family("drift_alerts_watched_timestamp_seconds", "gauge", "When a worker last looked for alerts.", seen)


def _look(service: Service, models: list[str]) -> None:
    """Look at the boards that nobody has looked at lately, as far as time allows."""
    until = time.monotonic() + _BUDGET_SECONDS
    for model in sorted(models, key=lambda name: service.looked_at[name][1] if name in service.looked_at else 0.0):
        looked_at = service.looked_at[model][1] if model in service.looked_at else 0.0
        if time.monotonic() > until or time.time() - looked_at < _STALE_SECONDS:
            return
        try:
            service.check(model, _WINDOW)
        except DATABASE_AWAY:
            raise
        except Exception:
            # The age of its last check tells of it; the other figures are told all the same.
            _log.exception("Model %s cannot be compared.", model)


def _of_boards(boards: dict[str, tuple[Board, float]]) -> Iterator[Family]:
    verdicts, effects = [], []
    for model, (board, _) in boards.items():
        for column in board.columns[:MAX_COLUMNS]:
            labels = {"model": model, "column": column.column}
            verdicts.append(Sample(1, labels | {"verdict": column.verdict}))
            effects.append(Sample(column.effect_size, labels))
    at = {model: looked_at for model, (_, looked_at) in boards.items()}
    yield _family("drift_checked_timestamp_seconds", "When a model was last compared.", "model", at)
    whole = [Sample(1, {"model": model, "verdict": board.verdict}) for model, (board, _) in boards.items()]
    yield Family("drift_verdict", "gauge", "The last verdict on a model.", whole)
    yield Family("drift_column_verdict", "gauge", "The last verdict on a column.", verdicts)
    yield Family("drift_column_effect_size", "gauge", "How far a column has moved, 0 to 1.", effects)
