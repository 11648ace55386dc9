"""How a version comes into the registry."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.engine import Database, writing
from storage.database.schema import model_version
from storage.models.catalogue import read_entry
from storage.models.promotion import promote


def register_version(
    database: Database,
    model: str,
    *,
    uri: str | None,
    sha256: str | None,
    created_by: str,
    params: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    data_sha256: str | None = None,
    code_version: str | None = None,
    champion: bool = False,
) -> str:
    """Add a version that no job made, such as a model's first; return its name.

    Parameters
    ----------
    params : what the model needs to be used and trained again: `recipe`, `features`, `classes`, `data_end`
    champion : let it serve from now on
    """
    values = {"uri": uri, "sha256": sha256, "params": params, "metrics": metrics}
    values |= {"data_sha256": data_sha256, "code_version": code_version, "created_by": created_by}
    with writing(database.engine) as connection:
        name = add_version(connection, model, values)
        if champion:
            promote(connection, model, name, created_by, replaces_imported=False)
    return name


def add_version(connection: sa.Connection, model: str, values: Mapping[str, Any]) -> str:
    """Add a version under the next free name (v1, v2, ...); a job that has one already gets the same again."""
    # Two workers must not choose the same name: the model's row is the lock.
    read_entry(connection, model, lock=True)
    c = model_version.c
    if values.get("job_id") is not None:
        known = connection.execute(sa.select(c.version).where(c.job_id == values["job_id"])).scalar()
        if known is not None:
            return str(known)
    numbers = connection.execute(sa.select(c.version).where(c.model == model, c.version.like("v%"))).scalars()
    name = f"v{max((int(v[1:]) for v in numbers if v[1:].isdigit()), default=0) + 1}"
    row = {"model": model, "version": name, "stage": "candidate", "created_at": now(connection)}
    connection.execute(sa.insert(model_version).values(row | dict(values)))
    append_audit(connection, values["created_by"], "register", model, version=name, job=values.get("job_id"))
    return name
