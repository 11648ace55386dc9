from datetime import timedelta

import numpy as np
import pytest

from drift.data.samples import CategoricalSample, NumericSample
from drift.data.windows import Column
from retrain.judging.evaluation import Judged
from retrain.judging.slices import compare_slices
from storage.jobs import queue
from tests.retrain.conftest import START, fill, run, simulated

COLUMNS = (Column("x", "numeric"), Column("colour", "categorical"))


def judged(rows, wrong):
    other = np.where(rows["label"] == "good", "bad", "good")
    return Judged(np.where(wrong, other, rows["label"]).tolist())


@pytest.fixture
def rows():
    return simulated(2_000)


def test_each_value_and_each_quarter_is_compared_and_the_worst_comes_first(rows):
    red = (rows["colour"] == "red").to_numpy()
    report = compare_slices(rows, COLUMNS, {}, rows["label"], judged(rows, ~red), judged(rows, red))
    assert len(report.slices) == 6
    first, last = report.slices[0], report.slices[-1]
    assert (first.column, first.part, first.difference) == ("colour", "= red", -1.0)
    assert (last.part, last.difference, last.share_before) == ("= blue", 1.0, None)
    assert first.n == red.sum()
    quarter = [one for one in report.slices if one.column == "x"]
    assert sum(one.n for one in quarter) == 2_000
    assert report.drifted is None
    assert report.worse_where_it_drifted() is None


def test_a_challenger_that_is_worse_on_what_has_grown_is_told_apart(rows):
    red = (rows["colour"] == "red").to_numpy()
    # Of the reference, one in five was red; now it is one in two.
    codes = np.repeat(np.array([0, 1], np.int32), [800, 200])
    reference = {"colour": CategoricalSample(codes, ("blue", "red"))}
    report = compare_slices(rows, COLUMNS, reference, rows["label"], judged(rows, ~red), judged(rows, red))
    assert report.drifted.n == red.sum()
    assert report.worse_where_it_drifted() == (
        f"accuracy 0.000 against the champion's 1.000 on {red.sum():,} rows of colour = red"
    )
    better = compare_slices(rows, COLUMNS, reference, rows["label"], judged(rows, red), judged(rows, ~red))
    assert better.worse_where_it_drifted() is None


def test_quarters_are_those_of_the_reference(rows):
    reference = {"x": NumericSample(np.random.default_rng(0).normal(-1, 1, 1_000))}
    report = compare_slices(rows, COLUMNS[:1], reference, rows["label"], judged(rows, [False]), judged(rows, [False]))
    grown = [one for one in report.slices if one.has_grown]
    assert len(grown) == 1
    assert grown[0].part.startswith("above ")
    assert grown[0].share > 0.5
    assert grown[0].share_before == pytest.approx(0.25)


def test_few_rows_and_missing_values_make_no_slice(rows):
    rows["x"] = np.nan
    report = compare_slices(
        rows.head(90),
        COLUMNS,
        {},
        rows["label"].head(90),
        judged(rows.head(90), [False]),
        judged(rows.head(90), [False]),
    )
    assert {one.column for one in report.slices} <= {"colour"}
    assert all(one.n >= 50 for one in report.slices)


def test_slices_intervals_and_calibration_reach_the_job(log, artifacts):
    fill(log, artifacts, turned=False)
    log.freeze_reference("m", "training", rows=1_000)
    job = run(log, artifacts, queue.start(log, "m", "why", "ana", params={"window_rows": 1500}).job_id)
    assert {one["column"] for one in job.result["slices"]} == {"x", "colour"}
    low, high = job.result["challenger"]["accuracy_interval"]
    assert low < job.result["challenger"]["accuracy"] < high
    assert sum(n for *_, n in job.result["challenger"]["calibration"]) == job.result["n_held_out"]


def test_a_challenger_that_is_better_in_all_but_worse_where_the_data_drifted_is_refused(log, artifacts):
    log.register(
        "m", [*COLUMNS, Column("prediction", "categorical", "prediction"), Column("label", "categorical", "label")]
    )
    old, new = simulated(1_000), simulated(1_500, seed=1, start=START + timedelta(days=1))
    old = old[(old["colour"] == "blue") | (np.arange(1_000) % 4 == 0)]
    blue = (new["colour"] == "blue").to_numpy()
    # The champion is right on red, of which there is much more now, and mostly wrong on blue.
    new["prediction"] = judged(new, blue & (np.arange(1_500) % 4 > 0)).labels
    log.append("m", old.assign(prediction=old["label"]))
    log.append("m", new)
    log.freeze_reference("m", "training", rows=len(old))
    params = {"window_rows": 1_500, "holdout_share": 0.5, "recipe": "tests.retrain.own_recipe:wrong_on_some_red"}
    job = run(log, artifacts, queue.start(log, "m", "why", "ana", params=params).job_id)
    assert (job.state, job.step) == ("rejected", "evaluate")
    assert job.note.startswith("The challenger is worse where the data drifted: accuracy 0.")
    assert "rows of colour = red" in job.note
    assert job.result["difference"] > 0.05
