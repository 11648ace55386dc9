"""Every table of the product. The rows of a model's log stand in a table of their own, typed by its columns.

They stand in one text although it is long: whoever asks what is stored reads it from top to bottom, and there is little
in it to understand but the tables themselves.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from drift.data.windows import Column

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
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


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
    # The watermark: every row up to this id is in a sealed segment (storage.segments.format); NULL before one.
    sa.Column("sealed_id", sa.BigInteger),
    sa.Column("n_sealed", sa.BigInteger, nullable=False, server_default="0"),
    # Rows that retention has removed from the front of the log.
    sa.Column("n_retired", sa.BigInteger, nullable=False, server_default="0"),
    # Grows when a segment that exists changes; a new one at the end leaves it as it is.
    sa.Column("seal_revision", sa.BigInteger, nullable=False, server_default="0"),
    # The newest row whose label came with it: behind it, only the index of late labels need be asked for labels.
    sa.Column("last_known_id", sa.BigInteger),
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
    # How its cells are read (storage.checking.spelling): as text, number or boolean, and the words for "no value".
    sa.Column("spelling", sa.String(8)),
    sa.Column("missing", sa.JSON),
)

# Cells that could not be read and count as missing, by the day of their prediction, in days since 1970. Reasons are
# kept without the values: whoever is erased must not live on here.
unreadable_cell = sa.Table(
    "unreadable_cell",
    metadata,
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("column_name", sa.String(64), primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("reason", sa.String(200), primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
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
    # Segments below this number have been counted on the reference's cells.
    sa.Column("counted_to", sa.Integer, nullable=False, server_default="0"),
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
    # float64 borders of the cells in which a numeric column's segments are counted.
    sa.Column("edges", sa.LargeBinary),
)

# States of a run that a later start takes up.
UNFINISHED = ("running", "stopping", "stopped")
_IS_UNFINISHED = f"state IN {UNFINISHED}"
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
    # One at a time brings the same content in: two would store every row twice.
    sa.Index(
        "ix_import_run_unfinished",
        "fingerprint",
        unique=True,
        sqlite_where=sa.text(_IS_UNFINISHED),
        postgresql_where=sa.text(_IS_UNFINISHED),
    ),
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


# Sealed column segments (storage.segments.format): a pure function of the log and the references, rebuilt at any time.
# Segment k holds the rows of a model with last_id of segment k - 1 < id <= last_id, in the order of their ids.
segment = sa.Table(
    "segment",
    metadata,
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("k", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, nullable=False),
    sa.Column("last_id", sa.BigInteger, nullable=False),
    # Of the first and the last row; NULL in a segment whose rows have all been erased.
    sa.Column("start_at", sa.BigInteger),
    sa.Column("end_at", sa.BigInteger),
    sqlite_with_rowid=False,
)

# One column of one segment; `position` is that of model_column, or -1 for the times of the rows.
segment_values = sa.Table(
    "segment_values",
    metadata,
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("k", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("dtype", sa.String(4), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# Rows per cell of a reference's grid in segment k and those before it in its block of segments, as uint32.
segment_histogram = sa.Table(
    "segment_histogram",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("k", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# The same for a full block of segments, as uint32.
block_histogram = sa.Table(
    "block_histogram",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("block", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# Segments that got a late row since they were sealed: until they are repaired, their rows are read from the log.
dirty = sa.Table(
    "dirty",
    metadata,
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("k", sa.Integer, primary_key=True, autoincrement=False),
)

# What is tried out (storage.models.shadow). Of every request that two versions score, the answer not given: the
# one that was given is a row of the model's log. Windows and training never see these rows.
shadow_answer = sa.Table(
    "shadow_answer",
    metadata,
    sa.Column("id", Key, primary_key=True),
    sa.Column("model_id", sa.ForeignKey("model.id"), nullable=False),
    sa.Column("request_id", sa.String(200), nullable=False),
    sa.Column("version", sa.String(40), nullable=False),
    sa.Column("answered_by", sa.String(40), nullable=False),
    sa.Column("prediction", sa.String(200)),
    sa.Column("score", sa.Double),
    sa.Column("error", sa.Text),
    sa.Column("seconds", sa.Double),
    sa.Column("answered_seconds", sa.Double),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("model_id", "request_id", "version"),
    sa.Index("ix_shadow_answer_model", "model_id", "id"),
)

# When a model last answered a request of ours: without such traffic a canary would wait for ever.
served_model = sa.Table(
    "served_model",
    metadata,
    sa.Column("model_id", sa.ForeignKey("model.id"), primary_key=True),
    sa.Column("answered_at", UtcDateTime, nullable=False),
)

# When a retrain job starts by itself: at the times of a cron expression, or on what a trigger watches.
retrain_schedule = sa.Table(
    "retrain_schedule",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(48), nullable=False),
    sa.Column("cron", sa.String(80), nullable=False),
    sa.Column("time_zone", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("params", sa.JSON),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("next_at", UtcDateTime, nullable=False),
    sa.Column("last_result", sa.Text),
    sa.Column("created_by", sa.String(80), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

retrain_trigger = sa.Table(
    "retrain_trigger",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(48), nullable=False),
    sa.Column("kind", sa.String(12), nullable=False),
    sa.Column("mode", sa.String(8), nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("params", sa.JSON),
    sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
    # What the trigger has seen so far, such as for how many checks its condition has held.
    sa.Column("memory", sa.JSON),
    sa.Column("next_at", UtcDateTime, nullable=False),
    sa.Column("last_result", sa.Text),
    sa.Column("created_by", sa.String(80), nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
)

# What the watcher knows of a frozen reference (drift.monitor.watch): its streams, and how a healthy replay went.
watch = sa.Table(
    "watch",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference.id"), primary_key=True),
    sa.Column("model_id", sa.ForeignKey("model.id"), nullable=False, index=True),
    # Grows with every change of the evidence, the alarms or the rows beneath: who writes must have read the newest.
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("rule", sa.String(80), nullable=False),
    sa.Column("n_streams", sa.Integer, nullable=False),
    sa.Column("phi", sa.JSON, nullable=False),
    sa.Column("replay", sa.JSON),
)

# The evidence on one stream after `position` rows since the reference; the largest is the newest, the others are
# where a late row is taken up from.
evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("reference_id", sa.ForeignKey("reference.id"), primary_key=True),
    sa.Column("stream", sa.String(64), primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("model_id", sa.ForeignKey("model.id"), nullable=False),
    sa.Column("feed", sa.String(8), nullable=False),
    # The last row taken in: its place in the order of the feed, its id and its instant.
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Column("row_id", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("life_p", sa.Double, nullable=False),
    # The last column: whoever reads only the others does not touch it.
    sa.Column("state", sa.LargeBinary, nullable=False),
    sa.Index("ix_evidence_row", "model_id", "row_id"),
)

# An alarm stays history once a person has answered it; one that is open follows from the rows.
alarm = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("reference_id", sa.ForeignKey("reference.id"), nullable=False),
    sa.Column("model_id", sa.ForeignKey("model.id"), nullable=False),
    sa.Column("stream", sa.String(64), nullable=False),
    sa.Column("feed", sa.String(8), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("mark", sa.BigInteger, nullable=False),
    sa.Column("row_id", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("onset", sa.BigInteger, nullable=False),
    sa.Column("onset_at", UtcDateTime, nullable=False),
    sa.Column("trigger", sa.String(16), nullable=False),
    sa.Column("bet", sa.Text, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("life_p", sa.Double, nullable=False),
    # Rows changed beneath it: it is seen no more, and whether it sounds again the rows decide.
    sa.Column("stale", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("acknowledged_at", UtcDateTime),
    sa.Column("acknowledged_by", sa.String(80)),
    sa.Column("acknowledged_kind", sa.String(16)),
    sa.Column("acknowledged_note", sa.Text),
    # The last row that had been taken in when a person answered: there the scores restarted.
    sa.Column("acknowledged_mark", sa.BigInteger),
    sa.Column("acknowledged_row_id", sa.BigInteger),
    sa.Column("acknowledged_row_at", UtcDateTime),
    sa.Column("snoozed_until", UtcDateTime),
    sa.Column("snoozed_by", sa.String(80)),
    sa.Column("snoozed_note", sa.Text),
    sa.Index("ix_alarm_reference", "reference_id", "stream"),
    sa.Index("ix_alarm_row", "model_id", "row_id"),
)

# (retrain.alerts.lookout): a message with all that one look found, its delivery,
# and the events that it tells of. The key of an event is unique: however many workers see it, one message tells of it.
alert = sa.Table(
    "alert",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(48), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", UtcDateTime, nullable=False),
    sa.Column("last_error", sa.Text),
    # When its first attempt failed; NULL while none has.
    sa.Column("failing_since", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("sent_at", UtcDateTime),
    sa.Index("ix_alert_state", "state", "next_at"),
)

alert_event = sa.Table(
    "alert_event",
    metadata,
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("model", sa.String(48), nullable=False),
    sa.Column("subject", sa.String(200), nullable=False),
    sa.Column("alert_id", sa.ForeignKey("alert.id"), nullable=False, index=True),
    sa.Column("began_at", UtcDateTime, nullable=False),
    # Since when it is no longer so, such as an alarm that was answered.
    sa.Column("ended_at", UtcDateTime),
    sa.Index("ix_alert_event_model", "kind", "model"),
)

# One row: when a process that looks for what is worth telling last showed itself, and until when the channel is left
# alone.
alert_channel = sa.Table(
    "alert_channel",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seen_at", UtcDateTime),
    sa.Column("not_before", UtcDateTime),
)


def prediction_table(model_name: str, columns: Sequence[Column]) -> sa.Table:
    """Describe the log of one model: a typed column for every registered one.

    `id` is ordered by time (see storage.database.ids), so that a window of time is a range of the primary key.
    """
    typed = [sa.Column(c.name, sa.Double if c.kind == "numeric" else sa.Integer, quote=True) for c in columns]
    has_request = sa.text("request_id IS NOT NULL")
    came_late = sa.text("labelled_at <> predicted_at")
    return sa.Table(
        f"prediction_{model_name}",
        sa.MetaData(),
        sa.Column("id", Key, primary_key=True, autoincrement=False),
        sa.Column("predicted_at", sa.BigInteger, nullable=False),
        sa.Column("request_id", sa.String(200)),
        sa.Column("entity_id", sa.String(200)),
        sa.Column("version", sa.Integer),
        sa.Column("variant", sa.Integer),
        *typed,
        sa.Column("labelled_at", sa.BigInteger),
        sa.Column("text", sa.Text),
        # Rows without a request id, and labels known at once, cost nothing here.
        sa.Index(
            f"ix_request_{model_name}",
            "request_id",
            unique=True,
            sqlite_where=has_request,
            postgresql_where=has_request,
        ),
        sa.Index(f"ix_late_label_{model_name}", "labelled_at", sqlite_where=came_late, postgresql_where=came_late),
    )
