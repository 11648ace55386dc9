"""Figures of the Retrain page: how evidence about a challenger comes in, and how far scores can be believed."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.shown.column_figures import blank_figure
from retrain.steps.trial import Point

_GREY = "rgba(128,128,128,0.9)"
_BAND = "rgba(213,94,0,0.14)"


def evidence_figure(history: Sequence[Point], margin: float) -> go.Figure:
    """Draw the confidence sequence of the difference in accuracy, in points over labelled rows.

    Parameters
    ----------
    history : what each look saw, in order
    margin : the challenger may be worse by so much
    """
    figure = blank_figure(hovermode="closest")
    n = [point.n for point in history]
    low, high = ([100 * point.interval[k] for point in history] for k in (0, 1))
    hidden = {"hoverinfo": "skip", "showlegend": False}
    figure.add_scatter(x=n, y=high, mode="lines", line={"width": 1, "color": _GREY, "dash": "dot"}, **hidden)
    figure.add_scatter(
        x=n,
        y=low,
        mode="lines",
        line={"width": 1, "color": _GREY, "dash": "dot"},
        fill="tonexty",
        fillcolor=_BAND,
        **hidden,
    )
    figure.add_scatter(
        x=n,
        y=[100 * point.difference for point in history],
        mode="lines+markers",
        line={"width": 2, "color": "#D55E00"},
        marker={"size": 4},
        customdata=[[a, b, point.share] for a, b, point in zip(low, high, history, strict=True)],
        hovertemplate="%{x:,} labelled rows<br>%{y:+.1f} points [%{customdata[0]:+.1f}, %{customdata[1]:+.1f}]"
        "<br>answers %{customdata[2]:.0%}<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=0, line={"width": 1.2, "color": _GREY})
    figure.add_hline(y=-100 * margin, line={"width": 1.2, "color": _GREY, "dash": "dash"})
    _say(figure, 0, "rolled back once the band is below", "top")
    _say(figure, -100 * margin, "promoted once the band is above", "bottom")
    _mark_shares(figure, history)
    # The first bounds are a hundred points wide and would press the rest flat.
    reach = max([4.0, *(abs(value) for value in [*low[len(low) // 4 :], *high[len(high) // 4 :]])])
    figure.update_yaxes(ticksuffix=" points", range=[-min(reach, 60) * 1.1, min(reach, 60) * 1.1], nticks=6)
    figure.update_xaxes(title="labelled rows that both models scored", rangemode="tozero")
    return figure


def calibration_figure(
    champion: Sequence[tuple[float, float, int]], challenger: Sequence[tuple[float, float, int]]
) -> go.Figure:
    """Draw how often each model is right against how sure it says it is; on the diagonal a score means what it says.

    Parameters
    ----------
    champion, challenger : (confidence, share right, n) of each tenth; may be empty
    """
    figure = blank_figure(hovermode="closest")
    known = [tenth for side in (champion, challenger) for tenth in side]
    start = min([0.5, *(confidence for confidence, _, _ in known), *(right for _, right, _ in known)])
    line = {"width": 1.2, "color": _GREY, "dash": "dash"}
    figure.add_scatter(x=[start, 1], y=[start, 1], mode="lines", line=line, hoverinfo="skip", showlegend=False)
    for name, symbol, colour, tenths in (
        ("champion", "circle", "#0072B2", champion),
        ("challenger", "diamond", "#D55E00", challenger),
    ):
        if not tenths:
            continue
        most = max(n for _, _, n in tenths)
        figure.add_scatter(
            x=[confidence for confidence, _, _ in tenths],
            y=[right for _, right, _ in tenths],
            mode="lines+markers",
            name=name,
            line={"width": 1.6, "color": colour},
            marker={"symbol": symbol, "size": [6 + 8 * (n / most) ** 0.5 for _, _, n in tenths], "color": colour},
            customdata=[n for _, _, n in tenths],
            hovertemplate=f"{name}: says %{{x:.0%}}, is right in %{{y:.0%}} of %{{customdata:,}} rows<extra></extra>",
        )
    figure.update_xaxes(title="how sure the model says it is", tickformat=".0%")
    figure.update_yaxes(title="how often it is right", tickformat=".0%")
    return figure


def _mark_shares(figure: go.Figure, history: Sequence[Point]) -> None:
    before = history[0].share if history else None
    for point in history[1:]:
        share = point.share
        if share != before:
            words = {"annotation_text": f"{share:.0%}", "annotation_position": "bottom right"}
            figure.add_vline(x=point.n, line={"width": 1, "color": _GREY, "dash": "dot"}, **words)
        before = share


def _say(figure: go.Figure, y: float, text: str, side: str) -> None:
    anchor = "bottom" if side == "top" else "top"
    figure.add_annotation(
        text=text, x=1, xref="paper", xanchor="right", y=y, yanchor=anchor, showarrow=False, font={"size": 11}
    )
