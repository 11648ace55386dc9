"""How far the trial of a challenger is, as the job's result keeps it from one look to the next."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from retrain.judging.confidence import Evidence
from retrain.judging.guardrails import Guardrail
from retrain.stored import fields_of, interval_of

Phase = Literal["shadow", "canary"]
_MOST_POINTS = 200


@dataclass(frozen=True, kw_only=True)
class Point:
    """What the labels had said after n rows: the difference in accuracy with its interval, and the phase then."""

    n: int
    difference: float
    interval: tuple[float, float]
    at: datetime
    phase: Phase
    share: float

    def plain(self) -> dict[str, Any]:
        """Return the point as the job's result keeps it."""
        return asdict(self) | {"interval": list(self.interval), "at": self.at.isoformat()}

    @classmethod
    def of(cls, values: object) -> "Point":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        found = fields_of(cls, values, "a point of a trial")
        found |= {"interval": interval_of(found["interval"], "interval"), "at": datetime.fromisoformat(found["at"])}
        return cls(**found)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What the last look at a trial found; `n_more` is as in `Evidence`, `history` is in order of the rows."""

    n_scored: int
    n_labelled: int
    difference: float
    n_more: int | None
    interval: tuple[float, float]
    sentence: str
    guardrails: tuple[Guardrail, ...]
    history: tuple[Point, ...]

    def plain(self) -> dict[str, Any]:
        """Return it as the job's result keeps it."""
        parts = {"guardrails": [one.plain() for one in self.guardrails], "history": [p.plain() for p in self.history]}
        return asdict(self) | {"interval": list(self.interval)} | parts

    @classmethod
    def of(cls, values: object) -> "Seen":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        found = fields_of(cls, values, "a look at a trial")
        found["guardrails"] = tuple(Guardrail.of(one) for one in found["guardrails"])
        found["history"] = tuple(Point.of(one) for one in found["history"])
        return cls(**found | {"interval": interval_of(found["interval"], "interval")})


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Where a trial is: whom the challenger answers since when, and what was seen last; None before the first look.

    `since` is when the trial began, `phase_since` when its present share did; `n_canary` counts the answers since.
    """

    phase: Phase
    share: float
    since: datetime
    phase_since: datetime
    n_canary: int
    seen: Seen | None = None

    def plain(self) -> dict[str, Any]:
        """Return the trial as the job's result keeps it: what was seen is not apart from the rest."""
        place: dict[str, Any] = {"phase": self.phase, "share": self.share, "n_canary": self.n_canary}
        place |= {"since": self.since.isoformat(), "phase_since": self.phase_since.isoformat()}
        return place | (self.seen.plain() if self.seen else {})

    @classmethod
    def of(cls, values: object) -> "Trial":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        found = fields_of(cls, values, "a trial")
        found |= {name: datetime.fromisoformat(found[name]) for name in ("since", "phase_since")}
        was_looked_at = isinstance(values, Mapping) and "n_scored" in values
        return cls(**found | {"seen": Seen.of(values) if was_looked_at else None})

    @classmethod
    def of_step(cls, output: Mapping[str, Any]) -> "Trial":
        """Read what a step of the rollout put out: the trial that it found, or under `canary` the one that it began."""
        return cls.of(output.get("canary", output))

    def begun(self, phase: Phase, share: float, at: datetime) -> "Trial":
        """Return the trial at the beginning of its next phase."""
        return replace(self, phase=phase, share=share, phase_since=at, n_canary=0)

    def looked_at(
        self, at: datetime, *, n_scored: int, n_canary: int, evidence: Evidence, guardrails: tuple[Guardrail, ...]
    ) -> "Trial":
        """Return the trial with what a look at it has found."""
        seen = Seen(
            n_scored=n_scored,
            n_labelled=evidence.n,
            difference=evidence.difference,
            n_more=evidence.n_more,
            interval=evidence.interval,
            sentence=evidence.sentence(),
            guardrails=guardrails,
            history=self._history(at, evidence),
        )
        return replace(self, n_canary=n_canary, seen=seen)

    def _history(self, at: datetime, evidence: Evidence) -> tuple[Point, ...]:
        """Return how the evidence grew: a point for each look with more labelled rows, thinned as it grows long."""
        known = self.seen.history if self.seen else ()
        if evidence.n > (known[-1].n if known else 0):
            numbers: dict[str, Any] = {"n": evidence.n, "difference": evidence.difference}
            known += (Point(**numbers, interval=evidence.interval, at=at, phase=self.phase, share=self.share),)
        return known[::2] + known[-1:] if len(known) > _MOST_POINTS else known
