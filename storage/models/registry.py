"""Model versions, and the aliases that say which of them serves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from storage.database.engine import Database, reading
from storage.database.schema import model_alias, model_version

# The version that stands for the model whose predictions were imported: it has no file.
IMPORTED = "imported"


class OtherChampion(ValueError):
    """Another version serves by now than the one that answered, or that was compared with."""


@dataclass(frozen=True)
class Version:
    """A trained model: where its file is, what it was trained on and how well it did.

    `stage` is one of candidate, shadow, canary, champion, retired, withdrawn and rolled_back.
    """

    model: str
    version: str
    job_id: int | None
    uri: str | None
    sha256: str | None
    data_sha256: str | None
    params: Mapping[str, Any] | None
    code_version: str | None
    metrics: Mapping[str, Any] | None
    stage: str
    created_by: str
    created_at: datetime


@dataclass(frozen=True)
class Alias:
    """A name that points at a version: champion, challenger, shadow or previous.

    `share` is the part of the traffic that a challenger answers; `revision` grows with every change; `sha256` is that
    of the version's file, where it has one.
    """

    model: str
    alias: str
    version: str
    share: float
    revision: int
    sha256: str | None


def read_versions(database: Database, model: str) -> tuple[Version, ...]:
    """Return a model's versions, the newest first."""
    c = model_version.c
    query = sa.select(model_version).where(c.model == model).order_by(c.created_at.desc(), c.version.desc())
    with reading(database.engine) as connection:
        return tuple(Version(**row._mapping) for row in connection.execute(query))


def read_version(database: Database, model: str, name: str) -> Version:
    """Return one version of a model.

    Raises
    ------
    ValueError
        If there is no such version.
    """
    with reading(database.engine) as connection:
        found = find_version(connection, model, name)
    if found is None:
        raise ValueError(f"version must be one of model {model!r}; got {name!r}.")
    return found


def read_aliases(database: Database, model: str) -> dict[str, Alias]:
    """Return a model's aliases by name."""
    with reading(database.engine) as connection:
        return read_aliases_within(connection, model)


def read_alias(database: Database, model: str, name: str) -> str | None:
    """Return the version that an alias points at, or None."""
    found = read_aliases(database, model).get(name)
    return found.version if found else None


def read_aliases_within(connection: sa.Connection, model: str) -> dict[str, Alias]:
    """Return a model's aliases by name."""
    of_alias = sa.and_(model_version.c.model == model_alias.c.model, model_version.c.version == model_alias.c.version)
    query = sa.select(model_alias, model_version.c.sha256).outerjoin_from(model_alias, model_version, of_alias)
    rows = connection.execute(query.where(model_alias.c.model == model))
    return {row.alias: Alias(**row._mapping) for row in rows}


def find_version(connection: sa.Connection, model: str, name: str) -> Version | None:
    """Return one version of a model, None if there is none of that name."""
    c = model_version.c
    row = connection.execute(sa.select(model_version).where(c.model == model, c.version == name)).one_or_none()
    return None if row is None else Version(**row._mapping)


def check_champion(connection: sa.Connection, model: str, name: str) -> None:
    """Raise `OtherChampion` unless this version serves; whoever holds the model's row knows that it goes on to."""
    serving = read_aliases_within(connection, model).get("champion")
    if serving is None or serving.version != name:
        raise OtherChampion(f"champion must be {name}; {serving.version if serving else 'none'} serves by now.")
