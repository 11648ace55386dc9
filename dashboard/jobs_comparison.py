"""Champion against challenger in words and cells, from what a job's result holds; nothing of it need be there."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.labels import plain

_NOTABLE_LOSS = 0.02
_ROUNDS_TO_NOTHING = 0.0005
_NBSP = "\u00a0"
_MOST_WORST, _MOST_GROWN = 5, 4
_GREW = f" :orange[:material/trending_up:{_NBSP}grew]"


def gain_sentence(result: Mapping[str, Any] | None) -> str:
    """Say what the comparison on held-out rows found.

    Examples
    --------
    >>> gain_sentence({"version": "v2", "difference": 0.031, "interval": [0.012, 0.05], "n_held_out": 1200})
    'v2 is better by 3.1 points of accuracy [+1.2, +5.0] than the champion on the same 1,200 held-out rows.'
    >>> gain_sentence({})
    'No comparison was recorded.'
    """
    found = result or {}
    difference, interval, n = found.get("difference"), found.get("interval"), found.get("n_held_out")
    if difference is None:
        return "No comparison was recorded."
    bounds = f" [{100 * interval[0]:+.1f}, {100 * interval[1]:+.1f}]" if interval else ""
    name = plain(found.get("version") or "The challenger")
    rows = f" on the same {n:,} held-out rows" if n else ""
    if abs(difference) < _ROUNDS_TO_NOTHING:
        return f"{name} and the champion are equally accurate{bounds}{rows}: a retrain gained nothing that shows."
    how = "better" if difference > 0 else "worse"
    unclear = "; the interval holds 0, so this may be chance" if interval and interval[0] <= 0 <= interval[1] else ""
    points = f"{abs(100 * difference):.1f} points of accuracy{bounds}"
    return f"{name} is {how} by {points} than the champion{rows}{unclear}."


def comparison_table(result: Mapping[str, Any] | None) -> pd.DataFrame:
    """Return champion and challenger side by side, one row per measure; what is not there is a dash."""
    found = result or {}
    champion, challenger = found.get("champion") or {}, found.get("challenger") or {}
    accuracy = _pair(champion.get("accuracy"), challenger.get("accuracy"), 100)
    bounds = [
        *(_bounds(side.get("accuracy_interval")) for side in (champion, challenger)),
        _bounds(found.get("interval")),
    ]
    rows = [
        ["Accuracy, higher is better", *(f"{said}{end}" for said, end in zip(accuracy, bounds, strict=True))],
        ["Log loss, lower is better", *_pair(champion.get("log_loss"), challenger.get("log_loss"), 1)],
    ]
    before, after = champion.get("recall") or {}, challenger.get("recall") or {}
    for name in sorted({*before, *after}):
        rows.append([f"Recall of {plain(name)}", *_pair(before.get(name), after.get(name), 100)])
    return pd.DataFrame(rows, columns=["Measure", "Champion", "Challenger", "Difference"])


def slices_table(result: Mapping[str, Any] | None) -> tuple[pd.DataFrame, int]:
    """Return both models on the parts of the held-out rows that matter, the worst first, and how many are left out.

    What matters is where the challenger does worst, and where the data drifted to.
    """
    slices = (result or {}).get("slices") or []
    grown = [one for one in slices if one["has_grown"]][-_MOST_GROWN:]
    shown = [one for k, one in enumerate(slices) if k < _MOST_WORST or one in grown]
    rows = [
        [
            plain(f"{one['column']} {one['part']}") + (_GREW if one["has_grown"] else ""),
            f"{one['n']:,}",
            f"{100 * one['champion']:.1f}",
            f"{100 * one['challenger']:.1f}",
            f"{100 * one['difference']:+.1f}{_bounds(one['interval'])}",
        ]
        for one in shown
    ]
    names = ["Part of the rows", "n", f"Champion,{_NBSP}%", f"Challenger,{_NBSP}%", "Difference, points"]
    return pd.DataFrame(rows, columns=names), len(slices) - len(shown)


def recall_losses(result: Mapping[str, Any] | None) -> list[str]:
    """Say which classes the challenger finds less often, by two points or more: the accuracy may hide that.

    Examples
    --------
    >>> recall_losses({"champion": {"recall": {"yes": 0.9}}, "challenger": {"recall": {"yes": 0.79}}})
    ['Recall of yes falls by 11.0 points, from 90.0 % to 79.0 %.']
    """
    before, after = (((result or {}).get(side) or {}).get("recall") or {} for side in ("champion", "challenger"))
    return [
        f"Recall of {plain(name)} falls by {100 * (before[name] - after[name]):.1f} points, "
        f"from {100 * before[name]:.1f} % to {100 * after[name]:.1f} %."
        for name in sorted(before.keys() & after.keys())
        if before[name] - after[name] >= _NOTABLE_LOSS
    ]


def slice_losses(result: Mapping[str, Any] | None) -> list[str]:
    """Say on which parts of the rows the challenger is surely worse: the two worst of them."""
    surely = [one for one in (result or {}).get("slices") or [] if one["interval"][1] < 0]
    return [
        f"Worse on {plain(one['column'])} {plain(one['part'])} by {-100 * one['difference']:.1f} points of accuracy, "
        f"n = {one['n']:,}."
        for one in surely[:2]
    ]


def _bounds(interval: Sequence[float] | None) -> str:
    """Return an interval in points, or nothing."""
    return f" [{100 * interval[0]:.1f},{_NBSP}{100 * interval[1]:.1f}]" if interval else ""


def _pair(before: float | None, after: float | None, scale: int) -> list[str]:
    """Return two measures and their difference: shares in per cent and points, others as they are."""

    def shown(value: float | None) -> str:
        if value is None:
            return "—"
        return f"{scale * value:.1f}{_NBSP}%" if scale == 100 else f"{value:.3f}"

    if before is None or after is None:
        return [shown(before), shown(after), "—"]
    difference = f"{100 * (after - before):+.1f}{_NBSP}points" if scale == 100 else f"{after - before:+.3f}"
    return [shown(before), shown(after), difference]
