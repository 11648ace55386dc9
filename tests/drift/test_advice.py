"""What is advised, and the numbers it gives for it."""

import numpy as np
import pytest

from drift.advice import advice
from drift.columns import ColumnReport
from drift.monitor import Board
from drift.performance import Agreement, agreement
from drift.policy import DriftPolicy
from drift.samples import CategoricalSample, NumericSample
from drift.windows import WindowExtent

POLICY = DriftPolicy()
GOOD = Agreement(n_right=9_400, n=10_000, n_rows=10_000)


def board(verdict="drift", **more):
    report = ColumnReport(column="age", kind="numeric", role="feature", verdict=verdict, **more)
    extent = WindowExtent(1_000, None, None)
    return Board(model="m", verdict=verdict, sentence="", n=1_000, window=extent, reference="t", columns=(report,))


def test_lost_accuracy_is_a_reason_to_retrain():
    said = advice(board(), Agreement(800, 1_000, 1_000), GOOD, POLICY)
    assert (said.urgency, said.title) == ("act", "Retrain now")
    assert "from 94.0% (n = 10,000) to 80.0% (n = 1,000)" in said.evidence


def test_drift_that_costs_nothing_can_wait():
    assert advice(board(), Agreement(940, 1_000, 1_000), GOOD, POLICY).urgency == "look"


def test_too_few_labels_prove_nothing_and_the_advice_says_so():
    said = advice(board(), Agreement(8, 12, 1_000), GOOD, POLICY)
    assert "12 of 50 rows with a prediction and its label" in said.evidence
    assert "label a sample" in said.title


def test_a_broken_feed_is_repaired_before_anything_is_retrained():
    rose = board(missing_verdict="drift", reference_missing_share=0.0, missing_share=0.4)
    said = advice(rose, Agreement(800, 1_000, 1_000), GOOD, POLICY)
    assert said.title == "Repair the data feed before retraining"
    assert "Missing values rose in age." in said.evidence


def test_fewer_missing_values_are_no_fault_of_the_feed():
    fell = board(missing_verdict="drift", reference_missing_share=0.4, missing_share=0.0)
    assert advice(fell, Agreement(940, 1_000, 1_000), GOOD, POLICY).title.startswith("Look at the columns")


def test_lost_accuracy_without_drift_speaks_of_the_labels():
    said = advice(board("stable"), Agreement(800, 1_000, 1_000), GOOD, POLICY)
    assert said.urgency == "act"
    assert "what the labels mean may have changed" in said.evidence


@pytest.mark.parametrize(("verdict", "urgency"), [("stable", "none"), ("insufficient", "wait"), ("error", "look")])
def test_every_verdict_has_its_advice(verdict, urgency):
    assert advice(board(verdict), None, None, POLICY).urgency == urgency


def test_better_accuracy_is_no_reason_to_retrain():
    assert advice(board("stable"), Agreement(990, 1_000, 1_000), GOOD, POLICY).urgency == "none"


def test_accuracy_needs_categories():
    assert agreement(NumericSample(np.ones(3)), CategoricalSample(np.zeros(3), ("a",))) is None


def test_a_label_that_was_never_predicted_is_wrong():
    prediction = CategoricalSample(np.array([0, 0]), ("a",))
    assert agreement(prediction, CategoricalSample(np.array([0, 1]), ("a", "b"))) == Agreement(1, 2, 2)


@pytest.mark.parametrize(
    ("n_right", "urgency", "title"),
    [
        (9_300, "look", "Look at the columns; retraining can wait"),
        (9_100, "look", "Investigate"),
        (8_800, "act", "Retrain"),
        (8_300, "act", "Retrain now"),
    ],
)
def test_how_far_accuracy_fell_decides_how_urgent_it_is(n_right, urgency, title):
    said = advice(board(), Agreement(n_right, 10_000, 10_000), GOOD, POLICY)
    assert (said.urgency, said.title) == (urgency, title)


def test_a_fall_that_few_labels_cannot_show_is_not_called_none():
    said = advice(board(), Agreement(44, 50, 1_000), GOOD, POLICY)
    assert said.evidence.startswith("No fall of accuracy beyond chance: 88.0% (n = 50)")
    assert "rose from 94.0%" in advice(board("stable"), Agreement(990, 1_000, 1_000), GOOD, POLICY).evidence
