"""What came of each step in words, from the rows of jobs that release 0.1.0 ran."""

import json
from datetime import UTC, datetime

import pytest

from dashboard.jobs.comparison import comparison_table, gain_sentence, recall_losses, slice_losses, slices_table
from dashboard.jobs.steps import steps_table
from dashboard.jobs.words import outcome, trial_sentence
from retrain.judging.evaluation import Judged, compare
from retrain.steps.outputs import JobResult
from storage.jobs.job_rows import STEPS, Job, Step
from tests.conftest import ROOT

STORED = json.loads((ROOT / "tests/data/stored_jobs.json").read_text(encoding="utf-8"))
AT = datetime(2026, 11, 25, tzinfo=UTC)


def job(name: str) -> Job:
    values = dict.fromkeys(Job.__dataclass_fields__)
    values |= {"id": 1, "model": "m", "trigger": "manual", "reason": "why", "requested_by": "ana", "dry_run": False}
    values |= {"created_at": AT, "updated_at": AT, "not_before": AT, "fence": 1, "progress": 1.0}
    return Job(**values | {"state": STORED[name]["state"], "result": STORED[name]["result"]})


def found(name: str) -> dict[str, str]:
    """Return what came of each step by its title."""
    steps = [
        Step(1, STEPS.index(step), step, row["state"], 2, 0, 0, AT, AT, row["output"], None, None)
        for step, row in STORED[name]["steps"].items()
    ]
    table = steps_table(job(name), steps)
    said = [text.replace("\\", "") for text in table["What came of it"]]
    return dict(zip(table["Step"], said, strict=True))


def test_every_step_of_a_promoted_job_says_what_it_put_out():
    assert found("promoted after a trial") == {
        "Pre-check: may it run at all?": "attempt 2, 1,500 new labelled rows ('bad' 779, 'good' 721)",
        "Collect labelled rows": "attempt 2, 1,500 rows ('bad' 779, 'good' 721)",
        "Validate the data": "attempt 2, 0.0% duplicates, labels 0 s late (median)",
        "Train a challenger": "attempt 2, 1,125 rows, recipe tabular",
        "Compare both models": "attempt 2, +78.9 points of accuracy on 375 held-out rows",
        "Register the version": "attempt 2, v2",
        "Approval by a person": "attempt 2",
        "Shadow: scored, never shown": "130 requests scored unseen, 2 looks",
        "Canary: a share of the traffic": "at 100%: 1,990 labelled rows, 2 looks",
        "Promote to champion": "attempt 2, v2",
    }


@pytest.mark.parametrize(
    ("name", "step", "said"),
    [
        ("too few labels", "Pre-check: may it run at all?", "Each class must have at least 900 labelled rows"),
        ("not good enough", "Compare both models", "The challenger is not good enough: accuracy 0.957"),
        ("rolled back", "Shadow: scored, never shown", "The challenger failed on 130 of 130 requests."),
        ("trial begun", "Shadow: scored, never shown", "2 looks"),
    ],
)
def test_a_step_that_ended_its_job_says_why(name, step, said):
    assert said in found(name)[step]


def test_a_comparison_is_read_from_the_result():
    result = JobResult.of(STORED["not good enough"]["result"])
    assert gain_sentence(result).startswith(
        "The challenger is worse by 1.3 points of accuracy [-3.3, +0.6] than the champion on the same 375 held-out "
        "rows; the interval holds 0"
    )
    assert gain_sentence(JobResult()) == "No comparison was recorded."
    assert recall_losses(result.evaluated.comparison) == [
        "Recall of bad falls by 3.7 points, from 96.8 % to 93.1 %.",
    ]
    assert slice_losses(result.evaluated.slices) == []
    table, n_more = slices_table(result.evaluated.slices)
    assert (len(table), n_more) == (5, 1)


def test_two_models_that_say_the_same_are_shown_so_without_probabilities():
    truth = ["a", "b"] * 100
    table = comparison_table(compare(truth, Judged(truth), Judged(truth)))
    assert table["Difference"].tolist()[0].startswith("+0.0\u00a0points [")
    assert table["Champion"].tolist()[1:] == ["—", "100.0\u00a0%", "100.0\u00a0%"]


def test_a_promoted_job_and_a_trial_are_told_in_a_sentence():
    assert outcome(job("promoted after a trial")) == "v2: accuracy 16.3% → 95.2%"
    assert trial_sentence(job("trial begun")) == "v2 scores every request unseen, 0 of at least 200 so far."
    assert trial_sentence(job("canary looked at")).startswith(
        "v2 answers 10% of the requests, 31 of at least 200 at this share so far. "
    )
