"""What was measured, as text for people and as numbers for machines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from drift.board.tables import aligned
from tests.calibration.figures import Rate, Target, delay, false_alarms
from tests.calibration.measuring import FirstAlarms


def false_alarm_table(healthy: Mapping[str, FirstAlarms]) -> str:
    """Return a line per setting and a column per rule: per cent of healthy lives that heard an alarm."""
    rules = _rules(healthy)
    rows = [
        (name, *(rate_text(false_alarms(first[rule])) if rule in first else "-" for rule in rules))
        for name, first in healthy.items()
    ]
    return "\n".join(aligned(("healthy", *rules), rows))


def delay_table(drifted: Mapping[str, FirstAlarms]) -> str:
    """Return a line per setting and a column per rule: median and ninth decile of the delay, and what went wrong."""
    rules = _rules(drifted)
    rows = [(name, *(_delay_text(first, rule) for rule in rules)) for name, first in drifted.items()]
    return "\n".join(aligned(("drift", *rules), rows))


def target_table(targets: Sequence[Target]) -> str:
    """Return a line per promise and whether it was kept."""
    rows = [("kept" if target.met else "MISSED", target.what, target.setting, *_figures(target)) for target in targets]
    return "\n".join(aligned(("", "promise", "setting", "measured", "at most"), rows))


def as_json(
    healthy: Mapping[str, FirstAlarms], drifted: Mapping[str, FirstAlarms], targets: Sequence[Target]
) -> dict[str, Any]:
    """Return all figures as numbers; what is infinite is null."""
    return {
        "false_alarms": {
            name: {rule: _rate(false_alarms(rows)) for rule, rows in first.items()} for name, first in healthy.items()
        },
        "delays": {name: {rule: _delay(rows) for rule, rows in first.items()} for name, first in drifted.items()},
        "targets": [
            {
                "setting": target.setting,
                "what": target.what,
                "limit": target.limit,
                "measured": _finite(target.measured),
                "met": target.met,
            }
            for target in targets
        ],
    }


def rate_text(rate: Rate) -> str:
    """Return a rate in per cent with its 95 % interval.

    Examples
    --------
    >>> rate_text(Rate(34, 1_000))
    '3.4 (2.4-4.7)'
    """
    return f"{100 * rate.value:.1f} ({100 * rate.low:.1f}-{100 * rate.high:.1f})"


def _rules(measured: Mapping[str, FirstAlarms]) -> list[str]:
    return list(dict.fromkeys(rule for first in measured.values() for rule in first))


def _delay_text(first: FirstAlarms, rule: str) -> str:
    if rule not in first:
        return "-"
    found = delay(first[rule])
    if found is None:
        return "false alarms first"
    said = f"{_rows(found.median)} ({_rows(found.ninth_decile)})"
    if found.missed.n_hits:
        said += f", {found.missed.value:.0%} missed"
    return f"{said}, {found.already.value:.0%} false" if found.already.n_hits else said


def _rows(rows: float) -> str:
    return f"{rows:,.0f}" if math.isfinite(rows) else "never"


def _figures(target: Target) -> tuple[str, str]:
    said = "{:.1%}".format if target.what == "false alarms" else lambda rows: f"{_rows(rows)} rows"
    return said(target.measured), said(target.limit)


def _rate(rate: Rate) -> dict[str, float]:
    return {"rate": rate.value, "low": rate.low, "high": rate.high, "n": rate.n}


def _delay(rows: Any) -> dict[str, Any] | None:
    found = delay(rows)
    if found is None:
        return None
    return {
        "median": _finite(found.median),
        "ninth_decile": _finite(found.ninth_decile),
        "missed": _rate(found.missed),
        "false_alarms_before": _rate(found.already),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
