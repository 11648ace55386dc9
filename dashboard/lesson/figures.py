"""The figure of the Lesson page: how often the model was right, with what truly happened and what was noticed."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.lesson.data import Accuracy, Served, Sounded
from dashboard.shown.column_figures import blank_figure

_GREY = "rgba(128,128,128,0.9)"
_BAND = "rgba(0,114,178,0.10)"
_ALARM, _PROMOTED = "#D55E00", "#009E73"
_TOP = 1.06
# So wide a part of the axis has room for a word.
_WIDE = 0.1
_NEAR = 0.02
_ACCURACY = {
    "mode": "lines+markers",
    "line": {"width": 2},
    "marker": {"size": 4},
    "hovertemplate": "up to row %{x:,}<br>right %{y:.1%} of %{customdata:,} labelled rows<extra></extra>",
    "showlegend": False,
}
_RUNG = {
    "mode": "markers",
    "marker": {"symbol": "line-ns", "size": 9, "line": {"width": 1.5, "color": "#CC79A7"}},
    "hovertemplate": "plain p < .05 rang at row %{x:,}<extra></extra>",
    "showlegend": False,
}


def accuracy_figure(
    points: Sequence[Accuracy],
    *,
    n_rows: int,
    reference: tuple[int, int],
    onset: int | None,
    heard: Sequence[Sounded],
    false: Sequence[Sounded],
    served: Sequence[Served],
    rang: Sequence[int] = (),
) -> go.Figure:
    """Draw accuracy over rows, with the true onset, the first alarm of each stream, promotions and naive alarms.

    Parameters
    ----------
    reference : the first and the last row of the reference
    onset : rows before the drift; None where nothing drifts, or not yet
    heard, false : alarms since the onset, and those of a time when nothing drifted
    rang : rows at which a plain p < .05 rang in a healthy window
    """
    figure = blank_figure(hovermode="closest")
    rows, shares, n = ([getattr(point, of) for point in points] for of in ("row", "share", "n"))
    figure.add_scatter(x=rows, y=shares, customdata=n, **_ACCURACY)
    low = min([0.7, *(point.share for point in points)]) - 0.06
    figure.add_vrect(x0=reference[0], x1=reference[1], fillcolor=_BAND, line_width=0)
    if reference[1] - reference[0] > _WIDE * n_rows:
        _note(figure, sum(reference) / 2, "reference", low, _GREY, "center")
    marks = [(one.row, f"{one.version} serves", low, _PROMOTED) for one in served]
    if onset is not None:
        marks.append((onset, "the drift begins", low, _GREY))
    for row, text, height, colour in [*marks, *_first("alarm", heard), *_first("false alarm", false)]:
        figure.add_vline(x=row, line={"width": 1.5, "color": colour, "dash": "dash" if colour == _GREY else "solid"})
        # Beside its line, on the side that has more room.
        _note(figure, row, f" {text} ", height, colour, "right" if row > n_rows / 2 else "left")
    if rang:
        figure.add_scatter(x=list(rang), y=[low + 0.01] * len(rang), **_RUNG)
    figure.update_xaxes(range=[0, n_rows * (1 + _NEAR)], tickformat=",", title="rows of the log")
    figure.update_yaxes(range=[low, _TOP], tickformat=".0%", nticks=6, title="right, of labelled rows")
    return figure


def _first(word: str, alarms: Sequence[Sounded]) -> list[tuple[int, str, float, str]]:
    """Return the mark of the first of some alarms: all of them would hide each other."""
    more = f" and {len(alarms) - 1} more" if len(alarms) > 1 else ""
    return [(one.row, f"{word}: {one.stream}{more}", _TOP, _ALARM) for one in alarms[:1]]


def _note(figure: go.Figure, x: float, text: str, y: float, colour: str, anchor: str) -> None:
    side = "top" if y == _TOP else "bottom"
    font = {"size": 11, "color": colour}
    figure.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor=anchor, yanchor=side, font=font)
