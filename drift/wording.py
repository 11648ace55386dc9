"""Findings in words: what a column report and a board say to people."""

from collections.abc import Sequence

import numpy as np

from drift.effects import shift_in_sd, smallest_visible_distance
from drift.policy import Verdict
from drift.smirnov import SMALLEST_P
from drift.two_sample import Test

_LONGEST_NAME = 40
_MOVERS = 2


def p_text(p_value: float) -> str:
    """Print a p-value as people compare them: never 0.00.

    Examples
    --------
    >>> p_text(0.0431), p_text(4.1e-9), p_text(0.0)
    ('0.043', '4.1e-09', '< 1e-300')
    """
    if p_value < SMALLEST_P:
        return "< 1e-300"
    return f"{p_value:.2g}" if p_value >= 1e-4 else f"{p_value:.1e}"


def p_phrase(p_value: float) -> str:
    """Put a p-value into a sentence: `p 0.043`, `p < 1e-300`."""
    return f"p {p_text(p_value)}"


def share_text(share: float) -> str:
    """Print a share in percent, with a decimal where it is small.

    Examples
    --------
    >>> share_text(0.523), share_text(0.0123), share_text(0.00004)
    ('52 %', '1.2 %', '< 0.1 %')
    """
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{share:.0%}".replace("%", " %") if share >= 0.0995 or share == 0 else f"{share:.1%}".replace("%", " %")


def number_text(value: float) -> str:
    """Print a value of a column.

    Examples
    --------
    >>> number_text(27263.5), number_text(0.54), number_text(3.0e9)
    ('27,264', '0.54', '3e+09')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e7 else f"{value:.4g}"


def short(name: str) -> str:
    """Quote a category, cut to a readable length and without what would steer a terminal."""
    name = "".join(character if character.isprintable() else "�" for character in name)
    return f"'{name}'" if len(name) <= _LONGEST_NAME else f"'{name[: _LONGEST_NAME - 1]}…'"


def ks_moved(location: float, reference_share: float, current_share: float) -> str:
    """Say where two distribution functions are furthest apart."""
    before = f"{share_text(reference_share)} of reference values were <= {number_text(location)}"
    return f"{before}, now {share_text(current_share)}"


def categories_moved(
    names: Sequence[str], reference_shares: np.ndarray, current_shares: np.ndarray, effect_size: float
) -> str:
    """Say how much traffic changed its category (rare ones taken together, as tested), and the largest movers."""
    change = 100 * (current_shares - reference_shares)
    largest = np.argsort(-np.abs(change), kind="stable")[:_MOVERS]
    movers = ", ".join(f"{short(names[k])} {change[k]:+.1f}" for k in largest if change[k])
    moved = f"{100 * effect_size:.1f} points of traffic moved"
    return f"{moved} ({movers})" if movers else moved


def missing_moved(reference_share: float, current_share: float) -> str:
    """Say how the share of missing values changed."""
    verb = "rose" if current_share > reference_share else "fell"
    return f"missing values {verb} from {share_text(reference_share)} to {share_text(current_share)} of rows"


def unseen_found(share: float, categories: Sequence[tuple[str, int]]) -> str:
    """Say which values the reference did not hold."""
    found = ", ".join(f"{short(name)} ({count:,} rows)" for name, count in categories[:3])
    return f"{share_text(share)} of values are unseen in the reference: {found}"


def too_few(n: int, min_sample: int, n_reference: int, alpha: float, df: int) -> str:
    """Say that rows are too few, and what could be seen with them."""
    said = f"Not enough data: {n:,} of {min_sample:,} rows"
    if n == 0:
        return said + "."
    visible = smallest_visible_distance(n_reference, n, alpha, df)
    if df:
        return f"{said}; with these, only {100 * visible:.0f} points of moved traffic could be told from chance."
    shift = shift_in_sd(visible)
    return (
        f"{said}; with these, only a KS distance above {visible:.2f} "
        f"(a shift of {shift:.1f} standard deviations) could be told from chance."
    )


def value_finding(test: Test, said: str, effect_size: float, adjusted_p: float, verdict: Verdict) -> str:
    """Say what the test of a column's values found."""
    if test in ("none", "constant"):
        return said
    distance = f"KS distance {effect_size:.2f}" if test == "ks" else f"{100 * effect_size:.1f} points of traffic moved"
    chance = f"adjusted {p_phrase(adjusted_p)}"
    if verdict == "stable":
        return f"within chance: {distance}, {chance}"
    found = f"{said} ({distance}, {chance})" if test == "ks" else f"{said}, {chance}"
    return found if verdict == "drift" else f"small but beyond chance: {found}"


def sentences(findings: Sequence[str]) -> str:
    """Turn findings into sentences, each with its capital and full stop."""
    return " ".join(f"{finding[0].upper()}{finding[1:].rstrip('.')}." for finding in findings)
