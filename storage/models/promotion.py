"""Which version serves: what is promoted, on trial, withdrawn and brought back."""

from typing import Any

import sqlalchemy as sa

from storage.database.audit import append_audit
from storage.database.clock import now
from storage.database.driver import insert_or_update
from storage.database.engine import Database, writing
from storage.database.schema import model as model_table
from storage.database.schema import model_alias, model_version, retrain_job
from storage.models.catalogue import read_entry
from storage.models.registry import IMPORTED, OtherChampion, find_version, read_aliases_within


def promote_version(database: Database, model: str, name: str, by: str, note: str) -> str | None:
    """Let any version serve that was kept, such as one that was rolled back too soon; return the one it replaces.

    Like a roll back it waits for no job: one that compares with the old champion finds out and ends.

    Raises
    ------
    ValueError
        If there is no such version, it serves already or its job is still open, or no name or no reason is given.
    """
    for field, value in {"by": by, "note": note}.items():
        if not value.strip():
            raise ValueError(f"{field} must be given; got nothing.")
    with writing(database.engine) as connection:
        read_entry(connection, model, lock=True)
        found = find_version(connection, model, name)
        if found is None:
            raise ValueError(f"version must be one of model {model!r}; got {name!r}.")
        current = read_aliases_within(connection, model).get("champion")
        if current is not None and current.version == name:
            raise ValueError(f"version must be another than the one that serves; got {name!r}.")
        c = retrain_job.c
        # The job would find another champion than the one that it compared with, and withdraw what serves.
        if connection.execute(sa.select(c.id).where(c.id == found.job_id, c.active_model == model)).first():
            raise ValueError(f"version must not be that of an open job; decide job {found.job_id} instead.")
        promote(connection, model, name, by, note=note)
        return current.version if current else None


# What follows runs inside a caller's transaction, together with the step or decision that it belongs to.


def promote(
    connection: sa.Connection,
    model: str,
    name: str,
    by: str,
    *,
    replaces_imported: bool = True,
    instead_of: str | None = None,
    **detail: Any,
) -> None:
    """Let a version serve; the champion that it replaces is kept as `previous`.

    Parameters
    ----------
    replaces_imported : without a champion so far, the model behind the imported predictions is the one replaced
    instead_of : the champion that this version was compared with; None where any may be replaced

    Raises
    ------
    OtherChampion
        If another version than `instead_of` serves by now.
    """
    # One change of the champion after the other, whoever makes it.
    read_entry(connection, model, lock=True)
    current = read_aliases_within(connection, model)
    old = current["champion"].version if "champion" in current else None
    if old == name:
        return
    if instead_of not in (None, old or IMPORTED):
        raise OtherChampion(f"{name} was compared with {instead_of}, but {old or IMPORTED} serves by now.")
    if old is None and replaces_imported:
        old = _imported(connection, model)
    if old is not None:
        write_alias(connection, model, "previous", old)
        _set_stage(connection, model, old, "retired")
    write_alias(connection, model, "champion", name)
    _set_stage(connection, model, name, "champion")
    # A version that is on trial against the old champion is not on trial against this one.
    for trial in ("challenger", "shadow"):
        _drop_alias(connection, model, trial, current[trial].version if trial in current else name)
    _note_change(connection, model)
    append_audit(connection, by, "promote", model, version=name, replaces=old, **detail)


def begin_trial(connection: sa.Connection, model: str, name: str, alias_name: str, share: float, by: str) -> None:
    """Let a version answer a share of the traffic (challenger), or score all of it unseen (shadow)."""
    write_alias(connection, model, alias_name, name, share)
    _drop_alias(connection, model, "shadow" if alias_name == "challenger" else "challenger", name)
    _set_stage(connection, model, name, "canary" if alias_name == "challenger" else "shadow")
    append_audit(connection, by, "rollout", model, version=name, alias=alias_name, share=share)


def withdraw(connection: sa.Connection, model: str, name: str, by: str, **detail: Any) -> None:
    """Take a version out of every trial; the champion answers everything again."""
    for trial in ("challenger", "shadow"):
        _drop_alias(connection, model, trial, name)
    _set_stage(connection, model, name, "withdrawn")
    append_audit(connection, by, "withdraw", model, version=name, **detail)


def restore_previous(connection: sa.Connection, model: str, by: str, **detail: Any) -> tuple[str, str] | None:
    """Let the previous champion serve again; return (restored, rolled back), or None without a previous one."""
    read_entry(connection, model, lock=True)
    current = read_aliases_within(connection, model)
    if "previous" not in current:
        return None
    restored, bad = current["previous"].version, current["champion"].version
    write_alias(connection, model, "champion", restored)
    # A second click must not bring the bad version back.
    _drop_alias(connection, model, "previous", restored)
    _set_stage(connection, model, restored, "champion")
    _set_stage(connection, model, bad, "rolled_back")
    _note_change(connection, model)
    append_audit(connection, by, "roll back", model, version=bad, restored=restored, **detail)
    return restored, bad


def write_alias(connection: sa.Connection, model: str, name: str, version: str, share: float = 1.0) -> None:
    """Point an alias at a version of the model."""
    if find_version(connection, model, version) is None:
        raise ValueError(f"version must be one of model {model!r}; got {version!r}.")
    row = {"model": model, "alias": name, "version": version, "share": share}
    changes = {"version": version, "share": share, "revision": model_alias.c.revision + 1}
    connection.execute(insert_or_update(connection, model_alias, row, changes))


def _imported(connection: sa.Connection, model: str) -> str:
    """Give the model behind imported predictions a version of its own, so that a roll back can name it."""
    if find_version(connection, model, IMPORTED) is None:
        row = {"model": model, "version": IMPORTED, "stage": "champion", "created_by": IMPORTED}
        connection.execute(sa.insert(model_version).values(row | {"created_at": now(connection)}))
    return IMPORTED


def _note_change(connection: sa.Connection, model: str) -> None:
    """Tell every cache: what the model's windows are compared with follows its champion."""
    c = model_table.c
    connection.execute(sa.update(model_table).where(c.name == model).values(revision=c.revision + 1))


def _set_stage(connection: sa.Connection, model: str, name: str, stage: str) -> None:
    c = model_version.c
    connection.execute(sa.update(model_version).where(c.model == model, c.version == name).values(stage=stage))


def _drop_alias(connection: sa.Connection, model: str, name: str, version: str) -> None:
    c = model_alias.c
    connection.execute(sa.delete(model_alias).where(c.model == model, c.alias == name, c.version == version))
