"""The parts of the page about one column."""

import streamlit as st

from dashboard.overview.panels import reference_end
from dashboard.reading import reads
from dashboard.reading.scope import Scope, choose_column
from dashboard.shown.badges import BADGES, TESTS, extent_text, number_cell, p_cell, plain
from dashboard.shown.column_figures import CONFIG, distribution_figure, residuals_figure, steps_figure, timeline_figure
from dashboard.shown.details import ColumnDetail
from dashboard.shown.tables import categories_frame, parts_frame, quantiles_frame
from drift.board.result import Board
from drift.columns.by_category import MOST_PARTS
from drift.columns.report import ColumnReport
from drift.wording import share_text


def column_choice(scope: Scope, board: Board) -> ColumnReport:
    """Ask for a column, the worst first; return its report."""
    reports = {report.column: report for report in board.columns}
    if scope.column not in reports:
        choose_column(next(iter(reports)))
    # Said anew each time: the browser would keep the mark of the verdict that the column had before.
    st.session_state["column choice"] = st.session_state["column"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        chosen = st.selectbox(
            "Column",
            list(reports),
            key="column choice",
            format_func=lambda name: f"{BADGES[reports[name].verdict].cell[0]} {name}",
            width=260,
            label_visibility="collapsed",
            on_change=lambda: choose_column(st.session_state["column choice"]),
        )
        report = reports[chosen]
        badge = BADGES[report.verdict]
        st.badge(badge.word, icon=badge.icon, color=badge.colour)
        st.markdown(f"**{plain(report.reason)}**", width="stretch")
    return report


def numbers(report: ColumnReport, detail: ColumnDetail | None) -> None:
    """Show what the test found, missing and unseen values, each with its n."""
    before = share_text(report.reference_missing_share) if report.n_reference else "–"
    moved = f"{detail.moved_sd:.2f} sd" if detail and detail.moved_sd == detail.moved_sd else "–"
    facts = [
        (
            "Effect",
            number_cell(round(report.effect_size, 3)),
            f"{TESTS[report.test]} statistic {number_cell(report.statistic)}",
        ),
        ("p, adjusted", p_cell(report.adjusted_p_value), f"alone {p_cell(report.p_value)}"),
        ("Moved on average", moved, f"PSI {detail.psi:.2f}" if detail and detail.psi == detail.psi else "PSI –"),
        ("Missing", share_text(report.missing_share) if report.n else "–", f"reference {before}"),
        ("Unseen values", share_text(report.unseen_share), f"out of range {share_text(report.out_of_range_share)}"),
        ("Rows", f"{report.n:,}", f"reference {report.n_reference:,}"),
    ]
    with st.grid(6, min_column_width=170, gap="small"):
        for label, value, note in facts:
            st.metric(label, value, plain(note), delta_color="gray", delta_arrow="off", border=True, height="stretch")


def figures(scope: Scope, report: ColumnReport, detail: ColumnDetail, revision: int) -> None:
    """Draw the distribution, where it moved, and when."""
    left, right = st.columns(2, gap="small")
    with left.container(border=True, gap="xsmall"):
        beyond = " · the outer bins hold everything beyond them" if detail.shown.edges.size else ""
        st.markdown(f"**Distribution**{beyond}")
        st.plotly_chart(distribution_figure(detail.shown), key="overlay", config=CONFIG, height=260)
    with right.container(border=True, gap="xsmall"):
        if detail.residuals is not None:
            st.markdown("**Points gained and lost** · hatched: within three standard errors")
            st.plotly_chart(residuals_figure(detail.shown, detail.residuals), key="moved", config=CONFIG, height=260)
        elif detail.steps is not None:
            st.markdown("**Share of rows up to each value**, with the KS distance")
            st.plotly_chart(steps_figure(detail.steps), key="steps", config=CONFIG, height=260)
        else:
            st.caption("No values to compare.")
    history = reads.history(scope.model, revision, scope.window_text, scope.reference)
    left, right = st.columns(2, gap="small")
    with left.container(border=True, gap="xsmall"):
        st.markdown("**Adjusted p**, window by window (drawn down to 1e-24)")
        figure = timeline_figure(history.boards, report.column, reads.POLICY.alpha, reference_end(scope))
        st.plotly_chart(figure, key="timeline", config=CONFIG, height=280)
    with right.container(border=True, gap="xsmall"):
        comparison(report, detail)


def comparison(report: ColumnReport, detail: ColumnDetail) -> None:
    """List quantiles or categories, and the values that the reference has never seen."""
    if detail.residuals is not None:
        st.markdown("**Categories**, those that moved most first")
        st.dataframe(categories_frame(detail.shown, detail.residuals), hide_index=True, height=280, row_height=29)
    elif detail.quantiles:
        st.markdown("**Quantiles**")
        st.dataframe(quantiles_frame(detail), hide_index=True, row_height=32)
    if report.unseen_categories:
        st.markdown("**Unseen in the reference**")
        st.dataframe(
            [{"value": name, "rows": count} for name, count in report.unseen_categories], hide_index=True, row_height=29
        )


def parts(scope: Scope, report: ColumnReport, revision: int) -> None:
    """Ask for another column, and list how far this one moved within each of its categories."""
    every = [c.name for c in reads.log().columns(scope.model) if c.kind == "categorical" and c.name != report.column]
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown("**By category** · did it move everywhere, or only for some?", width="content")
            by = st.selectbox(
                "By", every, None, key="by", placeholder="choose a column", width=220, label_visibility="collapsed"
            )
        if by is None:
            return
        found = reads.parts(scope.model, revision, scope.window_text, scope.reference, report.column, by)
        if not found:
            st.caption("Nothing to compare with.")
            return
        st.dataframe(
            parts_frame(found, by),
            hide_index=True,
            row_height=29,
            key="parts",
            alt=f"{report.column} within each category of {by}",
            column_config={
                "verdict": st.column_config.MultiselectColumn(
                    options=[badge.cell for badge in BADGES.values()],
                    color=[badge.cell_colour for badge in BADGES.values()],
                    width=100,
                ),
                "reference n": st.column_config.NumberColumn(format="localized"),
                "n": st.column_config.NumberColumn(format="localized"),
                "effect": st.column_config.TextColumn(alignment="right"),
                "p adjusted": st.column_config.TextColumn(alignment="right"),
                "what moved": st.column_config.TextColumn(width=520),
            },
        )
        st.caption(
            f"The {MOST_PARTS} most frequent categories of the window. One look: p is adjusted over the categories, "
            "and whoever tries many columns will find one."
        )


def raw_rows(scope: Scope, board: Board, revision: int) -> None:
    """Show the rows of the window page by page, and offer them as a file."""
    n_pages = max(-(-board.n // reads.PAGE_ROWS), 1)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**Rows of the window** · {plain(extent_text(board.window))}", width="content")
        st.space("stretch")
        page = st.pagination(n_pages, key=f"page {scope.model} {scope.window_text}") if n_pages > 1 else 1
        model, window = scope.model, scope.window_text
        st.download_button(
            "Export the window",
            lambda: reads.window_csv(model, window),
            file_name=f"{model}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.dataframe(
        reads.rows(scope.model, revision, scope.window_text, (page or 1) - 1),
        hide_index=True,
        height=300,
        placeholder="",
    )
