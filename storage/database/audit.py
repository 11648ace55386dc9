"""Who did what, when and why: rows are only ever added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from storage.database.clock import now
from storage.database.engine import Database, reading, writing
from storage.database.schema import audit


@dataclass(frozen=True)
class AuditEntry:
    """One action; `object` is the model that it touched."""

    id: int
    at: datetime
    actor: str
    action: str
    object: str
    detail: Mapping[str, Any] | None


def append_audit(connection: sa.Connection, actor: str, action: str, model: str, **detail: Any) -> None:
    """Note an action in the transaction that carries it out."""
    row = {"at": now(connection), "actor": actor, "action": action, "object": model, "detail": detail or None}
    connection.execute(sa.insert(audit).values(row))


def note(database: Database, actor: str, action: str, model: str, **detail: Any) -> None:
    """Note an action of several transactions, such as an import."""
    with writing(database.engine) as connection:
        append_audit(connection, actor, action, model, **detail)


def read_audit(database: Database, model: str | None = None, *, limit: int = 100) -> tuple[AuditEntry, ...]:
    """Return what was done, to one model or to all, the newest first."""
    query = sa.select(audit).order_by(audit.c.id.desc()).limit(limit)
    if model is not None:
        query = query.where(audit.c.object == model)
    with reading(database.engine) as connection:
        return tuple(AuditEntry(**row._mapping) for row in connection.execute(query))
