"""Champion against challenger in words and cells, from what a job's result holds."""

from collections.abc import Sequence

import pandas as pd

from dashboard.shown.badges import plain
from retrain.judging.evaluation import Comparison
from retrain.judging.slices import Slice
from retrain.steps.outputs import JobResult

_NOTABLE_LOSS = 0.02
_ROUNDS_TO_NOTHING = 0.0005
_NBSP = "\u00a0"
_MOST_WORST, _MOST_GROWN = 5, 4
_GREW = f" :orange[:material/trending_up:{_NBSP}grew]"


def gain_sentence(result: JobResult) -> str:
    """Say what the comparison on held-out rows found.

    Examples
    --------
    >>> gain_sentence(JobResult())
    'No comparison was recorded.'
    """
    if result.evaluated is None:
        return "No comparison was recorded."
    found = result.evaluated.comparison
    low, high = found.interval
    bounds = f" [{100 * low:+.1f}, {100 * high:+.1f}]"
    name, rows = plain(result.version or "The challenger"), f" on the same {found.n_held_out:,} held-out rows"
    if abs(found.difference) < _ROUNDS_TO_NOTHING:
        return f"{name} and the champion are equally accurate{bounds}{rows}: a retrain gained nothing that shows."
    how = "better" if found.difference > 0 else "worse"
    unclear = "; the interval holds 0, so this may be chance" if low <= 0 <= high else ""
    points = f"{abs(100 * found.difference):.1f} points of accuracy{bounds}"
    return f"{name} is {how} by {points} than the champion{rows}{unclear}."


def comparison_table(found: Comparison) -> pd.DataFrame:
    """Return champion and challenger side by side, one row per measure; what is not known is a dash.

    Returns
    -------
    DataFrame, shape (2 + classes, 4), all text
        Measure, Champion, Challenger, Difference; shares as percentages, with their intervals where they are known.
    """
    champion, challenger = found.champion, found.challenger
    accuracy = _pair(champion.accuracy, challenger.accuracy, 100)
    bounds = [_bounds(one) for one in (champion.accuracy_interval, challenger.accuracy_interval, found.interval)]
    rows = [
        ["Accuracy, higher is better", *(f"{said}{end}" for said, end in zip(accuracy, bounds, strict=True))],
        ["Log loss, lower is better", *_pair(champion.log_loss, challenger.log_loss, 1)],
    ]
    before, after = champion.recall, challenger.recall
    for name in sorted({*before, *after}):
        rows.append([f"Recall of {plain(name)}", *_pair(before.get(name), after.get(name), 100)])
    return pd.DataFrame(rows, columns=["Measure", "Champion", "Challenger", "Difference"])


def slices_table(slices: Sequence[Slice]) -> tuple[pd.DataFrame, int]:
    """Return both models on the parts of the held-out rows that matter, the worst first, and how many are left out.

    What matters is where the challenger does worst, and where the data drifted to.

    Returns
    -------
    table, n_left_out : DataFrame of text, shape (slices shown, 5), and an int
        Part of the rows, n, accuracy of both in percent, and the difference in points with its interval.
    """
    grown = [one for one in slices if one.has_grown][-_MOST_GROWN:]
    shown = [one for k, one in enumerate(slices) if k < _MOST_WORST or one in grown]
    rows = [
        [
            plain(f"{one.column} {one.part}") + (_GREW if one.has_grown else ""),
            f"{one.n:,}",
            f"{100 * one.champion:.1f}",
            f"{100 * one.challenger:.1f}",
            f"{100 * one.difference:+.1f}{_bounds(one.interval)}",
        ]
        for one in shown
    ]
    names = ["Part of the rows", "n", f"Champion,{_NBSP}%", f"Challenger,{_NBSP}%", "Difference, points"]
    return pd.DataFrame(rows, columns=names), len(slices) - len(shown)


def recall_losses(found: Comparison) -> list[str]:
    """Say which classes the challenger finds less often, by two points or more: the accuracy may hide that."""
    before, after = found.champion.recall, found.challenger.recall
    return [
        f"Recall of {plain(name)} falls by {100 * (before[name] - after[name]):.1f} points, "
        f"from {100 * before[name]:.1f} % to {100 * after[name]:.1f} %."
        for name in sorted(before.keys() & after.keys())
        if before[name] - after[name] >= _NOTABLE_LOSS
    ]


def slice_losses(slices: Sequence[Slice]) -> list[str]:
    """Say on which parts of the rows the challenger is surely worse: the two worst of them."""
    surely = [one for one in slices if one.interval[1] < 0]
    return [
        f"Worse on {plain(one.column)} {plain(one.part)} by {-100 * one.difference:.1f} points of accuracy, "
        f"n = {one.n:,}."
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
