"""What a retrain job is asked to do."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Rollout = Literal["canary", "direct"]


@dataclass(frozen=True, kw_only=True)
class RetrainParams:
    """The settings of a retrain job, as its row keeps them.

    Attributes
    ----------
    recipe : `text`, `tabular` or a user's own `module:function`; None is the champion's
    window_rows : how many of the newest labelled rows are collected
    holdout_share : the newest part of them, on which champion and challenger are compared
        Small, because what has drifted is recent too: a challenger that sees none of it cannot learn it.
    min_rows, min_class_rows : fewer labelled rows since the last training, in all or of a class, are refused
    cool_down_hours : no second training within so many hours
    override : train all the same within the cool-down; the audit says so
    max_loss : the challenger may be worse by so much at the lower end of the interval
    other_approver : the approval must come from another person than the one who asked
    needs_approval : False lets a challenger that passes every check go on without a person
    rollout : `canary` tries the challenger on live requests first, `direct` lets it serve at once
        None: a canary where requests were answered through POST /predict lately.
    min_answers : so many requests in the shadow phase, and so many of the canary's answers at each share
    min_labelled : no canary is promoted on fewer labelled rows
    look_seconds : how often a trial is looked at
    """

    recipe: str | None = None
    window_rows: int = 20_000
    holdout_share: float = 0.1
    min_rows: int = 500
    min_class_rows: int = 50
    cool_down_hours: float = 24.0
    override: bool = False
    max_loss: float = 0.01
    other_approver: bool = False
    needs_approval: bool = True
    rollout: Rollout | None = None
    min_answers: int = 200
    min_labelled: int = 300
    look_seconds: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        at_least = {"window_rows": 10, "min_rows": 10, "min_class_rows": 1, "cool_down_hours": 0}
        at_least |= {"min_answers": 1, "min_labelled": 1, "look_seconds": 0}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}; got {getattr(self, name)}.")
        for name, most in {"holdout_share": 0.9, "max_loss": 0.5}.items():
            if not 0 < getattr(self, name) <= most:
                raise ValueError(f"{name} must be above 0 and at most {most}; got {getattr(self, name)}.")
        if self.rollout not in (None, *get_args(Rollout)):
            raise ValueError(f"rollout must be canary or direct; got {self.rollout!r}.")
        if self.min_rows > self.window_rows:
            raise ValueError(f"min_rows must be at most window_rows ({self.window_rows}); got {self.min_rows}.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any] | None) -> "RetrainParams":
        """Read what a job's row holds; what is absent keeps its default.

        Raises
        ------
        ValueError
            If a name is unknown or a value not allowed.

        Examples
        --------
        >>> RetrainParams.from_mapping({"window_rows": 5_000}).window_rows
        5000
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values or {}) - known):
            raise ValueError(f"params must be of {', '.join(sorted(known))}; got {', '.join(unknown)}.")
        return cls(**(values or {}))

    def to_mapping(self) -> dict[str, Any]:
        """Return the settings as a job's row keeps them."""
        return asdict(self)
