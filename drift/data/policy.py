"""From evidence to a verdict."""

import math
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["insufficient", "stable", "warning", "drift", "error"]
# The worst first: how boards and column tables are sorted.
WORST_FIRST: tuple[Verdict, ...] = ("drift", "warning", "error", "insufficient", "stable")


@dataclass(frozen=True, kw_only=True)
class DriftPolicy:
    """What turns an adjusted p-value and an effect size into a verdict.

    `min_sample` is the number of rows below which a window says nothing.
    """

    alpha: float = 0.01
    min_effect: float = 0.1
    min_sample: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha must be between 0 and 1; got {self.alpha}.")
        if not 0 <= self.min_effect <= 1:
            raise ValueError(f"min_effect must be between 0 and 1; got {self.min_effect}.")
        if self.min_sample < 1:
            raise ValueError(f"min_sample must be at least 1; got {self.min_sample}.")

    def verdict(self, adjusted_p_value: float, effect_size: float) -> Verdict:
        """Alarm on a difference that is unlikely by chance: amber when it is small, red when it matters.

        Raises
        ------
        ValueError
            If a value is NaN.

        Examples
        --------
        >>> policy = DriftPolicy()
        >>> policy.verdict(1e-9, 0.3), policy.verdict(1e-9, 0.02), policy.verdict(0.2, 0.3)
        ('drift', 'warning', 'stable')
        """
        if math.isnan(adjusted_p_value) or math.isnan(effect_size):
            # NaN > alpha is False either way round: a badge must not rest on it.
            raise ValueError(f"p-value and effect size must be numbers; got {adjusted_p_value} and {effect_size}.")
        if adjusted_p_value > self.alpha:
            return "stable"
        return "drift" if effect_size >= self.min_effect else "warning"


DEFAULT_POLICY = DriftPolicy()
