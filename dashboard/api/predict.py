"""`POST /predict`: scored with others that come now, logged with them, answered once the row is safe."""

import asyncio
from dataclasses import asdict

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from dashboard.api.service import Service, Serving
from dashboard.api.shapes import PredictBody, Prediction, refusals
from dashboard.serving.answers import BadField, Reply, Request, Scored, new_request_id
from dashboard.serving.writer import Rows, Unheard
from storage.reading.one_answer import read_answer


def add_routes(app: FastAPI, service: Service) -> None:
    """Add the route to the API."""

    @app.post("/predict", response_model=Prediction, responses=refusals(400, 404, 409, 413, 422))
    async def predict(body: PredictBody, durable: bool = True) -> JSONResponse:
        """Answer with the model's prediction, and log it; a repeated request id gets the answer that was logged.

        With `durable=false` the answer does not wait until its row is in the log.
        """
        request = Request(body.request_id or new_request_id(), body.text, body.features, body.entity_id)
        reply = await answered(await service.opened(), await service.named(body.model), request, durable)
        return JSONResponse(asdict(reply))


async def answered(serving: Serving, model: str, request: Request, durable: bool) -> Reply:
    """Let a model answer a request, and log the answer; a known request id is answered as before.

    Raises
    ------
    UnknownModel, NoChampion
        If no model answers to that name.
    BadField
        If the request is not what the model needs.
    Full
        If too much waits to be scored or written: nothing was logged.
    """
    scored = await serving.scoring.ask(model, request)
    row = Rows(model, [scored.row])
    if not durable:
        serving.writing.put(row)
    else:
        report = await serving.writing.ask(row)
        if not report.accepted:
            return await asyncio.to_thread(_earlier, serving, model, request, report.rejected[0].error)
    _note(serving, model, scored)
    return scored.reply


def _earlier(serving: Serving, model: str, request: Request, error: str) -> Reply:
    earlier = read_answer(serving.log, model, request.request_id)
    if earlier is None:
        raise BadField(error.split(" ")[0], error)
    return Reply(earlier.prediction, earlier.score, earlier.version, earlier.variant, request.request_id)


def _note(serving: Serving, model: str, scored: Scored) -> None:
    """Leave behind what nobody waits for; nothing here raises, for the answer is in the log by now."""
    if scored.trial is not None:
        serving.shadowing.put(scored.trial)
    if serving.scoring.is_first_of_minute(model):
        serving.writing.leave(Unheard(model))
