"""The parts of the page about predictions."""

import streamlit as st

from dashboard.predictions.data import Predictions
from dashboard.predictions.figures import accuracy_figure, confusion_figure, score_figure, shares_figure
from dashboard.shown.badges import BADGES, age_text, p_cell, plain
from dashboard.shown.column_figures import CONFIG
from drift.performance.agreement import Agreement, Delay
from drift.performance.expected import CAVEAT
from drift.performance.report import Concept, LabelDrift, PerformanceReport
from storage.reading.by_version import Answered

_HEIGHT = 260


def verdicts(found: PerformanceReport) -> None:
    """Say what labels show: concept drift first, then the true classes."""
    told: list[tuple[str, Concept | LabelDrift]] = []
    if found.concept is not None:
        told.append(("Right and wrong", found.concept))
    if found.label is not None:
        told.append(("True classes", found.label))
    with st.container(border=True, gap="xsmall"):
        for name, part in told:
            badge = BADGES[part.verdict]
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.badge(badge.word, icon=badge.icon, color=badge.colour)
                st.markdown(f"**{name}.** {plain(part.said)}", width="stretch")
        if found.expected is None:
            st.caption(f"No expected accuracy: {plain(found.why_not)}")
        else:
            st.caption(
                f"Expected accuracy holds {plain(CAVEAT)}: scores alone neither show concept drift nor rule it out."
            )


def numbers(found: PerformanceReport, shown: Predictions) -> None:
    """Show accuracy, what the scores expect, log loss, label coverage and delay, each with its n."""
    facts = [
        _accuracy(found.now, found.reference),
        _expected(found),
        _loss(shown),
        ("Labelled", f"{found.now.coverage:.0%}" if found.now.n_rows else "–", _of(found.now), None),
        _delay(found.delay),
        _label(found.label),
    ]
    with st.grid(6, min_column_width=170, gap="small"):
        for label, value, note, said in facts:
            st.metric(
                label,
                value,
                plain(note),
                delta_color="gray",
                delta_arrow="off",
                border=True,
                height="stretch",
                help=said,
            )


def figures(shown: Predictions, found: PerformanceReport) -> None:
    """Draw accuracy, classes and scores over time, and the labelled rows of the window by class."""
    left, right = st.columns(2, gap="small")
    with left.container(border=True, gap="xsmall"):
        st.markdown("**Accuracy** over time, realised and expected")
        st.plotly_chart(accuracy_figure(shown.points, shown.reference), key="accuracy", config=CONFIG, height=_HEIGHT)
    with right.container(border=True, gap="xsmall"):
        st.markdown("**Classes** over time, predicted and true")
        st.plotly_chart(shares_figure(shown.points), key="classes", config=CONFIG, height=_HEIGHT)
    left, right = st.columns(2, gap="small")
    with left.container(border=True, gap="xsmall"):
        st.markdown("**Score** over time")
        if any(point.mean_score == point.mean_score for point in shown.points):
            st.plotly_chart(score_figure(shown.points), key="score", config=CONFIG, height=_HEIGHT)
        else:
            st.caption("The model logs no score.")
    with right.container(border=True, gap="xsmall"):
        st.markdown(f"**Labelled rows of the window** by class, n = {found.now.n:,}")
        if found.now.n:
            dark = st.context.theme.type == "dark"
            st.plotly_chart(
                confusion_figure(shown.confusion, dark=dark), key="confusion", config=CONFIG, height=_HEIGHT
            )
        else:
            st.caption("No label has come for these rows yet.")


def versions(answered: tuple[Answered, ...]) -> None:
    """List the versions that scored the window's rows, side by side."""
    st.markdown("**Versions** behind the rows of the window")
    config = st.column_config
    st.dataframe(
        [_version_row(one) for one in answered],
        hide_index=True,
        row_height=32,
        alt="Versions that scored the rows of the window",
        column_config={
            "version": config.TextColumn("Version", width=220),
            "role": config.TextColumn("Role", width=110),
            "rows": config.NumberColumn("Rows", format="localized", width=90),
            "labelled": config.NumberColumn("Labelled", format="localized", width=90),
            "accuracy": config.TextColumn("Accuracy", width=90, alignment="right"),
            "interval": config.TextColumn("95 % interval", width=150, alignment="right"),
        },
    )
    if any(one.variant == "shadow" for one in answered):
        st.caption("A shadow's answers were never given: it scored rows that another version answered.")


def _version_row(one: Answered) -> dict[str, object]:
    now = Agreement(one.n_right, one.n_labelled, one.n)
    low, high = now.interval
    return {
        "version": one.version or "not logged",
        "role": one.variant or "–",
        "rows": one.n,
        "labelled": one.n_labelled,
        "accuracy": f"{now.share:.1%}" if now.n else "–",
        "interval": f"{low:.1%} to {high:.1%}" if now.n else "–",
    }


_Fact = tuple[str, str, str, str | None]


def _accuracy(now: Agreement, before: Agreement | None) -> _Fact:
    was = f"reference {before.share:.1%}" if before and before.n else "no labelled reference"
    if not now.n:
        return "Accuracy (labelled)", "–", was, "Share of right predictions on rows whose label has come."
    low, high = now.interval
    said = f"95 % interval {low:.1%} to {high:.1%}, n = {now.n:,}"
    return "Accuracy (labelled)", f"{now.share:.1%}", f"{low:.1%} to {high:.1%}", f"{said}; {was}."


def _expected(found: PerformanceReport) -> _Fact:
    if found.expected is None:
        return "Expected accuracy", "–", "unknown", found.why_not
    low, high = found.expected.interval
    said = f"What the scores promise over all n = {found.expected.n:,} rows, {CAVEAT}."
    if found.expected.outside_share:
        said += f" {found.expected.outside_share:.1%} of the scores lie beyond those of the reference."
    return "Expected accuracy", f"{found.expected.accuracy:.1%}", f"{low:.1%} to {high:.1%}", said


def _loss(shown: Predictions) -> _Fact:
    now, before = shown.points[-1].log_loss if shown.points else float("nan"), shown.reference_log_loss
    note = f"reference {before:.3f}" if before == before else "no labelled reference"
    said = "In nats, for two classes: how much the scores were surprised by what came; 0.693 is a coin."
    return "Log loss", f"{now:.3f}" if now == now else "–", note, said


def _delay(delay: Delay | None) -> _Fact:
    if delay is None:
        return "Label delay", "–", "no label yet", None
    said = f"Over the newest n = {delay.n:,} labels of the window."
    return "Label delay", age_text(delay.median), f"9 in 10 within {age_text(delay.p90)}", said


def _label(label: LabelDrift | None) -> _Fact:
    if label is None:
        return "True classes", "–", "no reference", None
    effect = f"{100 * label.effect_size:.1f} points" if label.effect_size == label.effect_size else "–"
    return (
        "True classes moved",
        effect,
        f"p {p_cell(label.p_value)}, n = {label.n:,}",
        "Against the reference's labels.",
    )


def _of(now: Agreement) -> str:
    return f"{now.n:,} of {now.n_rows:,} rows"
