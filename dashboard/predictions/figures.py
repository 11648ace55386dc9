"""Figures about predictions and their labels: pure functions from windows."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.predictions.data import Point
from dashboard.shown.badges import span_text
from dashboard.shown.column_figures import blank_figure, figure_text
from drift.performance.agreement import Agreement
from drift.performance.confusion import Confusion

# Near Okabe-Ito, readable on white and on dark: blue is the reference's, vermillion that of what is looked at.
BLUE, VERMILLION, GREEN = "#2E86C1", "#D55E00", "#009E73"
_BAND = "rgba(0,158,115,0.22)"
_LINES = (VERMILLION, BLUE, GREEN, "#CC79A7", "#B8860B", "#7A5195")


def accuracy_figure(points: Sequence[Point], reference: Agreement | None) -> go.Figure:
    """Draw realised accuracy with its interval, what the scores expect as a band, and the reference as a line."""
    figure = blank_figure()
    promised = [(point, point.expected) for point in points if point.expected is not None]
    if promised:
        at = [point.end for point, _ in promised]
        low, high = ([expected.interval[side] for _, expected in promised] for side in (0, 1))
        figure.add_scatter(x=at, y=high, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False)
        figure.add_scatter(
            x=at, y=low, mode="lines", line={"width": 0}, fill="tonexty", fillcolor=_BAND, hoverinfo="skip",
            name="expected, 95 %",
        )  # fmt: skip
        figure.add_scatter(
            x=at,
            y=[expected.accuracy for _, expected in promised],
            mode="lines",
            name="expected",
            line={"color": GREEN, "width": 1.6, "dash": "dot"},
            hovertemplate="expected %{y:.1%}<extra></extra>",
        )
    labelled = [point for point in points if point.now.n]
    shares = [point.now.share for point in labelled]
    figure.add_scatter(
        x=[point.end for point in labelled],
        y=shares,
        mode="lines+markers",
        name="on labelled rows, 95 %",
        line={"color": VERMILLION, "width": 2},
        marker={"size": 6},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [point.now.interval[1] - share for point, share in zip(labelled, shares, strict=True)],
            "arrayminus": [share - point.now.interval[0] for point, share in zip(labelled, shares, strict=True)],
            "thickness": 1,
            "width": 2,
        },
        text=[f"{span_text(p.start, p.end)}<br>n = {p.now.n:,} of {p.n:,}" for p in labelled],
        hovertemplate="%{y:.1%}<br>%{text}<extra></extra>",
    )
    if reference is not None and reference.n and points:
        figure.add_scatter(
            x=[points[0].end, points[-1].end],
            y=[reference.share] * 2,
            mode="lines",
            name=f"reference {reference.share:.1%}",
            line={"dash": "dash", "width": 1.4, "color": BLUE},
            hoverinfo="skip",
        )
    figure.update_yaxes(tickformat=".0%")
    figure.update_layout(hovermode="closest")
    return figure


def shares_figure(points: Sequence[Point]) -> go.Figure:
    """Draw the share of each class over time: predicted as lines, true (where labels have come) as dots."""
    figure = blank_figure()
    classes = sorted({name for point in points for name in (*point.predicted, *point.true)})
    total = {name: sum(point.predicted.get(name, 0.0) for point in points) for name in classes}
    # Of two classes the second follows from the first.
    shown = sorted(classes, key=lambda name: -total[name])[: len(_LINES)] if len(classes) > 2 else classes[-1:]
    for name, colour in zip(shown, _LINES, strict=False):
        figure.add_scatter(
            x=[point.end for point in points],
            y=[point.predicted.get(name, 0.0) for point in points],
            mode="lines",
            name=f"{figure_text(name)}, predicted",
            line={"color": colour, "width": 2},
            hovertemplate="predicted %{y:.1%}<extra></extra>",
        )
        known = [point for point in points if point.now.n]
        figure.add_scatter(
            x=[point.end for point in known],
            y=[point.true.get(name, 0.0) for point in known],
            mode="markers",
            name=f"{figure_text(name)}, true",
            marker={"color": colour, "size": 7, "symbol": "circle-open", "line": {"width": 1.6}},
            hovertemplate="true %{y:.1%}<extra></extra>",
        )
    figure.update_yaxes(tickformat=".0%")
    return figure


def score_figure(points: Sequence[Point]) -> go.Figure:
    """Draw the mean score over time and, for probabilities, how many lie between 0.2 and 0.8: the model is not sure."""
    figure = blank_figure()
    lines = (
        ("mean score", [point.mean_score for point in points], {"color": VERMILLION, "width": 2}),
        (
            "share of scores from 0.2 to 0.8",
            [p.unsure_share for p in points],
            {"color": BLUE, "width": 2, "dash": "dot"},
        ),
    )
    for name, values, line in lines:
        if any(value == value for value in values):
            at = [point.end for point in points]
            figure.add_scatter(x=at, y=values, mode="lines", name=name, line=line, hovertemplate="%{y:.3f}")
    return figure


def confusion_figure(found: Confusion, *, dark: bool = False) -> go.Figure:
    """Draw labelled rows by true and predicted class: the shares of each true class as colour, the rows as numbers."""
    figure = blank_figure()
    totals = found.counts.sum(axis=1, keepdims=True)
    shares = found.counts / totals.clip(min=1)
    names = [figure_text(name) for name in found.classes]
    rows = zip(found.counts.tolist(), shares.tolist(), strict=True)
    words = [[f"{n:,}<br>{share:.0%}" for n, share in zip(*row, strict=True)] for row in rows]
    figure.add_heatmap(
        x=names,
        y=names,
        z=shares,
        zmin=0,
        zmax=1,
        text=words,
        texttemplate="%{text}",
        # Plotly would choose it by the colour of the cell, without what shines through.
        textfont={"color": "#FFFFFF" if dark else "#1A1A1A"},
        colorscale=[[0, "rgba(128,128,128,0.08)"], [1, "rgba(0,114,178,0.55)"]],
        showscale=False,
        xgap=3,
        ygap=3,
        hovertemplate="true %{y}, predicted %{x}: %{z:.1%}<extra></extra>",
    )
    figure.update_xaxes(type="category", title="predicted", side="top", showgrid=False)
    figure.update_yaxes(type="category", title="true", autorange="reversed", showgrid=False)
    figure.update_layout(hovermode="closest")
    return figure
