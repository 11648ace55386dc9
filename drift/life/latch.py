"""The latched rule: what the alarms of a column make of one window's effects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from drift.data.policy import DriftPolicy, Verdict
from drift.data.windows import Column, TimeSpan, WindowExtent
from drift.life.ledger import AlarmRecord, Kept, Progress, newest
from drift.life.rule import RULE

# Of the values, of the missing share, of what the reference has never seen.
Verdicts = tuple[Verdict, Verdict, Verdict]
# How far values moved (None: too few to compare), how much the missing share changed, the unseen share.
Effects = tuple[float | None, float, float]


@dataclass(frozen=True)
class Standing:
    """Where a column stands at the end of a window.

    `alarm` sounds there; `answered` did, until a person acknowledged it, and `holds_answered` tells whether the window
    still holds rows from before that answer. `score` is the betting score where it is still known, and `n_awaited` is
    not zero while the first bucket since the reference has not filled up: so many rows does it take. `phi` rows carry
    the information of one independent row.
    """

    alarm: AlarmRecord | None = None
    answered: AlarmRecord | None = None
    score: float | None = None
    n_awaited: int = 0
    snoozed: bool = False
    holds_answered: bool = False
    phi: float = 1.0

    def is_blind(self, n: int, n_reference: int, policy: DriftPolicy) -> bool:
        """Return whether so many rows tell as little as fewer independent ones than a window needs."""
        return min(n, n_reference) / self.phi < policy.min_sample


def standings(
    kept: Kept, reference: TimeSpan, extents: Sequence[WindowExtent], columns: Sequence[Column]
) -> list[dict[str, Standing] | None]:
    """Return where every column stands in each window; None for one before the reference, which nothing watches.

    Inside the reference nothing can alarm: its rows are healthy by definition.
    """
    names = [column.name for column in columns if column.name in kept.phi]
    alarms = {name: [record for record in kept.alarms if record.stream == name] for name in names}
    loud = [(name, kept.progress.get(name), alarms[name]) for name in names if alarms[name]]
    calm = [_without_alarm(name, kept.progress.get(name), kept.phi[name]) for name in names if not alarms[name]]
    found: list[dict[str, Standing] | None] = []
    for extent in extents:
        end = extent.end
        if extent.start is None or end is None:
            found.append({})
        elif end <= reference.start:
            found.append(None)
        elif end <= reference.end:
            found.append({})
        else:
            here = {name: after if mark < end else before for name, mark, before, after in calm}
            for name, progress, own in loud:
                here[name] = replace(_standing(progress, own, extent.start, end), phi=kept.phi[name])
            found.append(here)
    return found


def settle(n: int, n_reference: int, effects: Effects, standing: Standing, policy: DriftPolicy) -> Verdicts:
    """Return the verdicts of one column: green without an alarm; with one, the effects decide between amber and red.

    Green is only what would have been heard: where rows repeat each other so much that a window is worth too few
    independent ones, a column without an alarm is grey. An alarm is shown whatever they are worth.

    The largest effect is at least amber as long as an alarm sounds, however small it has become. After an answer, a
    window that still holds the rows of that alarm is amber where its effect is large: it is known, but it is not green.

    Parameters
    ----------
    n, n_reference : rows of the window and of the reference
    """
    if n < policy.min_sample or n_reference < policy.min_sample or standing.n_awaited:
        return "insufficient", "stable", "stable"
    untested = effects[0] is None
    if standing.alarm is None and not standing.holds_answered:
        grey = untested or standing.is_blind(n, n_reference, policy)
        return "insufficient" if grey else "stable", "stable", "stable"
    sizes = [effects[0] or 0.0, *effects[1:]]
    colours: list[Verdict] = ["drift" if size >= policy.min_effect else "stable" for size in sizes]
    if "drift" not in colours and standing.alarm:
        colours[max(range(untested, len(sizes)), key=sizes.__getitem__)] = "warning"
    if standing.snoozed or standing.alarm is None:
        colours = ["warning" if colour == "drift" else colour for colour in colours]
    if untested:
        colours[0] = "insufficient"
    return colours[0], colours[1], colours[2]


def _without_alarm(column: str, progress: Progress | None, phi: float) -> tuple[str, datetime, Standing, Standing]:
    """Return where a column that never alarmed stands in windows that end by an instant, and in later ones."""
    if progress is None:
        awaiting = Standing(n_awaited=RULE.stride)
        return column, datetime.max.replace(tzinfo=UTC), awaiting, awaiting
    return column, progress.mark.at, Standing(phi=phi), Standing(score=progress.score, phi=phi)


def _standing(progress: Progress | None, alarms: Sequence[AlarmRecord], start: datetime, end: datetime) -> Standing:
    """Return where a column stands by its alarms; its score is known as long as it has not moved on since."""
    score = progress.score if progress and progress.mark.at < end else None
    n_awaited = 0 if progress else RULE.stride
    if alarm := newest(record for record in alarms if record.sounds_in(end)):
        snoozed = bool(alarm.snoozed and end <= alarm.snoozed.until)
        return Standing(alarm, None, score, n_awaited, snoozed)
    answered = newest(record for record in alarms if record.acknowledged and record.acknowledged.mark.at < end)
    answer = answered.acknowledged if answered else None
    return Standing(None, answered, score, n_awaited, holds_answered=bool(answer and start <= answer.mark.at))


# Where a column stands that is not watched, or that nothing has ever been said of.
NOWHERE = Standing()
