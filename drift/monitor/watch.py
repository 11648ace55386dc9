"""Watching a model's columns over their life: every look goes on from where the last one left the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drift.data.windows import Column
from drift.life.autocorrelation import autocorrelation_factor
from drift.life.betting import Experts
from drift.life.cells import cells_from
from drift.life.evidence import Watch
from drift.life.intake import RowFeed, follow, resume
from drift.life.ledger import Acknowledgement, AcknowledgementKind, AlarmRecord, Honesty, Kept, Snooze, Stream, newest
from drift.life.replay import MOST_ROWS, N_LIVES, replay
from drift.life.rule import RULE
from drift.monitor.references import PreparedReference, prepare, read_each
from drift.monitor.source import Source, monitored

# Where labels may come, right and wrong predictions and the true classes are streams too: their share is set aside.
LABEL_STREAMS = 2
# Against a reference of fewer values nothing is watched.
MIN_REFERENCE = 50
# Grows when the same rows leave other evidence: what was stored before is then built again from the log.
_FORMAT = 2
_ATTEMPTS = 5
# Of one source. The evidence on 16 columns takes about 100 kB.
_MAX_UNSTORED = 64


@dataclass(frozen=True, eq=False)
class _Unstored:
    """Evidence that could not be stored, and the revision of the model that it holds for."""

    revision: int
    kept: Kept


@dataclass(frozen=True, eq=False)
class Watching:
    """Where every watched stream of a model stands against one reference."""

    kept: Kept

    def alarm(self, stream: str, end: datetime) -> AlarmRecord | None:
        """Return the newest alarm that sounds in a window that ends there."""
        return newest(record for record in self.kept.alarms if record.stream == stream and record.sounds_in(end))

    @property
    def honesty(self) -> Honesty:
        """What the badges rest on."""
        return _honesty(self.kept)


def watch(
    source: Source,
    model: str,
    ready: PreparedReference,
    columns: Sequence[Column],
    *,
    stream: Stream | None = None,
) -> Watching:
    """Take in every complete bucket of rows since a frozen reference that no look has taken in yet.

    Only new rows are read. What cannot be stored (the database is read-only, or busy) stays in memory until the model
    changes: then the next look tries to store again.

    Parameters
    ----------
    ready : the reference
    columns : the monitored columns; one that was registered after the reference was frozen is not watched
    stream : the rows after the reference, where they are not simply those of the source
    """
    revision = source.revision(model)
    known = source.memory.recall(_Unstored, (model, ready.name))
    if known and known.revision == revision:
        return Watching(known.kept)
    kept = _watch_rows(source, model, ready, columns, stream or source.stream(model, ready.name))
    if kept.version < 0:
        source.memory.keep(_Unstored, (model, ready.name), _Unstored(revision, kept), at_most=_MAX_UNSTORED)
    return Watching(kept)


def _watch_rows(
    source: Source, model: str, ready: PreparedReference, columns: Sequence[Column], stream: Stream
) -> Kept:
    ledger = source.ledger(model, ready.name)
    kept = ledger.read()
    if kept is None or kept.rule != _rule():
        kept = ledger.begin(_beginning(source, model, ready, columns))
    watched = _watched(ready, columns, kept)
    if not any(stream.n_after(row_id, RULE.stride) == RULE.stride for row_id in _last_rows(kept, watched)):
        return kept
    if kept.version >= 0:
        kept = ledger.read(states=True) or kept
    return follow(ledger, RowFeed(stream, watched), _watches(ready, watched, kept), kept)


def recomputed(source: Source, model: str, ready: PreparedReference, columns: Sequence[Column], kept: Kept) -> Kept:
    """Return what the log leads to from `kept` on, without storing anything."""
    ledger, watched = source.ledger(model, ready.name), _watched(ready, columns, kept)
    feed = RowFeed(source.stream(model, ready.name), watched)
    return follow(ledger, feed, _watches(ready, watched, kept), replace(kept, version=-1))


def acknowledge_stream(
    source: Source,
    model: str,
    reference: str,
    stream: str,
    *,
    by: str,
    note: str = "",
    kind: AcknowledgementKind = "acknowledged",
    watched: Watch | None = None,
) -> AlarmRecord:
    """Answer the alarm of a column: its scores restart, what was learned is kept, and the alarm stays history.

    Where the drift goes on, the alarm will sound again: only a new reference makes it the new normal.

    Parameters
    ----------
    stream : the column, or another stream whose watch is given
    watched : how a stream is watched that is not a column

    Raises
    ------
    ValueError
        If the column has no alarm that is still open, or nobody says who they are.
    """
    _check_name(by)
    columns = monitored(source, model)
    ready = prepare(source, model, reference, columns)
    ledger = source.ledger(model, reference)
    for _ in range(_ATTEMPTS):
        watch(source, model, ready, columns)
        kept = ledger.read(states=True)
        record = _open_alarm(kept, stream)
        assert kept is not None
        progress = kept.progress.get(stream)
        if progress is None or progress.mark.order < record.mark.order:  # late rows took it back just now
            continue
        how = watched or _watch(ready, stream, kept)
        state = how.restart(resume(how, kept, stream)).to_bytes()
        answer = Acknowledgement(ledger.now(), by, kind, note, progress.mark)
        if ledger.acknowledge(kept, record, answer, replace(progress, score=0.0, life_p=1.0), state):
            return replace(record, acknowledged=answer)
    raise ValueError(f"the alarm of {stream!r} could not be answered: rows keep coming in. Try again.")


def snooze(
    source: Source, model: str, reference: str, stream: str, until: datetime, *, by: str, note: str = ""
) -> AlarmRecord:
    """Let the alarm of a column be amber at most in windows that end by `until`; the evidence goes on.

    Raises
    ------
    ValueError
        If the column has no alarm that is still open, `until` has no zone, or nobody says who they are.
    """
    _check_name(by)
    if until.tzinfo is None:
        raise ValueError(f"until must carry a time zone, such as +00:00; got {until!s}.")
    ledger = source.ledger(model, reference)
    record = _open_alarm(ledger.read(), stream)
    snoozed = Snooze(until, by, note)
    ledger.snooze(record, snoozed)
    return replace(record, snoozed=snoozed)


def replayed(source: Source, model: str, reference: str, *, n_lives: int, most_rows: int) -> Honesty:
    """Replay a frozen reference anew, with as many lives and rows as asked for.

    Raises
    ------
    ValueError
        If the model or the reference is unknown.
    """
    columns = monitored(source, model)
    ready = prepare(source, model, reference, columns)
    return _honesty(_beginning(source, model, ready, columns, n_lives=n_lives, most_rows=most_rows))


def _honesty(kept: Kept) -> Honesty:
    return Honesty(alpha=RULE.alpha, horizon=RULE.horizon, n_streams=kept.n_streams, phi=kept.phi, replay=kept.replay)


def _beginning(
    source: Source,
    model: str,
    ready: PreparedReference,
    columns: Sequence[Column],
    *,
    n_lives: int = N_LIVES,
    most_rows: int = MOST_ROWS,
) -> Kept:
    """Return the start of a life: which streams there are, their phi, and what a healthy replay would have heard."""
    watched = [column for column in columns if column.name in ready.columns]
    read = read_each(lambda some: source.read_reference(model, ready.name, some), watched) if watched else {}
    samples = {name: sample for name, sample in read.items() if not isinstance(sample, Exception)}
    phi = {}
    for name, sample in samples.items():
        reference = ready.columns[name]
        if reference.n - reference.n_missing >= MIN_REFERENCE:
            cells = cells_from(reference)
            phi[name] = autocorrelation_factor(cells, cells.place_reference(sample))
    roles = {column.role for column in source.columns(model)}
    n_streams = len(columns) + (LABEL_STREAMS if roles >= {"prediction", "label"} else 0)
    heard = replay({name: samples[name] for name in phi}, RULE, n_streams, n_lives=n_lives, most_rows=most_rows)
    return Kept(version=-1, rule=_rule(), n_streams=n_streams, phi=phi, replay=heard)


def _rule() -> str:
    """Return what the stored evidence depends on beside the rows."""
    return f"{_FORMAT}: alpha {RULE.alpha}, {RULE.window}/{RULE.stride} of {RULE.horizon}"


def _watched(ready: PreparedReference, columns: Sequence[Column], kept: Kept) -> dict[str, Column]:
    return {column.name: column for column in columns if column.name in kept.phi and column.name in ready.columns}


def _last_rows(kept: Kept, streams: Mapping[str, Column]) -> set[int | None]:
    """Return how far the streams have come, as a rule all equally far."""
    return {kept.progress[name].mark.row_id if name in kept.progress else None for name in streams}


def _watches(ready: PreparedReference, streams: Mapping[str, Column], kept: Kept) -> dict[str, Watch]:
    return {name: _watch(ready, name, kept) for name in streams}


def _watch(ready: PreparedReference, stream: str, kept: Kept) -> Watch:
    """Return how a column is watched, laid through its reference once for as long as that is in memory."""

    def laid() -> Watch:
        cells = cells_from(ready.columns[stream])
        return Watch(cells, Experts.of(cells), kept.phi[stream], RULE, kept.n_streams)

    return ready.memory.once(Watch, (stream, kept.phi[stream], kept.n_streams), laid)


def _open_alarm(kept: Kept | None, stream: str) -> AlarmRecord:
    record = kept.open_alarm(stream) if kept else None
    if record is None:
        names = sorted({a.stream for a in kept.alarms if a.acknowledged is None}) if kept else []
        known = ", ".join(names) or "none has one"
        raise ValueError(f"column must have an alarm that nobody has acknowledged ({known}); got {stream!r}.")
    return record


def _check_name(by: str) -> None:
    if not by.strip():
        raise ValueError(f"by must name the person who decides; got {by!r}.")
