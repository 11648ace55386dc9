"""What goes into the API and what comes out of it, as its OpenAPI document tells."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictStr, StringConstraints

from storage.checking.cells import MAX_CATEGORY_LENGTH, MAX_TEXT_LENGTH

# NUL cannot be stored.
Id = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CATEGORY_LENGTH, pattern=r"^[^\x00]*$")]
# A text of nothing but blanks says nothing.
_SAYS_SOMETHING = r"^[^\x00]*[^\x00\s][^\x00]*$"
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT_LENGTH, pattern=_SAYS_SOMETHING)]
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=_SAYS_SOMETHING),
]


class PredictBody(BaseModel):
    """What `/predict` takes: a text, or features, or a text and features that describe its context."""

    model_config = ConfigDict(extra="forbid")

    text: Text | None = None
    features: dict[str, StrictBool | FiniteFloat | StrictStr | None] | None = None
    model: Id | None = None
    request_id: Id | None = None
    entity_id: Id | None = None


class Prediction(BaseModel):
    """What a model answered, as logged."""

    label: str | float | None
    score: float | None
    model_version: str | None
    variant: str | None
    request_id: str


class RejectedRow(BaseModel):
    """A row that was left out: where it stood, from 0, and why."""

    row: int
    error: str


class UnreadableColumn(BaseModel):
    """Cells of a column that could not be read and are stored as missing: how many, where the first stood, and why."""

    column: str
    n: int
    row: int
    error: str


class RowsReport(BaseModel):
    """What became of rows; of more than a thousand that were left out, the first thousand are listed."""

    accepted: int
    rejected: list[RejectedRow]
    n_rejected: int | None = Field(None, description="only where more were left out than are listed")
    unreadable: list[UnreadableColumn] | None = Field(None, description="only where cells could not be read")


class DriftCheck(BaseModel):
    """What the newest rows amount to; `samples` where they are too few, else the other fields."""

    status: Literal["insufficient_data", "stable", "drifted"]
    samples: int | None = None
    p_value: float | None = Field(None, description="the smallest adjusted p-value")
    samples_checked: int | None = None
    verdict: str | None = None
    sentence: str | None = None
    advice: dict[str, Any] | None = Field(None, description="what to do: urgency, action, title, evidence, guard")
    columns: list[dict[str, Any]] | None = None


class RetrainBody(BaseModel):
    """What `/retrain` takes."""

    model_config = ConfigDict(extra="forbid")

    model: Id
    reason: Reason
    rollout: Literal["canary", "direct"] | None = Field(
        None, description="whether the new version is tried on some requests first; without it, the traffic decides"
    )


class RetrainStarted(BaseModel):
    """The job that was started, and who works on it."""

    job_id: int
    state: str
    worker: str = Field(description='which process, or "none, because ...": the job then waits until one is alive')


class RetrainState(BaseModel):
    """How far a job has come."""

    job_id: int
    model: str
    state: str
    step: str | None
    progress: float
    note: str | None
    reason: str
    requested_by: str
    created_at: datetime
    updated_at: datetime
    steps: list[dict[str, Any]]


class Health(BaseModel):
    """Whether the database answers and a retrain worker is alive, and the version of the product."""

    status: Literal["ok", "down"]
    database: Literal["ok", "away"]
    worker: Literal["alive", "none", "unknown"]
    version: str


class Error(BaseModel):
    """What went wrong; `field` names the part of the request."""

    code: str
    message: str
    field: str | None = None


class Refusal(BaseModel):
    """The one shape of every answer that is no success. Some carry more, such as the job that runs already."""

    error: Error


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route's document says of the answers that are no success."""
    return {status: {"model": Refusal, "description": _SAID[status]} for status in (*statuses, *_ANYWHERE)}


_ANYWHERE = (401, 403, 429, 503)
_SAID = {
    400: "The body cannot be read.",
    401: "No token, or an unknown one.",
    403: "The caller may not do this.",
    404: "There is no such model or job.",
    409: "It conflicts with what is there already.",
    413: "The body is too large.",
    415: "Neither JSON nor NDJSON.",
    422: "Something in the request is wrong; `field` says where.",
    429: "Too many failures; Retry-After says for how long.",
    503: "The database is away, or too many rows wait; come again later.",
}
