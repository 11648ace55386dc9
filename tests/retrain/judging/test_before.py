from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from drift.data.samples import NumericSample
from retrain.judging.before import choose_rollout, pipeline_fault

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
REFERENCE = {"x": NumericSample(np.random.default_rng(0).normal(50, 10, 1_000))}


def fault(values):
    return pipeline_fault(pd.DataFrame({"x": np.array(values, float)}), REFERENCE, "training")


def test_a_number_in_another_unit_is_a_fault_and_a_drift_is_none():
    values = np.random.default_rng(1).normal(50, 10, 500)
    assert fault(values) is None
    assert fault(values + 100) is None
    assert fault(values * 1_000) == (
        "100.0% of x lie more than 10 times the range of the reference training outside it: "
        "its unit may have changed, mend the pipeline first."
    )


def test_one_wild_number_is_no_fault():
    values = np.random.default_rng(1).normal(50, 10, 500)
    values[0] = 1e9
    assert fault(values) is None


def test_a_column_that_never_varied_does_not_say_what_is_far():
    sample = {"x": NumericSample(np.ones(100))}
    assert pipeline_fault(pd.DataFrame({"x": [1.0, 2.0, 3.0]}), sample, "training") is None


@pytest.mark.parametrize(
    ("asked", "has_file", "hours", "rollout"),
    [
        (None, True, 1, "canary"),
        (None, True, 25, "direct"),
        (None, True, None, "direct"),
        (None, False, 1, "direct"),
        ("canary", True, None, "canary"),
        ("direct", True, 1, "direct"),
        ("direct", False, None, "direct"),
        ("canary", False, 1, None),
    ],
)
def test_a_canary_needs_traffic_of_ours_and_a_champion_that_can_answer(asked, has_file, hours, rollout):
    served_at = None if hours is None else NOON - timedelta(hours=hours)
    found, why = choose_rollout(asked, has_file, served_at, NOON)
    assert found == rollout
    assert why.endswith(".")
