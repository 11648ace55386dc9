"""What each step of a job puts out, as later steps and people read it; stored as JSON, and read back with its types."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from retrain.judging.evaluation import Comparison
from retrain.judging.guardrails import ScoreShares
from retrain.judging.slices import Slice
from retrain.params import Rollout
from retrain.steps.trial import Trial
from retrain.stored import fields_of
from storage.jobs.job_rows import Registered


class Output(Protocol):
    """What a step puts out."""

    def plain(self) -> dict[str, Any]:
        """Return it as the step's row keeps it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Prechecked:
    """What a job may begin with: the recipe, the version that serves, and the new labelled rows of each class.

    An older release stored no way of the rollout: it knew only the direct one.
    """

    recipe: str
    champion: str
    labels: Mapping[str, int]
    rollout: Rollout = "direct"
    rollout_why: str = ""

    def plain(self) -> dict[str, Any]:
        """Return it as the step's row keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, values: object) -> "Prechecked":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        return cls(**fields_of(cls, values, "precheck"))


@dataclass(frozen=True, kw_only=True)
class Collected:
    """The rows that every later step reads: n of them in a file, `start <= predicted_at < end`.

    `labels` counts the rows of each class, `left_out` those that were not taken, by the reason.
    """

    file: str
    sha256: str
    n: int
    start: datetime
    end: datetime
    labels: Mapping[str, int]
    left_out: Mapping[str, int]

    def plain(self) -> dict[str, Any]:
        """Return it as the step's row keeps it."""
        return asdict(self) | {"start": self.start.isoformat(), "end": self.end.isoformat()}

    @classmethod
    def of(cls, values: object) -> "Collected":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        found = fields_of(cls, values, "collect")
        return cls(**found | {name: datetime.fromisoformat(found[name]) for name in ("start", "end")})


@dataclass(frozen=True, kw_only=True)
class Validated:
    """What the collected rows look like: shares from 0 to 1, delays of the labels in seconds (median, 95 %)."""

    duplicates_share: float
    median_label_delay_seconds: float
    slowest_label_delay_seconds: float
    missing_shares: Mapping[str, float]

    def plain(self) -> dict[str, Any]:
        """Return it as the step's row keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, values: object) -> "Validated":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        return cls(**fields_of(cls, values, "validate"))


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The challenger's model file, and what it was trained on: n rows before `data_end`."""

    uri: str
    sha256: str
    recipe: str
    n: int
    features: tuple[str, ...]
    classes: tuple[str, ...]
    data_end: datetime

    def plain(self) -> dict[str, Any]:
        """Return it as the step's row keeps it."""
        lists = {"features": list(self.features), "classes": list(self.classes)}
        return asdict(self) | lists | {"data_end": self.data_end.isoformat()}

    @classmethod
    def of(cls, values: object) -> "Trained":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        found = fields_of(cls, values, "train")
        found |= {name: tuple(found[name]) for name in ("features", "classes")}
        return cls(**found | {"data_end": datetime.fromisoformat(found["data_end"])})


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """Champion and challenger on the same held-out rows, in all and by part, the worst part first.

    `compared_with` is the version that served. `score_shares` is how the scores of a challenger that passes are
    spread; None where it does not pass, or knows no probabilities. An older release compared no parts.
    """

    comparison: Comparison
    compared_with: str
    held_out_start: datetime
    held_out_end: datetime
    sentence: str
    slices: tuple[Slice, ...] = ()
    rollout: Rollout = "direct"
    score_shares: ScoreShares | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as the step's row and the job's result keep it: the comparison is not apart from the rest."""
        found = self.comparison.plain()
        found["champion"] |= {"version": self.compared_with}
        found |= {"held_out_start": self.held_out_start.isoformat(), "held_out_end": self.held_out_end.isoformat()}
        found |= {"slices": [one.plain() for one in self.slices], "rollout": self.rollout, "sentence": self.sentence}
        return found | ({"score_shares": self.score_shares.plain()} if self.score_shares else {})

    @classmethod
    def of(cls, values: object) -> "Evaluated":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        comparison = Comparison.of(values)
        assert isinstance(values, Mapping)  # else it would hold no comparison
        version = fields_of(_Named, values["champion"], "the scores of the champion")["version"]
        found = fields_of(cls, {**values, "comparison": comparison, "compared_with": version}, "evaluate")
        found |= {name: datetime.fromisoformat(found[name]) for name in ("held_out_start", "held_out_end")}
        found["slices"] = tuple(Slice.of(one) for one in found.get("slices", ()))
        shares = found.get("score_shares")
        return cls(**found | {"score_shares": ScoreShares.of(shares) if shares else None})


@dataclass(frozen=True)
class _Named:
    version: str


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """The version that serves now, and what is compared with it later; None where it brings no reference."""

    version: str
    reference: str | None = None
    n_reference: int | None = None
    n_held_out: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return it as the step's row keeps it; `reference` is known only once the version serves."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, values: object) -> "Promoted":
        """Read what `plain` returned; a field that is absent is a ValueError."""
        return cls(**fields_of(cls, values, "promote"))


def refused(output: Mapping[str, Any], why: str) -> dict[str, Any]:
    """Return what the row of a step keeps that ends its job: as far as it came, and why."""
    return {**output, "why": why}


def refusal(output: Mapping[str, Any] | None) -> str | None:
    """Return why a step ended its job; None of one that did not. What else it had found out stands beside it."""
    why = (output or {}).get("why")
    return None if why is None else str(why)


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """What a job has come to so far: a part is None until a step has found it out.

    `version` is the registered challenger's.
    """

    version: str | None = None
    evaluated: Evaluated | None = None
    trial: Trial | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> "JobResult":
        """Read the result of a job's row; of a part that was begun, a field that is absent is a ValueError."""
        found = values or {}
        return cls(
            version=Registered.of(found).version,
            evaluated=Evaluated.of(found) if found.get("champion") else None,
            trial=Trial.of(found["canary"]) if found.get("canary") else None,
        )
