"""Findings in words: what a column report and a board say to people."""

import math
from collections.abc import Mapping, Sequence

from drift.data.policy import DriftPolicy, Verdict
from drift.life.evidence import Alarm
from drift.life.ledger import Acknowledgement, AlarmRecord, Honesty, Snooze
from drift.statistics.effects import Mover, Rate
from drift.statistics.ks_p_values import SMALLEST_P
from drift.statistics.power import shift_in_sd, smallest_visible_distance
from drift.statistics.two_sample import Test

_LONGEST_NAME = 40
_MOVERS = 2
_MANY_ROWS = 1e9
# From here on rows are called dependent.
LARGE_PHI = 3.0


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


def bounded_text(statistic: float, bound: float) -> str:
    """Print a statistic, and by how much it may be off where it was computed from counts.

    Examples
    --------
    >>> bounded_text(0.03121, 0.0008), bounded_text(0.03121, 0.0)
    ('0.0312 (+-0.0008)', '0.03121')
    """
    return f"{statistic:.4f} (+-{max(bound, 0.0001):.4f})" if bound else f"{statistic:.4g}"


def short(name: str) -> str:
    """Quote a category, cut to a readable length and without what would steer a terminal."""
    name = "".join(character if character.isprintable() else "�" for character in name)
    return f"'{name}'" if len(name) <= _LONGEST_NAME else f"'{name[: _LONGEST_NAME - 1]}…'"


def ks_moved(location: float, reference_share: float, current_share: float) -> str:
    """Say where two distribution functions are furthest apart."""
    before = f"{share_text(reference_share)} of reference values were <= {number_text(location)}"
    return f"{before}, now {share_text(current_share)}"


def categories_moved(moved: Sequence[Mover], effect_size: float) -> str:
    """Say how much traffic changed its category, and the largest movers."""
    named = ", ".join(f"{short(mover.category)} {mover.points:+.1f}" for mover in moved[:_MOVERS])
    said = f"{100 * effect_size:.1f} points of traffic moved"
    return f"{said} ({named})" if named else said


def rate_changed(rate: Rate) -> str:
    """Say how often a rare category comes, before and now.

    Examples
    --------
    >>> rate_changed(Rate("fraud", 10, 5_000, 52, 5_200))
    "'fraud' 5.0 times as often: 0.2 % -> 1.0 % of rows (10 of 5,000 -> 52 of 5,200)"
    """
    before, now = share_text(rate.before / rate.n_before), share_text(rate.now / rate.n_now)
    times = f"{rate.ratio:.1f} times as often" if rate.ratio >= 1 else "less often"
    counts = f"{rate.before:,} of {rate.n_before:,} -> {rate.now:,} of {rate.n_now:,}"
    return f"{short(rate.category)} {times}: {before} -> {now} of rows ({counts})"


def missing_moved(reference_share: float, current_share: float) -> str:
    """Say how the share of missing values changed."""
    verb = "rose" if current_share > reference_share else "fell"
    return f"missing values {verb} from {share_text(reference_share)} to {share_text(current_share)} of rows"


def unseen_found(share: float, categories: Sequence[tuple[str, int]]) -> str:
    """Say which values the reference did not hold."""
    found = ", ".join(f"{short(name)} ({count:,} rows)" for name, count in categories[:3])
    return f"{share_text(share)} of values are unseen in the reference: {found}"


def is_id(new_share: float) -> str:
    """Say that a column holds ids or free text, and what is watched of it all the same."""
    new = f"{share_text(new_share)} of the values are new even within the reference"
    return f"{new}: an id or free text. Only missing values are watched"


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


def blind(n: int, n_reference: int, phi: float, policy: DriftPolicy, df: int) -> str:
    """Say that rows repeat each other so much that a drift would not have been heard, and what could be told.

    Examples
    --------
    >>> print(blind(1_000, 60_000, 72.0, DriftPolicy(), 0).replace(". ", ".\\n"))
    1,000 rows tell as much as 14 independent ones: only a shift above 1.2 standard deviations could be told.
    A window of 3,600 rows would do
    """
    worth, worth_reference = n / phi, n_reference / phi
    visible = smallest_visible_distance(worth_reference, worth, policy.alpha, df)
    if visible >= 1:
        told = "no shift could be told"
    elif df:
        told = f"only {100 * visible:.0f} points of moved traffic could be told"
    else:
        told = f"only a shift above {shift_in_sd(visible):.1f} standard deviations could be told"
    needed = math.ceil(policy.min_sample * phi)
    way_out = f"A window of {needed:,} rows would do"
    if n_reference < needed:
        way_out = "The reference is too short for its own rhythm: freeze a longer one"
    return f"{n:,} rows tell as much as {max(worth, 1):.0f} independent ones: {told}. {way_out}"


def value_finding(
    test: Test, said: str, effect_size: float, adjusted_p: float, verdict: Verdict, by_chance: bool
) -> str:
    """Say what the test of a column's values found; `by_chance` where this look alone would not tell."""
    if test in ("none", "constant"):
        return said
    distance = f"KS distance {effect_size:.2f}" if test == "ks" else f"{100 * effect_size:.1f} points of traffic moved"
    chance = f"adjusted {p_phrase(adjusted_p)}"
    if by_chance and verdict != "drift":
        return f"within chance: {distance}, {chance}"
    if verdict == "stable":
        return f"no alarm, though few looks show so much: {distance}, {chance}"
    found = f"{said} ({distance}, {chance})" if test == "ks" else f"{said}, {chance}"
    return found if verdict == "drift" else f"small but beyond chance: {found}"


