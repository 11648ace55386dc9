"""Figures from binned data: pure functions, coloured by the theme (first trace: reference, second: current)."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go

from dashboard.shown.badges import BADGES, span_text
from dashboard.shown.details import Steps
from dashboard.shown.tables import column_history, column_since
from drift.board.result import Board
from drift.monitor.boards import begun_after
from drift.statistics.distribution import Distribution
from drift.wording import number_text, p_text

# One button, seen while the pointer is over a chart: the chart as a PNG file, twice as sharp as on the screen.
CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}
# Beyond that nobody compares p-values; the exact one is in the hover text.
FLOOR = 1e-24
_GREY = "rgba(128,128,128,0.9)"
# Drift's own red, as BADGES has it.
_SHADE = "rgba(220,74,85,0.10)"
_LONGEST_NAME = 28


def distribution_figure(shown: Distribution) -> go.Figure:
    """Draw reference and current on shared bins, or as bars by category."""
    figure = blank_figure()
    sides = (("reference", shown.reference_share, shown.n_reference), ("current", shown.current_share, shown.n_current))
    for name, share, n in sides:
        said = f"{name}, n = {n:,}"
        if shown.categories:
            figure.add_bar(x=[figure_text(c) for c in shown.categories], y=share, name=said, hovertemplate="%{y:.1%}")
            continue
        line = {"shape": "hv", "width": 1.5 if name == "reference" else 2.2}
        y = [*share, share[-1] if share.size else 0]
        figure.add_scatter(
            x=shown.edges, y=y, name=said, mode="lines", line=line, fill="tozeroy", hovertemplate="%{y:.1%}"
        )
    if shown.categories:
        figure.update_layout(barmode="group", bargap=0.25)
        figure.update_xaxes(type="category")
    figure.update_yaxes(rangemode="tozero", tickformat=".0%", nticks=5)
    return figure


def timeline_figure(
    boards: Sequence[Board], column: str, alpha: float, reference_end: datetime | None = None
) -> go.Figure:
    """Draw a column's adjusted p-value window by window on a log axis, shaded since it drifts after the reference."""
    figure = blank_figure()
    found = [(board, report) for board, report in column_history(boards, column) if board.window.end is not None]
    tested = [(board, report) for board, report in found if report.adjusted_p_value == report.adjusted_p_value]
    ends = [board.window.end for board, _ in tested if board.window.end]
    since = column_since(begun_after(boards, reference_end), column)
    if since is not None and ends:
        # The y axis is short of 1 at the top: the words stand in the band above the line.
        words = {"annotation_text": f"drift since {since:%Y-%m-%d %H:%M %Z}", "annotation_position": "top left"}
        figure.add_vrect(x0=since, x1=ends[-1], fillcolor=_SHADE, line_width=0, **words)
    points = [max(report.adjusted_p_value, FLOOR) for _, report in tested]
    hover = [
        f"{span_text(board.window.start, board.window.end)}<br>adjusted p {p_text(report.adjusted_p_value)}"
        f"<br>{BADGES[report.verdict].word}, effect {report.effect_size:.3f}, n = {report.n:,}"
        for board, report in tested
    ]
    xs, ys, texts = _broken_at_gaps(ends, points, hover)
    symbols = [BADGES[report.verdict].symbol for _, report in tested]
    colours = [BADGES[report.verdict].mark for _, report in tested]
    line = {"width": 1.4, "color": _GREY}
    figure.add_scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", showlegend=False)
    figure.add_scatter(
        x=ends,
        y=points,
        mode="markers",
        marker={"symbol": symbols, "color": colours, "size": 9, "line": {"width": 0}},
        text=texts,
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )
    figure.add_hline(y=alpha, line={"dash": "dash", "width": 1.2, "color": _GREY})
    # Unlike shapes, annotations on a log axis are placed by their exponent.
    at = {"x": 1, "xref": "paper", "xanchor": "right", "y": np.log10(alpha), "yanchor": "top"}
    figure.add_annotation(text=f"α = {alpha:g}", showarrow=False, **at)
    lowest = min([*points, alpha / 100])
    figure.update_yaxes(
        type="log",
        range=[np.log10(lowest) * 1.06, 0.35 - 0.1 * np.log10(lowest)],
        exponentformat="power",
        dtick=max(1, round(-np.log10(lowest) / 5)),
    )
    figure.update_layout(hovermode="closest")
    return figure


