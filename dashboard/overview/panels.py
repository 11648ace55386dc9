"""The parts of the overview, from the verdict down to the chosen column."""

from datetime import datetime
from typing import Literal

import streamlit as st

from dashboard.overview.alarms import answer_alarms
from dashboard.overview.cards import cards
from dashboard.reading import reads
from dashboard.reading.addresses import read_span
from dashboard.reading.scope import Scope
from dashboard.shown.badges import BADGES, extent_text, plain, span_text
from dashboard.shown.column_figures import CONFIG, distribution_figure, heat_figure, timeline_figure
from dashboard.shown.tables import column_table
from drift.board.result import Board
from drift.monitor.boards import begun_after, onset
from drift.wording import honesty_line

_ADVICE_ICONS = {
    "act": ":material/model_training:",
    "look": ":material/search:",
    "wait": ":material/hourglass_empty:",
    "none": ":material/check:",
}


def verdict_card(scope: Scope, board: Board, history: reads.History) -> None:
    """Show what the board comes to, how long the windows before it have drifted, and what was compared with what."""
    badge, sentence = BADGES[board.verdict], board.sentence
    with st.container(border=True, height="stretch", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(badge.word, icon=badge.icon, color=badge.colour)
            st.markdown(f"**{plain(sentence)}**", width="stretch")
        if board.verdict == "drift" and (since := onset(begun_after(history.boards, reference_end(scope)))):
            st.markdown(plain(since[1]))
        concept = board.performance.concept if board.performance else None
        if concept and concept.verdict in ("drift", "warning") and concept.said not in sentence:
            st.markdown(plain(concept.said))
        version = reads.champion(scope.model)
        serving = f"Champion **{version}**" if version else "No version registered"
        rule, meaning = rule_text(board)
        st.caption(
            f"Window **{plain(extent_text(board.window))}** against {plain(reference_text(scope))}.  \n"
            f"{serving} · rule: {rule}",
            help=f"{meaning} Inputs that moved do not show that the model got worse: only labels do.",
        )
        if board.honesty:
            st.caption(f":material/balance: {plain(honesty_line(board.honesty))}")


def rule_text(board: Board) -> tuple[str, str]:
    """Name the rule behind the badges, and say what it promises."""
    policy = reads.POLICY
    if board.rule == "life" and board.honesty:
        kept = f"{board.honesty.alpha:.0%} over {board.honesty.horizon:,} rows, all columns together"
        return f"alarm for life ({kept}); red from an effect of {policy.min_effect:g}", (
            "However often one looks, a healthy model raises any alarm in that many rows with at most that chance. "
            f"An alarm stays until it is answered: red where the window's effect is at least {policy.min_effect:g}, "
            "amber below. A small p-value of a column alone colours nothing; accuracy that labels show to have fallen "
            "is amber until their own alarm sounds."
        )
    return f"one look, adjusted p ≤ {policy.alpha:g} and effect ≥ {policy.min_effect:g}, n ≥ {policy.min_sample}", (
        f"Where nothing moved, about {policy.alpha:.0%} of such looks show a difference between values, and as many "
        "one between missing shares or new values: looked at again and again, one will. Compare with a frozen "
        "reference for alarms that hold over a monitor's whole life."
    )


def reference_text(scope: Scope) -> str:
    """Name the reference with its rows and dates."""
    if scope.reference and read_span(scope.reference):
        return f"another window, {extent_text(reads.extent(scope.model, reads.revision(scope.model), scope.reference))}"
    for reference in reads.references(scope.model, reads.revision(scope.model)):
        if reference.name == scope.reference:
            return f"{reference.name}, {span_text(reference.start, reference.end)}, n = {reference.n:,}"
    return "the window before it" if scope.reference else "the window before it; no reference is frozen yet"


def reference_end(scope: Scope) -> datetime | None:
    """Return when what windows are compared with ends: no drift begins before it."""
    if span := read_span(scope.reference):
        return span.end
    frozen = reads.references(scope.model, reads.revision(scope.model))
    return next((reference.end for reference in frozen if reference.name == scope.reference), None)


def action_card(scope: Scope, board: Board) -> None:
    """Say what to do, with the evidence; offer to answer the alarms."""
    said = board.advice
    with st.container(border=True, height="stretch", gap="xsmall"):
        st.markdown(f"{_ADVICE_ICONS[said.urgency]} **{plain(said.title)}.** {plain(said.evidence)}")
        kind: Literal["primary", "secondary"] = "primary" if said.urgency == "act" else "secondary"
        with st.container(horizontal=True, gap="small"):
            if st.button("Start or follow a retrain", icon=":material/model_training:", type=kind, key="to retrain"):
                st.switch_page("views/jobs.py", query_params=scope.address())
            answer_alarms(scope, board)


def card_row(board: Board, history: reads.History) -> None:
    """Show the six numbers with their sparklines."""
    with st.grid(6, min_column_width=170, gap="small"):
        for card in cards(board, history.boards, history.agreements):
            st.metric(
                card.label,
                card.value,
                plain(card.note),
                delta_color=card.colour,
                delta_arrow="off",
                chart_data=list(card.series) if len(card.series) > 1 else None,
                chart_type=card.shape,
                border=True,
                height="stretch",
                help=card.help or None,
            )


def column_choice(scope: Scope, board: Board, history: reads.History, revision: int) -> str:
    """List the columns, the worst first; return the one whose row is chosen."""
    names = [report.column for report in board.columns]
    start = names.index(scope.column) if scope.column in names else 0
    largest = max([0.5, *(report.effect_size for report in board.columns if report.effect_size > 0)])
    config, badges = st.column_config, BADGES.values()
    event = st.dataframe(
        column_table(board, history.boards),
        key=f"columns {scope.model} {revision} {scope.window_text} {scope.reference}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [start]}},
        height=min(29 * len(names) + 38, 270),
        row_height=29,
        alt="Result for each column, the worst first",
        column_config={
            "column": config.TextColumn("Column", pinned=True, width=170),
            "verdict": config.MultiselectColumn(
                "Verdict", options=[b.cell for b in badges], color=[b.cell_colour for b in badges], width=100
            ),
            "effect": config.ProgressColumn(
                "Effect", min_value=0, max_value=largest, format="%.3f", color="orange", width=140, help="0 to 1"
            ),
            "trend": config.LineChartColumn(
                f"Effect, {len(history.boards)} windows", y_min=0, y_max=largest, width=170
            ),
            "test": config.TextColumn("Test", width=60),
            "statistic": config.TextColumn("Statistic", width=80, alignment="right"),
            "p": config.TextColumn("p", width=80, alignment="right"),
            "adjusted": config.TextColumn("p adjusted", width=90, alignment="right", help="Over all columns"),
            "missing": config.TextColumn("Missing", width=75, alignment="right"),
            "unseen": config.TextColumn("Unseen", width=75, alignment="right", help="Not in the reference"),
            "n": config.NumberColumn("n", format="localized", width=70),
            "reason": config.TextColumn("What moved", width=420),
        },
    )
    chosen = event.selection.rows
    return names[chosen[0] if chosen and chosen[0] < len(names) else start]


def two_charts(scope: Scope, board: Board, history: reads.History, revision: int, column: str) -> None:
    """Draw the chosen column: what it holds, and its p-value over time."""
    report = next(report for report in board.columns if report.column == column)
    badge = BADGES[report.verdict]
    detail = reads.detail(scope.model, revision, scope.window_text, scope.reference, column)
    left, right = st.columns(2, gap="small")
    with left.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(column)}** · distribution", width="content")
            st.badge(badge.word, icon=badge.icon, color=badge.colour)
            st.space("stretch")
            address = scope.address(column=column)
            st.page_link("views/columns.py", label="In depth", icon=":material/tune:", query_params=address)
        if detail is None:
            st.caption("Nothing to compare with.")
        else:
            st.plotly_chart(
                distribution_figure(detail.shown), key="overlay", config=CONFIG, height=215, alt=report.reason
            )
    with right.container(border=True, gap="xsmall"):
        st.markdown(f"**{plain(column)}** · adjusted p, window by window (drawn down to 1e-24)")
        figure = timeline_figure(history.boards, column, reads.POLICY.alpha, reference_end(scope))
        st.plotly_chart(figure, key="timeline", config=CONFIG, height=215, alt=f"p-value of {column} over time")


def heat_strip(history: reads.History) -> None:
    """Show every column in every window at one glance."""
    n_columns = len(history.boards[-1].columns)
    with st.container(border=True, gap="xsmall"):
        st.markdown("**All columns, window by window** · effect as colour, ■ drift, ▲ warning, ○ too few rows")
        figure = heat_figure(history.boards, dark=st.context.theme.type == "dark")
        st.plotly_chart(
            figure, key="heat", config=CONFIG, height=22 * n_columns + 50, alt="Effect of each column in each window"
        )
