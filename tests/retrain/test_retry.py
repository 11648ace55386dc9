"""An ended job is opened again at a step that it had reached."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from retrain.steps.pipeline import advance
from storage.database.audit import read_audit
from storage.database.schema import retrain_job
from storage.jobs import decisions, queue
from storage.models import registry
from tests.retrain.conftest import fill, run

RECENT = {"window_rows": 1500, "holdout_share": 0.25}


def ended(log, artifacts, *, refuse=True):
    """Run a job to its gate and refuse the challenger there."""
    fill(log, artifacts)
    job_id = queue.start(log, "m", "red turned bad", "ana", params=RECENT).job_id
    run(log, artifacts, job_id)
    if refuse:
        decisions.refuse(log, job_id, "ben", "not today")
    return job_id


def attempts(log, job_id):
    return {step.name: step.started_at for step in queue.read_steps(log, job_id)}


def test_a_job_goes_on_from_training_with_the_rows_that_it_had_collected(log, artifacts):
    job_id = ended(log, artifacts)
    before = attempts(log, job_id)
    assert (
        decisions.retry(log, job_id, "train", "ana", "one more time").message
        == f"job {job_id} is tried again from train"
    )
    assert queue.read_job(log, job_id).active_model == "m"
    job = run(log, artifacts, job_id)
    assert (job.state, job.decision) == ("waiting_approval", None)
    after = attempts(log, job_id)
    assert {name for name in after if after[name] == before[name]} == {"precheck", "collect", "validate"}
    # Rows may have been answered under the old name: what is trained anew gets its own.
    assert job.result["version"] == "v3"
    decisions.approve(log, job_id, "ben")
    assert run(log, artifacts, job_id).state == "promoted"
    assert registry.read_alias(log, "m", "champion") == "v3"
    assert "retry" in [entry.action for entry in read_audit(log, "m")]


def test_a_refused_challenger_may_be_decided_on_again(log, artifacts):
    job_id = ended(log, artifacts)
    assert decisions.retry(log, job_id, "approval", "ana").accepted
    job = queue.read_job(log, job_id)
    assert (job.state, job.decision, job.result["version"]) == ("waiting_approval", None, "v2")
    decisions.approve(log, job_id, "ben")
    assert run(log, artifacts, job_id).state == "promoted"
    assert registry.read_alias(log, "m", "champion") == "v2"


def test_a_job_that_failed_goes_on_where_it_failed(log, artifacts):
    fill(log, artifacts)
    artifacts.joinpath("jobs").write_text("a file where the folder of the rows should be")
    job_id = queue.start(log, "m", "red turned bad", "ana", params=RECENT).job_id
    for _ in range(4):
        _now_due(log, job_id)
        advance(log, artifacts, "test", job_id)
    job = queue.read_job(log, job_id)
    assert (job.state, job.step) == ("failed", "collect")
    assert job.note.startswith("collect gave up after 3 failures and 0 crashes")
    artifacts.joinpath("jobs").unlink()
    assert decisions.retry(log, job_id, "collect", "ana").accepted
    assert run(log, artifacts, job_id).state == "waiting_approval"
    assert {step.failures for step in queue.read_steps(log, job_id)} == {0}


def _now_due(log, job_id):
    with log.engine.begin() as connection:
        due = sa.update(retrain_job).where(retrain_job.c.id == job_id)
        connection.execute(due.values(not_before=datetime.now(UTC)))


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("shadow", "was never approved: retry from approval or from before it"),
        ("promote", "was never approved"),
    ],
)
def test_no_retry_jumps_over_the_gate(step, said, log, artifacts):
    answer = decisions.retry(log, ended(log, artifacts), step, "ana")
    assert not answer.accepted
    assert said in answer.message


def test_no_retry_jumps_over_a_step_that_was_not_passed(log, artifacts):
    fill(log, artifacts)
    job_id = queue.start(log, "m", "why", "ana", params={"min_rows": 2_000}).job_id
    assert run(log, artifacts, job_id).state == "rejected"
    assert decisions.retry(log, job_id, "train", "ana").message == (
        f"job {job_id} never came to the end of precheck: retry from there or from before it"
    )


def test_what_still_runs_or_has_succeeded_is_not_retried(log, artifacts):
    job_id = ended(log, artifacts, refuse=False)
    assert decisions.retry(log, job_id, "train", "ana").message == f"job {job_id} has not ended: waiting approval"
    decisions.approve(log, job_id, "ben")
    run(log, artifacts, job_id)
    assert (
        decisions.retry(log, job_id, "train", "ana").message
        == f"job {job_id} is promoted: there is nothing to try again"
    )
    with pytest.raises(ValueError, match="step must be one of precheck"):
        decisions.retry(log, job_id, "celebrate", "ana")


def test_a_retry_waits_for_no_other_job_but_says_so(log, artifacts):
    job_id = ended(log, artifacts)
    queue.start(log, "m", "another", "cem")
    answer = decisions.retry(log, job_id, "train", "ana")
    assert (answer.accepted, answer.message) == (False, "another job of model 'm' is active")
    assert queue.read_job(log, job_id).state == "rejected"
