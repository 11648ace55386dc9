from datetime import timedelta

import numpy as np
import pytest

from retrain.steps.pipeline import advance
from storage.database.audit import read_audit
from storage.jobs import decisions, queue
from storage.models import registration, registry
from tests.retrain.conftest import COLUMNS, START, fill, run, simulated

RECENT = {"window_rows": 1500, "holdout_share": 0.25}
LATER = START + timedelta(days=3)


def start(log, **params) -> int:
    return queue.start(log, "m", "red turned bad", "ana", params=RECENT | params).job_id


@pytest.mark.parametrize("recipe", ["tabular", "text"])
def test_a_better_challenger_waits_for_a_person_and_then_serves(recipe, log, artifacts):
    fill(log, artifacts, recipe=recipe)
    job_id = start(log)
    waiting = run(log, artifacts, job_id)
    assert (waiting.state, waiting.result["version"]) == ("waiting_approval", "v2"), waiting.note
    assert registry.read_alias(log, "m", "champion") == "v1"
    assert waiting.result["champion"]["accuracy"] < 0.5 < 0.9 < waiting.result["challenger"]["accuracy"]
    assert decisions.approve(log, job_id, "ben").accepted
    promoted = run(log, artifacts, job_id)
    assert (promoted.state, promoted.progress, promoted.active_model) == ("promoted", 1.0, None)
    assert {name: alias.version for name, alias in registry.read_aliases(log, "m").items()} == {
        "champion": "v2",
        "previous": "v1",
    }
    version = registry.read_version(log, "m", "v2")
    assert (version.stage, version.job_id, version.params["recipe"]) == ("champion", job_id, recipe)
    assert len(version.data_sha256) == 64
    assert decisions.rollback(log, "m", "ana").message == "v1 serves again instead of v2"
    assert [entry.action for entry in read_audit(log, "m")][:3] == ["roll back", "promote", "approve"]


def test_a_model_without_a_file_is_compared_by_its_logged_predictions(log, artifacts):
    log.register("m", COLUMNS)
    rows = simulated(1500)
    wrong = np.random.default_rng(0).random(len(rows)) < 0.3
    said = np.where(wrong ^ (rows["label"] == "good"), "good", "bad")
    log.append("m", rows.assign(prediction=said, score=np.where(said == "good", 0.7, 0.3)))
    job = run(log, artifacts, start(log))
    assert job.state == "waiting_approval", job.note
    assert job.result["champion"]["version"] == "imported"
    assert job.result["champion"]["accuracy"] == pytest.approx(0.7, abs=0.05)
    assert job.result["champion"]["log_loss"] == pytest.approx(0.61, abs=0.05)
    assert job.result["n_held_out"] == 375
    decisions.approve(log, job.id, "ben")
    assert run(log, artifacts, job.id).state == "promoted"
    assert registry.read_aliases(log, "m")["previous"].version == "imported"


def test_a_row_that_the_champion_never_answered_is_no_mistake_of_its(log, artifacts):
    log.register("m", COLUMNS)
    rows = simulated(1500)
    log.append("m", rows.assign(prediction=rows["label"].where(np.arange(len(rows)) % 2 == 0), score=0.5))
    job = run(log, artifacts, start(log))
    assert job.result["champion"]["accuracy"] == 1
    assert job.result["n_held_out"] == 187


def test_a_champion_is_not_judged_on_the_rows_that_it_was_trained_on(log, artifacts):
    fill(log, artifacts)
    job = run(log, artifacts, start(log, window_rows=2_500, holdout_share=0.9))
    data_end = registry.read_version(log, "m", "v1").params["data_end"]
    assert job.result["held_out_start"] >= data_end
    assert job.result["n_held_out"] == 1_500


def test_an_approval_does_not_outlive_the_champion_that_was_compared(log, artifacts):
    fill(log, artifacts)
    job = run(log, artifacts, start(log))
    registration.register_version(log, "m", uri=None, sha256=None, created_by="ben", champion=True)
    decisions.approve(log, job.id, "ana")
    job = run(log, artifacts, job.id)
    assert (job.state, job.note) == ("rejected", "v2 was compared with v1, but v3 serves now: start another job.")
    assert registry.read_version(log, "m", "v2").stage == "withdrawn"
    assert registry.read_aliases(log, "m")["champion"].version == "v3"


def test_a_worse_challenger_is_refused_with_both_accuracies(log, artifacts):
    fill(log, artifacts, turned=False)
    bad = simulated(1500, turned=True, start=LATER)
    good = simulated(500, start=LATER + timedelta(minutes=1500))
    for rows in (bad, good):
        log.append("m", rows.assign(prediction="good", score=0.5))
    job = run(log, artifacts, start(log, window_rows=2000))
    assert job.state == "rejected"
    assert "not good enough: accuracy 0." in job.note
    assert "95 % interval" in job.note
    assert "on 500 held-out recent rows" in job.note
    assert job.result["champion"]["accuracy"] > job.result["challenger"]["accuracy"]
    assert [version.version for version in registry.read_versions(log, "m")] == ["v1"]


def test_labels_of_one_class_are_refused(log, artifacts):
    fill(log, artifacts)
    log.append("m", simulated(600, start=LATER).assign(label="good"))
    job = run(log, artifacts, start(log, window_rows=600))
    assert job.state == "rejected"
    # Enough classes since the last training, one class only in the rows to train on.
    assert job.step == "validate"
    assert job.note == "The label must have at least two classes; all 450 labelled rows to train on are 'good'."


