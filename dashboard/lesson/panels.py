"""What is seen of a simulation: the verdict, what truly happened against what was noticed, and what to do next."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.lesson.data import ALPHA, STRIDE, WINDOW, Sounded, Told, naive_looks, told
from dashboard.lesson.figures import accuracy_figure
from dashboard.lesson.path import page_link
from dashboard.lesson.run import State, is_live, state_of
from dashboard.lesson.words import BROKEN, HEALTHY, REFERENCE_SAID, RHYTHM_SAID, SCENARIOS, SHAPES, Page
from dashboard.reading import reads
from dashboard.reading.scope import Scope
from dashboard.shown.badges import BADGES, plain
from dashboard.shown.column_figures import CONFIG
from storage.jobs import runs
from storage.jobs.lessons import HISTORY_ROWS, TRAINING_ROWS, Lesson
from storage.jobs.runs import Run

_STATES: dict[State, tuple[str, str, str]] = {
    "preparing": ("Preparing", ":material/hourglass_top:", "blue"),
    "running": ("Running", ":material/play_circle:", "green"),
    "stopping": ("Stopping", ":material/stop_circle:", "orange"),
    "interrupted": ("Interrupted: its process is gone", ":material/error:", "red"),
    "stopped": ("Stopped", ":material/pause_circle:", "gray"),
    "done": ("Done", ":material/check_circle:", "gray"),
}
_RECENT = 1_000


def watch(run_id: int, drawn: State, scope: Scope | None) -> None:
    """Draw a simulation as it stands; where its state has changed, redraw the page with its buttons."""
    run = runs.read_run(reads.log(), run_id)
    state = state_of(run, datetime.now(UTC))
    if state != drawn:
        st.rerun(scope="app")
    lesson = Lesson.of(run)
    _heading(run, lesson, state)
    if run.n_done <= HISTORY_ROWS:
        st.progress(min(run.n_done / HISTORY_ROWS, 1.0), text=f"{run.n_done:,} of {HISTORY_ROWS:,} healthy rows")
        st.caption(f"A model is trained on {TRAINING_ROWS:,} of them, and {REFERENCE_SAID}.")
        return
    found = told(run.model, reads.revision(run.model))
    heard, false = _by_truth(found, lesson)
    _verdict(found)
    _truth(found, lesson, heard, false)
    _next_step(found, lesson, heard, scope)
    rang = _naive(found, lesson, false)
    onset = lesson.onset if lesson.scenario not in HEALTHY and found.n_rows > lesson.onset else None
    figure = accuracy_figure(
        found.bins(),
        n_rows=found.n_rows,
        reference=(TRAINING_ROWS, HISTORY_ROWS),
        onset=onset,
        heard=heard,
        false=false,
        served=found.served,
        rang=rang,
    )
    st.plotly_chart(figure, key="lesson chart", config=CONFIG, height=235, alt="Accuracy over the rows of the log")


def _heading(run: Run, lesson: Lesson, state: State) -> None:
    word, icon, colour = _STATES[state]
    how = f"{SHAPES[lesson.shape].lower()}, {lesson.strength:.0%}" if lesson.scenario not in HEALTHY else ""
    said = [SCENARIOS[lesson.scenario], how, f"{lesson.speed:,} rows/s"]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(word, icon=icon, color=colour)  # type: ignore[arg-type]  # Streamlit lists its colours, a dict of ours holds text
        st.markdown(f"**{plain(run.model)}** · {' · '.join(part for part in said if part)}", width="stretch")
        st.caption(f"row **{run.n_done:,}** of {lesson.n_rows:,}", width="content")
    if not is_live(state) and run.note:
        st.caption(plain(f"{run.note[:1].upper()}{run.note[1:]}."))


def _by_truth(found: Told, lesson: Lesson) -> tuple[tuple[Sounded, ...], tuple[Sounded, ...]]:
    """Return the alarms since the drift began, and those of the time when nothing drifted."""
    if lesson.scenario in HEALTHY:
        return (), found.alarms
    heard = tuple(one for one in found.alarms if one.row > lesson.onset)
    return heard, tuple(one for one in found.alarms if one.row <= lesson.onset)


def _verdict(found: Told) -> None:
    badge = BADGES[found.board.verdict]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.badge(badge.word, icon=badge.icon, color=badge.colour)
        st.markdown(f"**{plain(found.board.sentence)}**", width="stretch")


def _truth(found: Told, lesson: Lesson, heard: tuple[Sounded, ...], false: tuple[Sounded, ...]) -> None:
    """Say what truly happened, which no real board knows, and when it was noticed."""
    n_since = found.n_rows - lesson.onset
    if lesson.scenario in HEALTHY:
        noticed = f"false alarms: {len(false)}" if false else "no alarm has come, which is right"
        said = f"Truth: nothing drifts in {found.n_rows - HISTORY_ROWS:,} live rows; {noticed}."
    elif n_since <= 0:
        said = f"Truth: still healthy; the drift begins at row {lesson.onset:,}, in {-n_since:,} rows."
    elif heard:
        late = heard[0].row - lesson.onset
        said = (
            f"Truth: the drift began at row {lesson.onset:,}; the alarm came {late:,} rows later ({heard[0].stream})."
        )
    else:
        said = f"Truth: the drift began at row {lesson.onset:,}; {n_since:,} rows later no alarm has come."
    if false and lesson.scenario not in HEALTHY:
        said += f" False alarms before that: {len(false)}."
    st.markdown(f":material/visibility: {plain(said)}")
    if lesson.scenario == "seasonal":
        st.caption(RHYTHM_SAID)


def _next_step(found: Told, lesson: Lesson, heard: tuple[Sounded, ...], scope: Scope | None) -> None:
    """Say what to do now, and how it went once it is done."""
    said, page = _advised(found, lesson, heard)
    if said:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":material/arrow_forward: {plain(said)}", width="stretch")
            page_link(page, scope, lesson.model)


def _advised(found: Told, lesson: Lesson, heard: tuple[Sounded, ...]) -> tuple[str, Page]:
    job = reads.active_job(lesson.model)
    if job is not None:
        waits = job.state == "waiting_approval"
        return f"Job {job.id} {'waits for your decision' if waits else 'is retraining the model'}.", "jobs"
    if found.served:
        again = found.board.verdict == "drift" and heard and heard[-1].row > found.served[-1].row
        more = " It drifts again: Retrain asks you to confirm a second training within a day." if again else ""
        return _recovery(found) + more, "jobs"
    if heard and lesson.scenario in BROKEN:
        said = "Repair the feed of the price, do not retrain: a fault teaches nothing."
        return f"{said} This model reads only texts and stays right.", "columns"
    if heard:
        return "Retrain: give a reason, wait about half a minute, approve. The new version then answers here.", "jobs"
    return "", "jobs"


def _recovery(found: Told) -> str:
    """Compare the newest version with what served when it was asked for: in a canary it answers before it serves."""
    newest = found.served[-1]
    before, after = found.accuracy(max(newest.asked_row - _RECENT, 0), newest.asked_row), found.accuracy(newest.row)
    since = f"{after.share:.1%} right since (n = {after.n:,})" if after.n else "its labels are to come"
    return (
        f"{newest.version} serves since row {newest.row:,}: {since}, {before.share:.1%} when its retrain was asked for."
    )


def _times(n: int) -> str:
    return {0: "never", 1: "once"}.get(n, f"{n:,} times")


def _naive(found: Told, lesson: Lesson, false: tuple[Sounded, ...]) -> list[int]:
    """Draw the toggle of the naive mode; return at which rows a plain test would have rung."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        help_ = f"The same log, looked at every {STRIDE} rows: does any column of the newest {WINDOW:,} have p < .05?"
        is_on = st.toggle("Naive mode", key="lesson_naive", help=help_, persist_state="session")
        if not is_on:
            return []
        onset = None if lesson.scenario in HEALTHY else lesson.onset
        looks = naive_looks(lesson.model, found.n_rows, onset)
        rang = [row for row, has_rung in looks if has_rung]
        if not looks:
            said = (
                f"No healthy window of {WINDOW:,} live rows yet: let the drift begin later, or play a healthy scenario."
            )
        else:
            said = f"In {len(looks):,} looks at healthy rows a plain p < {ALPHA:g} rang {_times(len(rang))}, "
            said += f"the rule {_times(len(false))}. Each of these alarms is false."
        st.markdown(f":material/notifications_active: {plain(said)}", width="stretch")
    return rang
