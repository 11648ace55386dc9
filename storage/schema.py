"""Every table of the product. The rows of a model's log stand in a table of their own, typed by its columns."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from drift.windows import Column

NAME_PATTERN = re.compile(r"^[A-Za-z_][\w .-]{0,63}$")
# PostgreSQL cuts names at 63 bytes and the table is called prediction_<model>.
MODEL_PATTERN = re.compile(r"^[A-Za-z_][A-Za-z0-9_.-]{0,47}$")
RESERVED = frozenset(
    [
        "id",
        "predicted_at",
        "request_id",
        "entity_id",
        "version",
        "variant",
        "prediction",
        "score",
        "label",
        "labelled_at",
        "text",
    ]
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# SQLite gives a table its fast integer key only when the type is exactly INTEGER.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def microseconds(instant: datetime) -> int:
    """Return an instant as whole microseconds since 1970 in UTC.

    Raises
    ------
    ValueError
        If the instant has no zone: its place in time would be a guess.

    Examples
    --------
    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    if instant.tzinfo is None:
        raise ValueError(f"instant must carry a time zone, such as +00:00; got {instant!s}.")
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant_from(micros: int) -> datetime:
    """Return the UTC instant that lies so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=micros)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant, kept as integer microseconds: SQLite would drop the zone of a datetime."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else instant_from(value)


metadata = sa.MetaData()

model = sa.Table(
    "model",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(48), nullable=False, unique=True),
    # Grows with every write to the model's rows, labels or references: the key of everything cached.
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
    # Totals that the same transactions keep: they tell in one read what has grown since.
    sa.Column("n_rows", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_columns", sa.Integer, nullable=False, server_default="0"),
    sa.Column("n_categories", sa.Integer, nullable=False, server_default="0"),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

model_column = sa.Table(
    "model_column",
    metadata,
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("role", sa.String(12), nullable=False),
)

# Categories are stored as small integers; this is the dictionary. A code is never reused.
category = sa.Table(
    "category",
    metadata,
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("column_name", sa.String(64), primary_key=True),
    sa.Column("code", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.String(200), nullable=False),
    sa.UniqueConstraint("model_id", "column_name", "value"),
)

reference = sa.Table(
    "reference",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model_id", sa.ForeignKey("model.id"), nullable=False),
    sa.Column("name", sa.String(64), nullable=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("start_at", UtcDateTime, nullable=False),
    sa.Column("end_at", UtcDateTime, nullable=False),
    sa.Column("frozen_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("model_id", "name"),
)

# A frozen sample: one BLOB per column, in time order. float64, or int32 codes with -1 for missing.
reference_values = sa.Table(
    "reference_values",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference.id"), primary_key=True),
    sa.Column("column_name", sa.String(64), primary_key=True),
    sa.Column("dtype", sa.String(4), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# Long work that fills the log: file imports and the demo. The board shows its progress.
import_run = sa.Table(
    "import_run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(48), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    # What would be imported twice: the file's content and the way its columns are read.
    sa.Column("fingerprint", sa.String(64)),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("n_done", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_rows", sa.BigInteger),
    sa.Column("n_rejected", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("note", sa.Text),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

retrain_job = sa.Table(
    "retrain_job",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(48), nullable=False),
    # The model's name while the job is active, NULL once it is final: the database allows one active job per model.
    sa.Column("active_model", sa.String(48), unique=True),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("trigger", sa.String(16), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("requested_by", sa.String(80), nullable=False),
    sa.Column("evidence", sa.JSON),
    sa.Column("params", sa.JSON),
    sa.Column("dry_run", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("step", sa.String(20)),
    sa.Column("progress", sa.Double, nullable=False, server_default="0"),
    sa.Column("note", sa.Text),
    sa.Column("not_before", UtcDateTime, nullable=False),
    sa.Column("lease_owner", sa.String(120)),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("decision", sa.String(8)),
    sa.Column("decided_by", sa.String(80)),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("decision_note", sa.Text),
    sa.Column("cancel_by", sa.String(80)),
    sa.Column("external_ref", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("result", sa.JSON),
)

retrain_step = sa.Table(
    "retrain_step",
    metadata,
    sa.Column("job_id", sa.ForeignKey("retrain_job.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(20), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("crashes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("started_at", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("output", sa.JSON),
    sa.Column("error", sa.Text),
    sa.Column("log", sa.Text),
)

worker = sa.Table(
    "worker",
    metadata,
    sa.Column("id", sa.String(120), primary_key=True),
    sa.Column("host", sa.String(80), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("heartbeat_at", UtcDateTime, nullable=False),
)

model_version = sa.Table(
    "model_version",
    metadata,
    sa.Column("model", sa.String(48), primary_key=True),
    sa.Column("version", sa.String(40), primary_key=True),
    sa.Column("job_id", sa.ForeignKey("retrain_job.id"), unique=True),
    sa.Column("uri", sa.Text),
    sa.Column("sha256", sa.String(64)),
    sa.Column("data_sha256", sa.String(64)),
    sa.Column("params", sa.JSON),
    sa.Column("code_version", sa.String(40)),
    sa.Column("metrics", sa.JSON),
    sa.Column("stage", sa.String(16), nullable=False),
    sa.Column("created_by", sa.String(80), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

model_alias = sa.Table(
    "model_alias",
    metadata,
    sa.Column("model", sa.String(48), primary_key=True),
    sa.Column("alias", sa.String(16), primary_key=True),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("share", sa.Double, nullable=False, server_default="1"),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("object", sa.String(120), nullable=False),
    sa.Column("detail", sa.JSON),
)


def prediction_table(model_name: str, columns: Sequence[Column]) -> sa.Table:
    """Describe the log of one model: a typed column for every registered one.

    `id` is ordered by time (see storage.ids), so that a window of time is a range of the primary key.
    """
    typed = [sa.Column(c.name, sa.Double if c.kind == "numeric" else sa.Integer, quote=True) for c in columns]
    return sa.Table(
        f"prediction_{model_name}",
        sa.MetaData(),
        sa.Column("id", Key, primary_key=True, autoincrement=False),
        sa.Column("predicted_at", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.String(200), unique=True),
        sa.Column("entity_id", sa.String(200)),
        sa.Column("version", sa.Integer),
        sa.Column("variant", sa.Integer),
        *typed,
        sa.Column("labelled_at", sa.BigInteger),
        sa.Column("text", sa.Text),
    )
