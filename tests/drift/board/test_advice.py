"""What is advised, and the numbers it gives for it."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from drift.board.findings import Guards
from drift.board.result import Board
from drift.columns.report import ColumnReport
from drift.columns.values import Table
from drift.data.samples import CategoricalSample, NumericSample
from drift.data.windows import WindowExtent
from drift.performance.agreement import Agreement, agreement
from drift.performance.expected import Expected
from drift.performance.report import Concept, PerformanceReport

GOOD = Agreement(n_right=9_400, n=10_000, n_rows=10_000)


def board(verdict="drift", **more):
    report = ColumnReport(column="age", kind="numeric", role="feature", verdict=verdict, **more)
    extent = WindowExtent(1_000, None, None)
    return Board(model="m", n=1_000, window=extent, reference="t", columns=(report,))


PREDICTION = ColumnReport(column="answer", kind="categorical", role="prediction", verdict="stable")


# What `drift.monitor.performance` makes of an alarm of accuracy that stands where the loss is large.
STANDS = Concept("drift", "Accuracy fell since about Monday.")


def advice(board, now, before):
    """Return what is advised while an alarm of accuracy stands."""
    found = None if now is None else PerformanceReport(now=now, reference=before, concept=STANDS)
    return recommend(board, found)


def recommend(board, found, guards=None):
    """Return what a board advises with what its labels say."""
    return replace(board, performance=found, guards=guards or Guards()).advice


def test_lost_accuracy_is_a_reason_to_retrain():
    said = advice(board(), Agreement(800, 1_000, 1_000), GOOD)
    assert (said.urgency, said.title) == ("act", "Retrain now")
    assert "from 94.0% (n = 10,000) to 80.0% (n = 1,000)" in said.evidence


def test_drift_that_costs_nothing_can_wait():
    assert recommend(board(), report(Agreement(940, 1_000, 1_000))).urgency == "look"


def test_too_few_labels_prove_nothing_and_the_advice_says_so():
    said = recommend(board(), report(Agreement(8, 12, 1_000)))
    assert "12 of 50 rows with a prediction and its label" in said.evidence
    assert "label a sample" in said.title


def test_a_broken_feed_is_repaired_before_anything_is_retrained():
    rose = board(missing_verdict="drift", reference_missing_share=0.0, missing_share=0.4)
    said = advice(rose, Agreement(800, 1_000, 1_000), GOOD)
    assert said.title == "Repair the data feed before retraining"
    assert "Missing values rose in age." in said.evidence


def test_fewer_missing_values_are_no_fault_of_the_feed():
    fell = board(missing_verdict="drift", reference_missing_share=0.4, missing_share=0.0)
    assert recommend(fell, report(Agreement(940, 1_000, 1_000))).title.startswith("Look at the columns")


def test_lost_accuracy_without_drift_speaks_of_the_labels():
    said = advice(board("stable"), Agreement(800, 1_000, 1_000), GOOD)
    assert said.urgency == "act"
    assert "what the labels mean may have changed" in said.evidence


def test_a_column_whose_alarm_was_answered_is_still_named_beside_lost_accuracy():
    answered = board("stable", effect_size=0.7, adjusted_p_value=1e-9)
    said = advice(answered, Agreement(800, 1_000, 1_000), GOOD)
    assert "No alarm stands, but far from the reference: age." in said.evidence


@pytest.mark.parametrize(("verdict", "urgency"), [("stable", "none"), ("insufficient", "wait"), ("error", "look")])
def test_every_verdict_has_its_advice(verdict, urgency):
    assert advice(board(verdict), None, None).urgency == urgency


def test_better_accuracy_is_no_reason_to_retrain():
    assert recommend(board("stable"), report(Agreement(990, 1_000, 1_000))).urgency == "none"


def test_accuracy_needs_categories():
    assert agreement(NumericSample(np.ones(3)), CategoricalSample(np.zeros(3), ("a",))) is None


def test_a_label_that_was_never_predicted_is_wrong():
    prediction = CategoricalSample(np.array([0, 0]), ("a",))
    assert agreement(prediction, CategoricalSample(np.array([0, 1]), ("a", "b"))) == Agreement(1, 2, 2)


@pytest.mark.parametrize(
    ("n_right", "urgency", "title"),
    [
        (9_300, "look", "Investigate: predictions go wrong more often"),
        (9_100, "look", "Investigate"),
        (8_800, "act", "Retrain"),
        (8_300, "act", "Retrain now"),
    ],
)
def test_how_far_accuracy_fell_decides_how_urgent_it_is(n_right, urgency, title):
    said = advice(board(), Agreement(n_right, 10_000, 10_000), GOOD)
    assert (said.urgency, said.title) == (urgency, title)


def test_a_fall_that_few_labels_cannot_show_is_not_called_none():
    said = recommend(board(), report(Agreement(44, 50, 1_000)))
    assert said.evidence.startswith("No fall of accuracy beyond chance: 88.0% (n = 50)")
    assert "rose from 94.0%" in recommend(board("stable"), report(Agreement(990, 1_000, 1_000))).evidence


def report(now, before=GOOD, **more):
    return PerformanceReport(now=now, reference=before, **more)


# The table of what to do, row by row: how far accuracy fell (points), whether a column drifts, whether an alarm stands.
@pytest.mark.parametrize(
    ("n_right", "verdict", "alarm", "action", "starts"),
    [
        (9_390, "stable", None, "none", False),
        (9_390, "drift", None, "monitor", False),
        (9_390, "drift", "drift", "investigate", False),
        (9_180, "drift", "drift", "investigate", False),
        (9_180, "stable", "drift", "investigate", False),
        (8_880, "drift", "drift", "retrain", True),
        (8_880, "stable", "drift", "retrain", True),
        (8_380, "drift", "drift", "emergency", True),
        (8_380, "drift", "warning", "investigate", False),  # somebody has snoozed it
        (8_880, "stable", None, "monitor", False),
        (5_000, "drift", None, "monitor", False),
    ],
)
def test_with_labels_an_alarm_and_the_loss_decide(n_right, verdict, alarm, action, starts):
    concept = Concept(alarm, "Accuracy fell since about Monday.") if alarm else None
    said = recommend(board(verdict), report(Agreement(n_right, 10_000, 10_000), concept=concept))
    assert (said.action, said.starts_retrain) == (action, starts)
    if starts:
        assert "points (99% interval" in said.evidence


def test_a_loss_that_one_look_shows_without_an_alarm_is_told_and_orders_nothing():
    shown = replace(board("stable"), rule="life", performance=report(Agreement(800, 1_000, 1_000)))
    assert shown.verdict == "stable"
    assert "Look at the accuracy of this window: accuracy fell from 94.0%" in shown.sentence
    assert (shown.advice.urgency, shown.advice.title) == ("look", "Look at the accuracy of this window")
    assert "No alarm of accuracy stands, and one look alone is no reason to retrain." in shown.advice.evidence


@pytest.mark.parametrize(("verdict", "action"), [("stable", "none"), ("warning", "none"), ("drift", "investigate")])
@pytest.mark.parametrize("n_moved", [10, 900])
def test_without_labels_alarms_decide_and_never_start_a_retrain(verdict, action, n_moved):
    # However large the population stability index of what moved is: it decides nothing.
    table = Table(np.array([1_000, 1_000]), np.array([1_000 + n_moved, 1_000 - n_moved]))
    inputs = board(verdict, value_verdict=verdict, table=table)
    said = recommend(replace(inputs, columns=(*inputs.columns, PREDICTION)), None)
    assert (said.action, said.starts_retrain) == (action, False)
    assert "PSI" not in said.evidence
    if action == "investigate":
        assert "label a sample" in said.title


def test_nobody_is_asked_to_label_where_no_predictions_are_logged():
    said = recommend(board("drift", value_verdict="drift"), None)
    assert (said.title, said.starts_retrain) == ("Investigate: find out why inputs moved", False)
    assert "Accuracy cannot be told: no predictions are logged." in said.evidence


@pytest.mark.parametrize(
    ("guards", "guard", "why"),
    [
        (Guards(since_retrain=timedelta(hours=3)), "cool-down", "cool-down is 24 hours"),
        (Guards(labels={"good": 300, "bad": 100}), "too few labels", "400 of 500 labelled rows"),
        (Guards(labels={"good": 600, "bad": 12}), "too few labels", "12 of 50 labelled rows of class 'bad'"),
        (
            Guards(labels={"good": 600, "bad": 0}),
            "one class",
            "the newest 600 labels since the last training are all 'good'",
        ),
    ],
)
def test_a_guard_puts_a_retrain_off_and_says_why(guards, guard, why):
    said = recommend(board(), report(Agreement(800, 1_000, 1_000), concept=STANDS), guards)
    assert (said.action, said.guard, said.urgency, said.starts_retrain) == ("emergency", guard, "wait", False)
    assert why in said.not_now
    assert f"Not now: {said.not_now}." in said.evidence


def test_guards_that_do_not_hold_change_nothing():
    free = Guards(since_retrain=timedelta(days=2), labels={"good": 600, "bad": 100})
    found = report(Agreement(800, 1_000, 1_000), concept=STANDS)
    assert recommend(board(), found, free) == recommend(board(), found)
    # What is only to be looked at needs no guard.
    few = Guards(labels={})
    assert recommend(board(), report(Agreement(9_150, 10_000, 10_000), concept=STANDS), few).guard == ""


def test_a_burst_of_unseen_values_is_a_fault_of_the_pipeline():
    renamed = ColumnReport(
        column="plan", kind="categorical", role="feature", verdict="drift", unseen_verdict="drift", unseen_share=0.6
    )
    found = replace(board(), columns=(renamed,))
    said = recommend(found, report(Agreement(800, 1_000, 1_000), concept=STANDS))
    assert (said.action, said.guard, said.starts_retrain) == ("investigate", "pipeline fault", False)
    assert "came in a burst in plan" in said.evidence
    # A new category that is still small is news from the world.
    small = replace(found, columns=(renamed._replace(unseen_share=0.12),))
    assert recommend(small, report(Agreement(800, 1_000, 1_000), concept=STANDS)).action == "emergency"


def test_an_alarm_by_labels_is_told_although_this_window_looks_well():
    concept = Concept("warning", "Accuracy fell since about Monday.")
    said = recommend(board("stable"), report(Agreement(930, 1_000, 1_000), concept=concept))
    assert said.action == "investigate"
    assert said.evidence.startswith("Accuracy fell since about Monday.")


def test_without_labels_the_expected_accuracy_stands_in_with_its_condition():
    expected = Expected(accuracy=0.91, interval=(0.89, 0.93), n=1_000, outside_share=0.0)
    said = recommend(board(), report(Agreement(0, 0, 1_000), expected=expected))
    assert "Expected accuracy is 91.0% (89.0% to 93.0%) if the relation input -> label is unchanged" in said.evidence
    assert said.action == "investigate"