def alarm_sounded(record: AlarmRecord) -> str:
    """Say when an alarm sounded, since when the drift seems to last, and what the evidence is worth.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from drift.life.evidence import Alarm
    >>> from drift.life.ledger import Mark
    >>> alarm = Alarm(2_200, 2_013, "betting score", "values moved up by 0.5 sd", 1.3e6, 0.4)
    >>> mark = Mark(7, 7, datetime(2026, 11, 22, 14, 30, tzinfo=UTC))
    >>> print(alarm_sounded(AlarmRecord("age", alarm, mark, datetime(2026, 11, 22, 11, tzinfo=UTC))))
    alarm on 2026-11-22 14:30 UTC, begun about 2026-11-22 11:00: values moved up by 0.5 sd; \
a healthy column gets this high at most once per 1.3 million rows on average
    """
    sounded = record.alarm
    when = f"alarm on {record.mark.at:%Y-%m-%d %H:%M %Z}, begun about {record.onset_at:%Y-%m-%d %H:%M}"
    return f"{when}: {sounded.bet}; {rarity(sounded)}"


def honesty_line(honesty: Honesty) -> str:
    """Say what the badges of a board rest on.

    Examples
    --------
    >>> from drift.life.ledger import Replay
    >>> replay = Replay(n_lives=8, n_rows=2_500, n_alarmed=0, alarms={})
    >>> print(honesty_line(Honesty(alpha=0.05, horizon=20_000, n_streams=9, phi={"age": 1.1}, replay=replay)))
    A healthy replay of the reference would have alarmed 0 times in 8 lives of 2,500 rows; phi = 1.1; horizon \
20,000 rows; 9 streams share a 5 % chance of a false alarm.
    """
    heard = "The reference is too small for a replay"
    if replay := honesty.replay:
        times = "once" if replay.n_alarmed == 1 else f"{replay.n_alarmed} times"
        lives = f"{replay.n_lives} lives of {replay.n_rows:,} rows"
        heard = f"A healthy replay of the reference would have alarmed {times} in {lives}"
    low, high = (f"{edge(honesty.phi.values(), default=1.0):.1f}" for edge in (min, max))
    phi = low if low == high else f"{low} to {high}"
    chance = f"{honesty.n_streams} streams share a {100 * honesty.alpha:g} % chance of a false alarm"
    said = f"{heard}; phi = {phi}; horizon {honesty.horizon:,} rows; {chance}."
    return f"{said}{_beyond(honesty)}{_dependent(honesty.phi)}"


def _beyond(honesty: Honesty) -> str:
    """Say so where the replay heard more than the promise allows: more than one life, or all of few."""
    replay = honesty.replay
    if replay is None or replay.n_alarmed <= max(1, 2 * honesty.alpha * replay.n_lives):
        return ""
    return " That is more than promised: this reference changes within itself, so expect false alarms against it."


def _dependent(phi: Mapping[str, float]) -> str:
    """Say which columns repeat themselves from row to row, the most first."""
    columns = sorted((name for name in phi if phi[name] > LARGE_PHI), key=lambda name: -phi[name])
    if not columns:
        return ""
    more = f" and {len(columns) - 1} more" if len(columns) > 1 else ""
    return (
        f" The rows of {columns[0]}{more} are not independent: "
        f"{phi[columns[0]]:.0f} of them say as much as one, and a drift is seen later."
    )


def rarity(alarm: Alarm) -> str:
    """Say how rare the evidence of an alarm would be if nothing had changed."""
    if alarm.trigger == "window":
        return f"a healthy model shows such a window in at most one of {1 / max(alarm.life_p, 1e-12):,.0f} lives"
    return f"a healthy column gets this high at most once per {_rounded_down(alarm.score)} rows on average"


def _rounded_down(n: float) -> str:
    """Return a large number with two digits: no more of it is known, and no less may be promised.

    Examples
    --------
    >>> [_rounded_down(n) for n in (1_299_999, 35_615_613, 5e11, 99_460, 812)]
    ['1.2 million', '35 million', 'billion', '99,000', '810']
    """
    if n >= _MANY_ROWS:
        return "billion"
    unit = 10 ** max(int(math.log10(max(n, 1))) - 1, 0)
    rounded = int(n // unit * unit)
    return f"{rounded / 1e6:g} million" if rounded >= 1_000_000 else f"{rounded:,}"


def snoozed(snooze: Snooze) -> str:
    """Say who silenced an alarm, and until when."""
    return f"amber until {snooze.until:%Y-%m-%d %H:%M %Z}, said {snooze.by}{': ' if snooze.note else ''}{snooze.note}"


def answered(record: AlarmRecord, answer: Acknowledgement) -> str:
    """Say who answered an alarm, and how."""
    called = "called a false alarm" if answer.kind == "false alarm" else "acknowledged"
    note = f": {answer.note}" if answer.note else ""
    return f"the alarm of {record.mark.at:%Y-%m-%d %H:%M %Z} was {called} by {answer.by}{note}"


def awaited(n: int) -> str:
    """Say that the first bucket of rows since the reference has not filled up."""
    return f"not enough data: fewer than {n:,} rows since the reference"


def sentences(findings: Sequence[str]) -> str:
    """Turn findings into sentences, each with its capital and full stop."""
    return " ".join(f"{finding[0].upper()}{finding[1:].rstrip('.')}." for finding in findings)
