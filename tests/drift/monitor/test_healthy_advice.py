"""A healthy model with few labels: what is advised at every look of its lives."""

import numpy as np
import pytest

from drift.board.advice import RETRAIN
from drift.data.policy import DEFAULT_POLICY
from drift.data.windows import Column, RowSpan
from drift.monitor.performance import check_performance

COLUMNS = (
    Column("x", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
N_REFERENCE, N, WINDOW, STEP = 3_000, 12_000, 1_000, 250


def looks(source):
    """Return the board of every look at the newest rows, from the first window after the reference on."""
    ends = range(N_REFERENCE + WINDOW, N + 1, STEP)
    return [check_performance(source, "m", RowSpan(end - WINDOW, end), "training", DEFAULT_POLICY) for end in ends]


@pytest.mark.parametrize(("accuracy", "labelled"), [(0.75, 0.1), (0.9, 0.1), (0.75, 0.3)])
def test_a_healthy_model_is_never_told_to_retrain(accuracy, labelled, array_source):
    lowest = 0.0
    for seed in range(3):
        rng = np.random.default_rng([41, int(100 * accuracy), int(100 * labelled), seed])
        prediction = rng.choice(["no", "yes"], N)
        wrong = rng.random(N) >= accuracy
        label = np.where(wrong, np.where(prediction == "no", "yes", "no"), prediction).astype(object)
        label[(rng.random(N) >= labelled) & (np.arange(N) >= N_REFERENCE)] = None
        values = {"x": rng.normal(size=N), "prediction": prediction, "label": label}
        for board in looks(array_source(COLUMNS, values, {"training": N_REFERENCE})):
            assert board.advice.action in ("none", "monitor")
            assert not board.advice.starts_retrain
            assert board.verdict == "stable"
            found = board.performance
            lowest = min(lowest, found.now.share - found.reference.share)
    assert lowest < -RETRAIN  # such looks come all the same, and are not believed
