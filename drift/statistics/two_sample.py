"""What a test of two samples of one column found: whether they differ by more than chance, and by how much."""

from dataclasses import dataclass
from typing import Literal

# "none" stands where there was too little to test.
Test = Literal["ks", "chi2", "constant", "none"]
# What tests of many windows give as arrays.
NUMBERS = ("statistic", "p_value", "log10_p", "effect_size")


@dataclass(frozen=True)
class TwoSampleResult:
    """A test of one column.

    Attributes
    ----------
    test : which one
    statistic : float
        KS distance or Pearson's chi-squared.
    p_value, log10_p : float
        0 to 1, and its decimal logarithm, which stays finite where the p-value underflows.
    effect_size : float
        The KS distance or the total variation (`drift.statistics.effects.moved_share`), 0 to 1 and free of sample size.
    df : int
        Degrees of freedom; 0 for what has none.
    location : float
        The value where the KS distance occurs; NaN for categories.
    """

    test: Test
    statistic: float
    p_value: float
    log10_p: float
    effect_size: float
    df: int = 0
    location: float = float("nan")
