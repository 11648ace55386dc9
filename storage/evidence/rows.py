"""The rows behind a ledger of evidence: what is newest, what is begun afresh, what is kept to go back to."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from drift.life.ledger import FeedName, Kept, Mark, Progress, Replay
from storage.database.schema import alarm, evidence, watch
from storage.evidence.alarms import read_alarms
from storage.models.catalogue import Entry
from storage.references.frozen import Reference

_CHECKPOINT_ROWS = 1_000


def take_turn(connection: sa.Connection, reference: Reference, version: int) -> bool:
    """Compare and set: return whether `version` was the newest; if so, a newer one stands there now."""
    turn = sa.update(watch).where(watch.c.reference_id == reference.id, watch.c.version == version)
    return connection.execute(turn.values(version=version + 1)).rowcount == 1


def read_kept(
    connection: sa.Connection, reference: Reference, *, states: bool = False, from_row: int | None = None
) -> Kept | None:
    """Return what is kept of a reference, None if nothing was begun; `drift.life.ledger.Ledger.read` says more."""
    begun = connection.execute(sa.select(watch).where(watch.c.reference_id == reference.id)).one_or_none()
    if begun is None:
        return None
    c = evidence.c
    edge = sa.func.max if from_row is None else sa.func.min
    among = (c.reference_id == reference.id, *([] if from_row is None else [c.row_id >= from_row]))
    wanted_rows = sa.select(c.stream, edge(c.position).label("position")).where(*among).group_by(c.stream).subquery()
    wanted = [c.stream, c.position, c.mark, c.row_id, c.at, c.score, c.life_p, *([c.state] if states else [])]
    is_wanted = (c.stream == wanted_rows.c.stream) & (c.position == wanted_rows.c.position)
    query = sa.select(*wanted).join(wanted_rows, is_wanted).where(c.reference_id == reference.id).order_by(c.stream)
    rows = connection.execute(query).all()
    return Kept(
        version=begun.version,
        rule=begun.rule,
        n_streams=begun.n_streams,
        phi=begun.phi,
        replay=Replay(**begun.replay) if begun.replay else None,
        progress={row.stream: _progress(row) for row in rows},
        alarms=read_alarms(connection, reference.id),
        states={row.stream: row.state for row in rows} if states else {},
    )


def _progress(row: sa.Row[Any]) -> Progress:
    return Progress(row.stream, row.position, Mark(row.mark, row.row_id, row.at), row.score, row.life_p)


def begin_watch(connection: sa.Connection, entry: Entry, reference: Reference, kept: Kept, version: int) -> None:
    """Start a reference's life afresh; only answered alarms stay."""
    connection.execute(sa.delete(evidence).where(evidence.c.reference_id == reference.id))
    is_open = alarm.c.acknowledged_at.is_(None)
    connection.execute(sa.update(alarm).where(alarm.c.reference_id == reference.id, is_open).values(stale=True))
    connection.execute(sa.delete(watch).where(watch.c.reference_id == reference.id))
    connection.execute(
        sa.insert(watch).values(
            reference_id=reference.id,
            model_id=entry.id,
            version=version,
            rule=kept.rule,
            n_streams=kept.n_streams,
            phi=dict(kept.phi),
            replay=asdict(kept.replay) if kept.replay else None,
        )
    )


def evidence_row(
    entry: Entry, reference: Reference, feed: FeedName, progress: Progress, state: bytes
) -> Mapping[str, Any]:
    """Return the row of one stream's evidence."""
    return {
        "reference_id": reference.id,
        "stream": progress.stream,
        "position": progress.position,
        "model_id": entry.id,
        "feed": feed,
        "mark": progress.mark.order,
        "row_id": progress.mark.row_id,
        "at": progress.mark.at,
        "score": progress.score,
        "life_p": progress.life_p,
        "state": state,
    }


def drop_from(connection: sa.Connection, reference: Reference, stored: Sequence[Progress]) -> None:
    """Make room for evidence that is stored: what stood there or later was of a life that has begun again."""
    c = evidence.c
    first = min(progress.position for progress in stored)
    streams = sorted({progress.stream for progress in stored})
    later = (c.reference_id == reference.id, c.stream.in_(streams), c.position >= first)
    connection.execute(sa.delete(evidence).where(*later))


def place_of(reference: Reference, stream: str, position: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions that find one row of evidence."""
    c = evidence.c
    return c.reference_id == reference.id, c.stream == stream, c.position == position


def thin_out(connection: sa.Connection, reference: Reference, streams: set[str]) -> None:
    """Keep the newest evidence and checkpoints that lie the further apart the older they are."""
    c = evidence.c
    query = sa.select(c.stream, c.position).where(c.reference_id == reference.id).order_by(c.stream, c.position)
    positions: defaultdict[str, list[int]] = defaultdict(list)
    for stream, position in connection.execute(query):
        positions[stream].append(position)
    # Streams that are read together have the same positions: one statement serves them all.
    together: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    for stream in sorted(streams):
        kept = set(checkpoints(positions[stream]))
        together[tuple(position for position in positions[stream] if position not in kept)].append(stream)
    for dropped, names in together.items():
        if dropped:
            gone = sa.delete(evidence).where(c.reference_id == reference.id)
            connection.execute(gone.where(c.stream.in_(names), c.position.in_(dropped)))


def checkpoints(positions: Sequence[int]) -> list[int]:
    """Return which of ascending positions are kept: the last, and the first in each block of rows.

    Blocks are 1,000 rows long and four times longer whenever they lie four times further back, so that they nest.

    Examples
    --------
    >>> checkpoints(range(100, 30_100, 100))
    [100, 16000, 22000, 24000, 28000, 29000, 30000]
    """
    newest = positions[-1]
    first: dict[tuple[int, int], int] = {}
    for position in positions[:-1]:
        size = _CHECKPOINT_ROWS
        while 2 * size < newest - position:
            size *= 4
        first.setdefault((size, position // size), position)
    return [*first.values(), newest]
