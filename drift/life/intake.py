"""Takes buckets of rows into the evidence of their streams, from where it stands in a ledger, and stores it there."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Protocol

import numpy as np

from drift.data.windows import Column
from drift.life.abreast import advance_abreast
from drift.life.evidence import Evidence, Watch, advance
from drift.life.ledger import AlarmRecord, Buckets, FeedName, Kept, Ledger, Mark, Progress, Stream

# While catching up: a numeric column of so many buckets of 100 rows is 400 kB.
BUCKETS_AT_ONCE = 512
# How many buckets before the end of what was read at once evidence is stored too.
CHECKPOINTS = (0, 10, 40, 160)


class Feed(Protocol):
    """Where the buckets of some streams come from, in an order that as a rule grows at its end only."""

    @property
    def name(self) -> FeedName: ...

    def buckets(self, watches: Mapping[str, Watch], after: Mark | None, n: int) -> Buckets:
        """Return up to n complete buckets after a row; a stream that cannot be read is left out.

        Parameters
        ----------
        watches : by name of a stream
            What cells each is counted in.
        after : Mark or None
            The row; None for the last one of the reference.
        n : int
            How many at most.

        Returns
        -------
        Buckets
            Fewer than n where no more are complete.
        """

    def instant_before(self, mark: Mark, n_rows: int) -> datetime:
        """Return when the row came that lies so many rows before another."""


@dataclass(frozen=True, eq=False)
class RowFeed:
    """The columns of a model in the time order of its rows, each a stream under its own name."""

    stream: Stream
    columns: Mapping[str, Column]
    name: FeedName = "rows"

    def buckets(self, watches: Mapping[str, Watch], after: Mark | None, n: int) -> Buckets:
        """Count the rows after a row into the cells of each column.

        Returns
        -------
        Buckets
            Complete ones only, at most n; `orders` are row ids.
        """
        stride = min(watch.rule.stride for watch in watches.values())
        wanted = [self.columns[name] for name in watches]
        rows = self.stream.rows_after(after.row_id if after else None, n * stride, wanted)
        counts = {
            name: watch.cells.counts(sample, stride)
            for name, watch in watches.items()
            if not isinstance(sample := rows.samples[name], Exception)
        }
        ends = slice(stride - 1, None, stride)
        return Buckets(counts, rows.ids[ends], rows.ids[ends], rows.micros[ends])

    def instant_before(self, mark: Mark, n_rows: int) -> datetime:
        """Return when the row came that lies so many rows before another."""
        return self.stream.instant_before(mark.row_id, n_rows)


def follow(ledger: Ledger, feed: Feed, watches: Mapping[str, Watch], kept: Kept) -> Kept:
    """Take in every complete bucket that is not yet taken in, storing as it goes, and return what is known then.

    Whoever looks and however often, the same rows leave the same bytes. If another process has stored in the meantime,
    or nothing can be stored, the work goes on in memory: the answer is the same.
    """
    kept = _without(kept, [name for name, watch in watches.items() if not _fits(watch, kept, name)])
    together: defaultdict[Mark | None, list[str]] = defaultdict(list)
    for name in watches:
        together[_mark(kept, name)].append(name)
    for mark, names in together.items():
        kept = _follow_from(mark, ledger, feed, {name: watches[name] for name in names}, kept)
    return kept


def resume(watch: Watch, kept: Kept, stream: str) -> Evidence:
    """Return the evidence on a stream as it was stored."""
    if stream not in kept.progress:
        return watch.start()
    mark = kept.progress[stream].mark
    sounding = [record for record in kept.alarms if record.stream == stream and record.sounds_after(mark)]
    newest = max(sounding, key=lambda record: record.mark.order, default=None)
    return watch.from_bytes(kept.states[stream], newest.alarm if newest else None)


def _fits(watch: Watch, kept: Kept, stream: str) -> bool:
    try:
        resume(watch, kept, stream)
    except ValueError:  # stored by a release that bet otherwise
        return False
    return True


def _without(kept: Kept, streams: Sequence[str]) -> Kept:
    """Forget how far some streams have come: they begin again after the reference."""
    return replace(
        kept,
        progress={name: progress for name, progress in kept.progress.items() if name not in streams},
        alarms=tuple(record for record in kept.alarms if record.acknowledged or record.stream not in streams),
    )


def _mark(kept: Kept, stream: str) -> Mark | None:
    return kept.progress[stream].mark if stream in kept.progress else None


def _follow_from(mark: Mark | None, ledger: Ledger, feed: Feed, watches: Mapping[str, Watch], kept: Kept) -> Kept:
    evidence = {name: resume(watch, kept, name) for name, watch in watches.items()}
    answered = {name: _answers_after(mark, kept, name) for name in watches}
    while watches:
        taken = feed.buckets(watches, mark, BUCKETS_AT_ONCE)
        if not len(taken):
            break
        mark = taken.mark(-1)
        watches = {name: watch for name, watch in watches.items() if name in taken.counts}
        stored, sounded = [], []
        for first, stop in pairwise([0, *_stops(len(taken))]):
            at, orders = taken.mark(stop - 1), taken.orders[first:stop]
            counts = {name: taken.counts[name][first:stop] for name in watches}
            ready = advance_abreast(watches, evidence, counts) if stop - first == 1 else {}
            for name, watch in watches.items():
                if name in ready and not answered[name]:
                    evidence[name], bucket = ready[name], None
                else:
                    evidence[name], bucket = _take_in(watch, evidence[name], answered[name], counts[name], orders)
                answered[name] = [order for order in answered[name] if order > at.order]
                stored.append(_progress(name, evidence[name], at))
                if bucket is not None:
                    sounded.append(_record(name, evidence[name], taken.mark(first + bucket), feed))
        kept = _store(ledger, feed, kept, stored, sounded)
        if len(taken) < BUCKETS_AT_ONCE:
            break
    return kept


def _stops(n: int) -> list[int]:
    """Return after which of n buckets the evidence is stored: a late row is taken up from one of these."""
    return sorted({n - before for before in CHECKPOINTS if before < n})


def _answers_after(mark: Mark | None, kept: Kept, stream: str) -> list[int]:
    """Return after which rows a person restarted the scores, as far as that is still to come."""
    answers = [a.acknowledged.mark.order for a in kept.alarms if a.stream == stream and a.acknowledged]
    return sorted(order for order in answers if mark is None or order > mark.order)


def _take_in(
    watch: Watch, evidence: Evidence, answers: Sequence[int], counts: np.ndarray, orders: np.ndarray
) -> tuple[Evidence, int | None]:
    """Advance over buckets and restart where a person did; return the bucket at which a new alarm sounds, if any.

    An alarm that a person answered later is history already, wherever it sounds when late rows move it a little.
    """
    first = 0
    for answer in answers:
        stop = int(np.searchsorted(orders, answer)) + 1
        evidence = advance(watch, evidence, counts[first:stop]).evidence
        if stop > len(orders):
            return evidence, None
        evidence, first = watch.restart(evidence), stop
    after = advance(watch, evidence, counts[first:]).evidence
    if after.alarm is None or evidence.alarm is not None:
        return after, None
    return after, first + (after.alarm.row - evidence.n) // watch.rule.stride - 1


def _record(stream: str, evidence: Evidence, mark: Mark, feed: Feed) -> AlarmRecord:
    alarm = evidence.alarm
    assert alarm is not None
    return AlarmRecord(stream, alarm, mark, feed.instant_before(mark, alarm.row - alarm.onset - 1))


def _progress(stream: str, evidence: Evidence, mark: Mark) -> tuple[Progress, bytes]:
    return Progress(stream, evidence.n, mark, evidence.score, evidence.life_p), evidence.to_bytes()


def _store(
    ledger: Ledger,
    feed: Feed,
    kept: Kept,
    stored: Sequence[tuple[Progress, bytes]],
    sounded: Sequence[AlarmRecord],
) -> Kept:
    if not stored:
        return kept
    version = ledger.write(kept, feed.name, stored, sounded) if kept.version >= 0 else None
    return replace(
        kept,
        version=-1 if version is None else version,
        progress={**kept.progress, **{progress.stream: progress for progress, _ in stored}},
        states={**kept.states, **{progress.stream: state for progress, state in stored}},
        alarms=(*kept.alarms, *sounded),
    )
