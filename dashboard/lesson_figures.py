"""The figure of the Lesson page: how often the model was right, with what truly happened and what was noticed."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.charts import blank_figure
from dashboard.lesson_data import Accuracy, Served, Sounded

_GREY = "rgba(128,128,128,0.9)"
_BAND = "rgba(0,114,178,0.10)"
_ALARM, _PROMOTED, _RANG = "#D55E00", "#009E73", "#CC79A7"
_TOP = 1.06
# So wide a part of the axis has room for a word.
_WIDE = 0.1
_NEAR = 0.02


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
    figure.add_scatter(
        x=[point.row for point in points],
        y=[point.share for point in points],
        customdata=[point.n for point in points],
        mode="lines+markers",
        line={"width": 2},
        marker={"size": 4},
        hovertemplate="up to row %{x:,}<br>right %{y:.1%} of %{customdata:,} labelled rows<extra></extra>",
        showlegend=False,
    )
    low = min([0.7, *(point.share for point in points)]) - 0.06
    figure.add_vrect(x0=reference[0], x1=reference[1], fillcolor=_BAND, line_width=0)
    if reference[1] - reference[0] > _WIDE * n_rows:
        _note(figure, sum(reference) / 2, "reference", low, _GREY, "center")
    marks = [(one.row, f"{one.version} serves", low, _PROMOTED) for one in served]
    if onset is not None:
        marks.append((onset, "the drift begins", low, _GREY))
    for word, alarms in (("alarm", heard), ("false alarm", false)):
        if alarms:
            more = f" and {len(alarms) - 1} more" if len(alarms) > 1 else ""
            marks.append((alarms[0].row, f"{word}: {alarms[0].stream}{more}", _TOP, _ALARM))
    for row, text, height, colour in marks:
        figure.add_vline(x=row, line={"width": 1.5, "color": colour, "dash": "dash" if colour == _GREY else "solid"})
        # Beside its line, on the side that has more room.
        _note(figure, row, f" {text} ", height, colour, "right" if row > n_rows / 2 else "left")
    if rang:
        figure.add_scatter(
            x=list(rang),
            y=[low + 0.01] * len(rang),
            mode="markers",
            marker={"symbol": "line-ns", "size": 9, "line": {"width": 1.5, "color": _RANG}},
            hovertemplate="plain p < .05 rang at row %{x:,}<extra></extra>",
            showlegend=False,
        )
    figure.update_xaxes(range=[0, n_rows * (1 + _NEAR)], tickformat=",", title="rows of the log")
    figure.update_yaxes(range=[low, _TOP], tickformat=".0%", nticks=6, title="right, of labelled rows")
    return figure


def _note(figure: go.Figure, x: float, text: str, y: float, colour: str, anchor: str) -> None:
    side = "top" if y == _TOP else "bottom"
    font = {"size": 11, "color": colour}
    figure.add_annotation(x=x, y=y, text=text, showarrow=False, xanchor=anchor, yanchor=side, font=font)
