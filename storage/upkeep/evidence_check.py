"""Builds the evidence on watched columns again from the log, and checks that the log leads to what is stored."""

from dataclasses import replace

import sqlalchemy as sa

from drift.life.ledger import Kept
from drift.monitor.references import prepare
from drift.monitor.source import monitored
from drift.monitor.watch import recomputed, watch
from storage.database import schema
from storage.database.engine import writing
from storage.evidence.ledger import mark_labels_stale, mark_stale
from storage.log import PredictionLog
from storage.models.catalogue import read_entry, reading_model


def rebuild_evidence(log: PredictionLog, model: str) -> int:
    """Drop the evidence on a model and build it again from its log; return how many references are watched.

    What people answered stays. Where retention has removed rows, what rests on them cannot be read again: evidence from
    labels stays, and that from rows up to the first checkpoint behind the rows that are gone.
    """
    watched = [name for name in _references(log, model) if log.ledger(model, name).read() is not None]
    is_whole, border = not log.n_retired(model), _first_row(log, model)
    first = border if is_whole else _first_checkpoint(log, model, watched, border)
    with writing(log.engine) as connection:
        entry = read_entry(connection, model, lock=True)
        if first is not None:
            mark_stale(connection, entry.id, first if is_whole else first + 1)
        if is_whole:
            mark_labels_stale(connection, entry.id, schema.EPOCH)
    columns = monitored(log, model)
    for name in watched:
        watch(log, model, prepare(log, model, name, columns), columns)
    return len(watched)


def verify_evidence(log: PredictionLog, model: str) -> list[str]:
    """Return the streams, as "reference: column", whose stored evidence is not what the log leads to, byte by byte.

    From the first row on; after retention, from the first checkpoint behind the rows that are gone.
    """
    columns, border = monitored(log, model), _first_row(log, model)
    wrong = []
    for name in _references(log, model):
        ledger = log.ledger(model, name)
        if ledger.read() is None:
            continue
        ready = prepare(log, model, name, columns)
        watch(log, model, ready, columns)
        stored, oldest = ledger.read(states=True), ledger.read(states=True, from_row=border)
        if stored is None or oldest is None:
            continue
        start = oldest if log.n_retired(model) else replace(oldest, progress={}, states={})
        found = recomputed(log, model, ready, columns, start)
        wrong += [f"{name}: {stream}" for stream in stored.phi if not _same(stored, found, stream)]
    return wrong


def _same(stored: Kept, found: Kept, stream: str) -> bool:
    """Return whether two ways to the same rows lead to the same bytes and alarms."""
    if stream not in stored.progress or stream not in found.progress:
        return (stream in stored.progress) == (stream in found.progress)
    if stored.progress[stream].position != found.progress[stream].position:
        return True  # rows came in between
    alarms = [{record for record in kept.alarms if record.stream == stream} for kept in (stored, found)]
    return stored.states[stream] == found.states[stream] and alarms[0] == alarms[1]


def _references(log: PredictionLog, model: str) -> list[str]:
    return [reference.name for reference in log.references(model)]


def _first_row(log: PredictionLog, model: str) -> int:
    with reading_model(log, model) as opened:
        return opened.connection.execute(sa.select(sa.func.min(opened.layout.table.c.id))).scalar() or 0


def _first_checkpoint(log: PredictionLog, model: str, references: list[str], border: int) -> int | None:
    """Return the row that the first checkpoint of every column behind a row rests on; None where there is none."""
    kept = [log.ledger(model, name).read(from_row=border) for name in references]
    marks = [part.progress[name].mark.row_id for part in kept if part for name in part.phi if name in part.progress]
    return max(marks, default=None)