def test_too_few_new_labels_are_refused(log, artifacts):
    fill(log, artifacts)
    job = run(log, artifacts, start(log, window_rows=5000, min_rows=2000))
    assert (job.state, job.step) == ("rejected", "precheck")
    assert job.note.startswith("At least 2,000 labelled rows since the champion's data end (2026-11-01 16:40 UTC)")
    assert job.note.endswith("there are 1,500.")


def test_within_the_cool_down_only_an_override_starts_and_the_audit_says_so(log, artifacts):
    fill(log, artifacts)
    first = start(log)
    run(log, artifacts, first)
    decisions.approve(log, first, "ben")
    run(log, artifacts, first)
    refused = run(log, artifacts, start(log, min_rows=100, min_class_rows=10))
    assert (refused.state, refused.step) == ("rejected", "precheck")
    assert "the cool-down ends in 24 h" in refused.note
    again = run(log, artifacts, start(log, min_rows=100, min_class_rows=10, override=True))
    assert again.step != "precheck"
    entry = next(entry for entry in read_audit(log, "m") if entry.action == "override cool-down")
    assert (entry.actor, entry.detail["reason"]) == ("ana", "red turned bad")


@pytest.mark.parametrize(
    ("broken", "said"),
    [({"x": np.nan}, "Missing values of x went from 0.0%"), ({"colour": "RED"}, "100.0% of colour are values that")],
)
def test_a_broken_pipeline_is_not_learnt_from(broken, said, log, artifacts):
    fill(log, artifacts)
    log.freeze_reference("m", "training", rows=1000)
    log.append("m", simulated(500, start=LATER).assign(**broken))
    job = run(log, artifacts, start(log))
    assert (job.state, job.step) == ("rejected", "precheck")
    assert job.note.startswith(said)
    assert "mend the pipeline first" in job.note
    # A feed that was mended since does not mend the rows that were labelled meanwhile.
    log.append("m", simulated(1000, start=LATER + timedelta(days=1)).drop(columns="label"))
    job = run(log, artifacts, start(log))
    assert (job.state, job.step) == ("rejected", "validate")
    assert job.note.startswith(said)


def test_rows_without_a_label_are_left_out_and_counted(log, artifacts):
    fill(log, artifacts)
    log.append("m", simulated(100, start=START + timedelta(days=1, minutes=200)).drop(columns="label"))
    job_id = start(log)
    run(log, artifacts, job_id)
    output = next(step.output for step in queue.read_steps(log, job_id) if step.name == "collect")
    assert output["n"] == 1500
    assert output["left_out"] == {"without a label yet": 100}


def test_a_dry_run_compares_and_registers_nothing(log, artifacts):
    fill(log, artifacts)
    job_id = queue.start(log, "m", "just to see", "ana", params=RECENT, dry_run=True).job_id
    job = run(log, artifacts, job_id)
    assert job.state == "rejected"
    assert job.note.startswith("Dry run, nothing is registered. The challenger would pass: accuracy 0.9")
    assert len(registry.read_versions(log, "m")) == 1


def test_a_champion_whose_file_was_changed_is_refused_at_once(log, artifacts):
    fill(log, artifacts)
    (artifacts / "m-first.skops").write_bytes(b"\x80\x04something else")
    job = run(log, artifacts, start(log))
    assert (job.state, job.step) == ("rejected", "evaluate")
    assert "sha256 of m-first.skops must be" in job.note


def test_rows_changed_after_they_were_collected_are_refused(log, artifacts):
    fill(log, artifacts)
    job_id = start(log)
    for _ in ("precheck", "collect"):
        advance(log, artifacts, "test", job_id)
    (path,) = (artifacts / "jobs" / str(job_id)).glob("*.parquet")
    path.write_bytes(path.read_bytes() + b" ")
    job = run(log, artifacts, job_id)
    assert (job.state, job.step) == ("rejected", "validate")
    assert "as collected" in job.note


def test_params_that_are_not_allowed_are_said(log, artifacts):
    fill(log, artifacts)
    job = run(log, artifacts, queue.start(log, "m", "why not", "ana", params={"windowrows": 3}).job_id)
    assert job.state == "rejected"
    assert "got windowrows" in job.note


def test_a_step_that_fails_is_tried_again_after_a_pause(log, artifacts):
    fill(log, artifacts)
    artifacts.joinpath("jobs").write_text("a file where the folder of the rows should be")
    job_id = start(log)
    job = run(log, artifacts, job_id)
    assert job.state == "queued"
    assert job.note.startswith("collect failed and will be tried again: NotADirectoryError")
    assert (job.not_before - job.updated_at).total_seconds() == pytest.approx(2, abs=0.1)


def test_a_model_that_nothing_can_be_compared_with_is_refused_before_anything_is_trained(log, artifacts):
    log.register("m", [column for column in COLUMNS if column.role != "prediction"])
    log.append("m", simulated(1500).drop(columns="prediction", errors="ignore"))
    job = run(log, artifacts, start(log))
    assert (job.state, job.step) == ("rejected", "precheck")
    assert "neither a model file nor logged predictions" in job.note


def test_a_score_of_the_other_class_is_not_taken_for_a_probability(log, artifacts):
    log.register("m", COLUMNS)
    rows = simulated(1500)
    log.append("m", rows.assign(prediction=rows["label"], score=np.where(rows["label"] == "bad", 0.9, 0.1)))
    job = run(log, artifacts, start(log))
    assert job.result["champion"]["accuracy"] == 1.0
    assert job.result["champion"]["log_loss"] is None


@pytest.mark.parametrize("act", [decisions.approve, decisions.refuse, decisions.cancel])
def test_a_decision_needs_the_name_of_a_person(act, log, artifacts):
    fill(log, artifacts)
    with pytest.raises(ValueError, match="by must be the name of a person"):
        act(log, start(log), " ")
