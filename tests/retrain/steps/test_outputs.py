"""Outputs of steps, as `stored_jobs.json` holds them: taken from the rows of jobs that release 0.1.0 ran."""

import json
from datetime import UTC, datetime

import pytest

from retrain.steps.outputs import Collected, Evaluated, JobResult, Prechecked, Promoted, Trained, Validated
from retrain.steps.trial import Trial
from retrain.stored import interval_of
from storage.jobs.job_rows import Registered
from tests.conftest import ROOT

STORED = json.loads((ROOT / "tests/data/stored_jobs.json").read_text(encoding="utf-8"))
TYPES = {
    "precheck": Prechecked,
    "collect": Collected,
    "validate": Validated,
    "train": Trained,
    "evaluate": Evaluated,
    "register": Registered,
    "promote": Promoted,
}
DONE = [
    (job, step)
    for job, found in STORED.items()
    for step, row in found["steps"].items()
    if row["state"] == "done" and step in TYPES
]
TRIALS = [job for job, found in STORED.items() if "canary" in found["result"]]


@pytest.mark.parametrize(("job", "step"), DONE)
def test_what_an_older_release_stored_is_read_and_would_be_stored_the_same(job, step):
    stored = STORED[job]["steps"][step]["output"]
    assert json.loads(json.dumps(TYPES[step].of(stored).plain())) == stored


@pytest.mark.parametrize("job", TRIALS)
def test_a_trial_that_an_older_release_began_is_read_and_would_be_stored_the_same(job):
    stored = STORED[job]["result"]["canary"]
    assert json.loads(json.dumps(Trial.of(stored).plain())) == stored


def test_every_field_has_its_type():
    steps = STORED["promoted after a trial"]["steps"]
    collected = Collected.of(steps["collect"]["output"])
    assert (collected.n, collected.start) == (1500, datetime(2026, 11, 2, tzinfo=UTC))
    trained = Trained.of(steps["train"]["output"])
    assert (trained.features, trained.classes) == (("x", "colour"), ("bad", "good"))
    evaluated = Evaluated.of(steps["evaluate"]["output"])
    assert (evaluated.compared_with, evaluated.rollout, len(evaluated.slices)) == ("v1", "canary", 6)
    assert evaluated.comparison.sentence() == evaluated.sentence
    assert evaluated.comparison.passes(0.01)
    assert sum(evaluated.score_shares.shares) == pytest.approx(1)
    assert sum(n for *_, n in evaluated.comparison.challenger.calibration) == 375


def test_the_result_of_a_job_grows_with_its_steps():
    assert JobResult.of(None) == JobResult.of({}) == JobResult()
    rejected = JobResult.of(STORED["not good enough"]["result"])
    assert (rejected.version, rejected.trial) == (None, None)
    assert rejected.evaluated.comparison.difference < 0
    promoted = JobResult.of(STORED["promoted after a trial"]["result"])
    assert (promoted.version, promoted.trial.share, promoted.trial.seen.n_more) == ("v2", 1.0, 0)
    assert [point.share for point in promoted.trial.seen.history] == [0.0, 0.1, 0.1, 0.1, 0.5, 1.0]
    assert JobResult.of(STORED["trial begun"]["result"]).trial.seen is None


def test_a_step_of_the_rollout_put_out_the_trial_that_it_found_or_began():
    rows = STORED["promoted after a trial"]["steps"]
    assert Trial.of_step(rows["shadow"]["output"]).phase == Trial.of_step(rows["canary"]["output"]).phase == "canary"


@pytest.mark.parametrize("step", [step for step in TYPES if step != "register"])
def test_what_is_absent_is_told_by_its_name(step):
    stored = STORED["promoted after a trial"]["steps"][step]["output"]
    optional = {"rollout", "rollout_why", "slices", "score_shares", "reference", "n_reference"}
    for name in stored.keys() - optional - ({"n_held_out"} if step == "promote" else set()):
        with pytest.raises(ValueError, match=rf"must (hold {name}; got|be stored as a mapping)"):
            TYPES[step].of({key: value for key, value in stored.items() if key != name})
    with pytest.raises(ValueError, match="must be stored as a mapping; got list"):
        TYPES[step].of([stored])


def test_a_champion_without_its_name_and_an_interval_of_three_numbers_are_told():
    stored = json.loads(json.dumps(STORED["direct"]["steps"]["evaluate"]["output"]))
    del stored["champion"]["version"]
    with pytest.raises(ValueError, match="the scores of the champion must hold version; got accuracy, log_loss, "):
        Evaluated.of(stored)
    with pytest.raises(ValueError, match=r"interval must be stored as two numbers; got \[1, 2, 3\]."):
        interval_of([1, 2, 3], "interval")


def test_a_release_that_knew_no_rollout_and_no_parts_is_read():
    output = STORED["direct"]["steps"]["evaluate"]["output"]
    older = {name: value for name, value in output.items() if name not in ("slices", "rollout", "score_shares")}
    for side in ("champion", "challenger"):
        older[side] = {name: output[side][name] for name in output[side] if name in OLD_SCORES}
    evaluated = Evaluated.of(older)
    assert (evaluated.rollout, evaluated.slices, evaluated.score_shares) == ("direct", (), None)
    assert (evaluated.comparison.champion.accuracy_interval, evaluated.comparison.champion.calibration) == (None, ())
    checked = Prechecked.of({"recipe": "text", "champion": "v1", "labels": {"good": 600}})
    assert checked.rollout == "direct"


OLD_SCORES = {"accuracy", "log_loss", "recall", "version"}