def steps_figure(steps: Steps) -> go.Figure:
    """Draw both distribution functions and the KS distance where it is largest."""
    figure = blank_figure()
    for name, share in (("reference", steps.reference_share), ("current", steps.current_share)):
        width = 1.5 if name == "reference" else 2.2
        figure.add_scatter(
            x=steps.values,
            y=share,
            name=name,
            mode="lines",
            line={"shape": "hv", "width": width},
            hovertemplate="%{y:.1%}",
        )
    gap = abs(steps.shares[0] - steps.shares[1])
    at = steps.location
    figure.add_scatter(
        x=[at, at],
        y=list(steps.shares),
        mode="lines+markers",
        line={"width": 2, "color": _GREY, "dash": "dot"},
        marker={"symbol": "line-ew-open", "size": 12},
        name=f"KS distance {gap:.2f} at {number_text(at)}",
        hoverinfo="skip",
    )
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", title=None)
    return figure


def residuals_figure(shown: Distribution, residuals: np.ndarray) -> go.Figure:
    """Draw how many points of traffic each category gained or lost; what is beyond chance is filled.

    Parameters
    ----------
    shown : shares by category, shapes (n_categories,)
    residuals : float array, shape (n_categories,)
        The change in standard errors; beyond 3 either way a bar is filled.

    Returns
    -------
    Figure
        A bar per category, in points of a hundred.
    """
    figure = blank_figure()
    change = 100 * (shown.current_share - shown.reference_share)
    beyond = np.abs(residuals) > 3
    figure.add_bar(
        y=[figure_text(c) for c in shown.categories],
        x=change,
        orientation="h",
        marker={"pattern": {"shape": ["" if far else "/" for far in beyond]}},
        text=[f"{points:+.1f}" for points in change],
        textposition="outside",
        textfont={"size": 11},
        cliponaxis=False,
        constraintext="none",
        customdata=residuals,
        hovertemplate="%{x:+.1f} points, %{customdata:+.1f} standard errors<extra></extra>",
        showlegend=False,
    )
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_xaxes(ticksuffix=" points", zeroline=True)
    figure.update_layout(hovermode="closest", bargap=0.3)
    return figure


def heat_figure(boards: Sequence[Board], *, dark: bool = False) -> go.Figure:
    """Draw one cell per window and column: the effect as colour, the verdict as a sign, the worst column on top."""
    figure = blank_figure()
    boards = [board for board in boards if board.window.end is not None]
    names = [report.column for report in boards[-1].columns] if boards else []
    effects, signs, texts = [], [], []
    for name in names:
        reports = [next((r for r in board.columns if r.column == name), None) for board in boards]
        effects.append([None if r is None or r.effect_size != r.effect_size else r.effect_size for r in reports])
        signs.append(["" if r is None else BADGES[r.verdict].sign for r in reports])
        texts.append(
            [
                f"{name}<br>{span_text(b.window.start, b.window.end)}<br>{'' if r is None else BADGES[r.verdict].word}"
                for b, r in zip(boards, reports, strict=True)
            ]
        )
    figure.add_heatmap(
        x=[f"{board.window.end:%Y-%m-%d %H:%M}" for board in boards],
        y=names,
        z=effects,
        zmin=0,
        zmax=0.5,
        text=signs,
        texttemplate="%{text}",
        # Plotly would choose it by the colour of the cell, without what shines through.
        textfont={"color": "#FFFFFF" if dark else "#1A1A1A"},
        customdata=texts,
        hovertemplate="%{customdata}<br>effect %{z:.3f}<extra></extra>",
        colorscale=[[0, "rgba(128,128,128,0.10)"], [0.2, "rgba(213,94,0,0.25)"], [1, "rgba(213,94,0,0.95)"]],
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_xaxes(type="category", nticks=6, showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    figure.update_layout(hovermode="closest")
    return figure


def blank_figure(**layout: object) -> go.Figure:
    """Return a figure with the margins and the legend of every page, and what else it needs."""
    figure = go.Figure()
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 6, "b": 4},
        hovermode="x unified",
        bargap=0.02,
        # A saved picture cannot load the page's font: in one of its own the legend keeps the room that it measured.
        legend={
            **{"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "title": None},
            "font": {"family": "sans-serif"},
        },
        uirevision="keep",
    )
    return figure.update_layout(**layout)


def _broken_at_gaps(
    ends: Sequence[datetime], points: Sequence[float], hover: list[str]
) -> tuple[list[datetime], list[float | None], list[str]]:
    """Break the line where the log was silent, so that no value is drawn where none was computed."""
    if len(ends) < 3:
        return list(ends), list(points), hover
    spacings = [b - a for a, b in pairwise(ends)]
    usual = sorted(spacings)[len(spacings) // 2]
    xs: list[datetime] = []
    ys: list[float | None] = []
    for k, (end, point) in enumerate(zip(ends, points, strict=True)):
        if k and spacings[k - 1] > 3 * usual:
            xs.append(ends[k - 1] + usual)
            ys.append(None)
        xs.append(end)
        ys.append(point)
    return xs, ys, hover


def figure_text(name: str) -> str:
    """Shorten a category, and keep Plotly from reading it as its own HTML."""
    name = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
