"""Live simulations: real processes that are stopped, killed and taken up again, and versions that change meanwhile."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from drift.data.policy import DriftPolicy
from drift.data.windows import LastRows, RowSpan
from drift.monitor.performance import check_performance
from retrain.models import artifacts, recipes
from seed.history import COLUMNS
from seed.live import history_rows, play
from storage.database.engine import writing
from storage.jobs import runs
from storage.jobs.lessons import HISTORY_ROWS, TRAINING_ROWS, Lesson
from storage.models import promotion, registration, registry
from storage.models.shadow import count_shadow, read_shadow_pairs
from tests.conftest import ROOT
from tests.patience import PATIENCE, wait_for

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.slow

FAST = {"model": "lesson", "speed": 5_000}


def started(settings, *arguments, scenario="vocabulary", speed=2_000, rows=200_000):
    environment = os.environ | {
        "DRIFT_DATABASE_URL": settings.database_url,
        "DRIFT_ARTIFACTS": str(settings.artifacts),
    }
    command = [sys.executable, "-m", "seed", "--live", "--scenario", scenario, "--model", "lesson"]
    command += ["--speed", str(speed), "--rows", str(rows), *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def the_run(log):
    (run,) = runs.read_runs(log)
    return run


def wait_for_rows(log, n):
    wait_for(lambda: any(run.n_done >= n for run in runs.read_runs(log)), f"{n} rows")


@pytest.mark.each_database
def test_a_simulation_ends_at_its_last_row_and_is_known_as_done(log, settings):
    lesson = Lesson(scenario="vocabulary", after=1_000, rows=2_500, **FAST)
    outcome = play(log, settings, lesson)
    assert (outcome.state, outcome.sentence) == ("done", "Model 'lesson': all 2,500 live rows are written.")
    run = the_run(log)
    assert (run.state, run.n_done, run.n_rejected, log.n_rows("lesson")) == ("done", lesson.n_rows, 0, lesson.n_rows)
    rows = log.read_rows("lesson")
    assert rows["request_id"].tolist() == [f"lesson-7-{k:07}" for k in range(lesson.n_rows)]
    assert rows["predicted_at"].is_monotonic_increasing
    assert rows["predicted_at"].iloc[-1] <= datetime.now(UTC), "no row comes from the future"
    assert (rows["version"].isna() == (rows.index < TRAINING_ROWS)).all()
    assert set(rows["variant"].dropna()) == {"champion"}
    (reference,) = log.references("lesson")
    assert reference.n == HISTORY_ROWS - TRAINING_ROWS
    before = check_performance(log, "lesson", RowSpan(lesson.onset - 1_000, lesson.onset), None, DriftPolicy())
    after = check_performance(log, "lesson", LastRows(1_000), None, DriftPolicy())
    assert (before.verdict, after.verdict) == ("stable", "drift")
    assert min(record.alarm.row for record in after.alarms if record.stream == "oov_share") in range(1_001, 1_301)
    assert play(log, settings, lesson).state == "exists", "what is done is not written twice"
    assert log.n_rows("lesson") == lesson.n_rows


def test_labels_come_a_little_later_and_not_for_every_row(log, settings):
    play(log, settings, Lesson(scenario="none", rows=2_000, **FAST))
    live = log.read_rows("lesson").iloc[HISTORY_ROWS:]
    known = live["label"].notna()
    assert 0.5 < known.iloc[:1_500].mean() < 0.65
    assert (live["labelled_at"] >= live["predicted_at"])[known].all()
    assert known.iloc[-20:].mean() < 0.35, "the labels of the newest rows are under way"
    assert 0.9 < (live["prediction"] == live["label"])[known].mean() < 0.98


def test_the_history_is_healthy_whatever_comes_later():
    end = datetime(2026, 11, 25, tzinfo=UTC)
    plain, trained_at = history_rows(Lesson(model="m", scenario="none"), end)
    broken, _ = history_rows(Lesson(model="m", scenario="sensor"), end)
    assert plain.equals(broken)
    assert (plain["predicted_at"] < trained_at).sum() == pytest.approx(TRAINING_ROWS, abs=1)
    assert plain["labelled_at"].max() <= end


def test_a_stop_is_obeyed_and_the_same_command_goes_on(log, settings):
    process = started(settings, "--after", "500")
    wait_for_rows(log, HISTORY_ROWS + 1_000)
    runs.ask_to_stop(log, the_run(log).id)
    said, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, said.splitlines()[-1]) == (0, "Model 'lesson': stopped as asked.")
    stopped = the_run(log)
    assert (stopped.state, stopped.n_done) == ("stopped", log.n_rows("lesson"))
    again = started(settings, "--after", "500")
    wait_for_rows(log, stopped.n_done + 1_000)
    again.terminate()
    again.communicate(timeout=PATIENCE)
    run = the_run(log)
    assert (run.id, run.state) == (stopped.id, "stopped"), "an end that was asked for is written down"
    rows = log.read_rows("lesson")
    assert rows["request_id"].tolist() == [f"lesson-7-{k:07}" for k in range(run.n_done)]
    assert rows["predicted_at"].is_monotonic_increasing


@pytest.mark.parametrize("n_written", [1, HISTORY_ROWS + 600])
def test_a_killed_simulation_is_taken_up_where_its_last_transaction_ended(log, settings, n_written):
    process = started(settings)
    wait_for_rows(log, n_written)
    process.kill()
    process.communicate()
    left = the_run(log)
    assert left.state == "running", "who is killed cannot say so"
    again = started(settings)
    wait_for_rows(log, max(left.n_done, HISTORY_ROWS) + 500)
    runs.ask_to_stop(log, left.id)
    said, _ = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, said
    run = the_run(log)
    assert (run.id, run.n_done, run.n_rejected) == (left.id, log.n_rows("lesson"), 0)
    assert log.read_rows("lesson")["request_id"].is_unique
    assert [one.version for one in registry.read_versions(log, "lesson")] == ["v1"]
    assert [one.name for one in log.references("lesson")] == ["training"]


def test_a_simulation_ends_with_the_server_that_started_it(log, settings):
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(6_000)"])
    orphan = started(settings, "--parent", str(server.pid))  # not the real parent: as if it were gone
    said, _ = orphan.communicate(timeout=PATIENCE)
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert said.splitlines()[-1] == "Model 'lesson': stopped because the server ended."
    assert the_run(log).state == "stopped"


def test_one_process_plays_a_model_at_a_time(log, settings):
    process = started(settings)
    wait_for_rows(log, HISTORY_ROWS)
    assert play(log, settings, Lesson(model="lesson", scenario="none", rows=10)).state == "busy"
    process.kill()
    process.communicate()


def test_a_model_with_other_rows_is_left_alone(log, settings):
    log.register("lesson", COLUMNS)
    log.append("lesson", [{"predicted_at": datetime.now(UTC), "price": 3.0}])
    with pytest.raises(ValueError, match="model must be a new one; 'lesson' holds 1 other rows"):
        play(log, settings, Lesson(scenario="none", rows=100, **FAST))
    assert log.n_rows("lesson") == 1
    assert the_run(log).note.startswith("stopped: model must be a new one")


def better_version(log, settings):
    """Register a version that has learnt the new words, without letting it serve."""
    rows = log.read_rows("lesson", labelled_only=True).iloc[-1_500:]
    model = recipes.fit("text", rows, rows["label"].tolist(), COLUMNS, 0)
    stored = artifacts.save(model, settings.artifacts, "better")
    return registration.register_version(log, "lesson", uri=stored.uri, sha256=stored.sha256, created_by="test")


def shares_right(log):
    rows = log.read_rows("lesson", labelled_only=True).iloc[-6_000:]
    return (rows["prediction"] == rows["label"]).groupby(rows["version"]).mean()


def test_a_promoted_version_answers_from_then_on(log, settings):
    process = started(settings)
    wait_for_rows(log, HISTORY_ROWS + 4_000)
    assert better_version(log, settings) == "v2"
    promotion.promote_version(log, "lesson", "v2", "ana", "it knows the new words")
    n_before = log.n_rows("lesson")
    wait_for_rows(log, n_before + 3_000)
    runs.ask_to_stop(log, the_run(log).id)
    process.communicate(timeout=PATIENCE)
    newest = log.read_rows("lesson", LastRows(1_000))
    assert set(newest["version"]) == {"v2"}
    versions = log.read_rows("lesson")["version"].iloc[HISTORY_ROWS:].tolist()
    assert versions == sorted(versions), "nobody goes back to the old version"
    right = shares_right(log)
    assert right["v1"] < 0.85 < 0.9 < right["v2"]
    assert newest["oov_share"].mean() < 0.2, "the features of a text are those of the version that answers"


def test_no_row_after_a_promotion_is_answered_by_the_version_that_served_before(log, settings):
    play(log, settings, Lesson(scenario="vocabulary", rows=4_000, **FAST))
    known = log.read_rows("lesson", LastRows(300)).drop(columns=["request_id", "label", "labelled_at"])
    better_version(log, settings)
    late = known.assign(predicted_at=datetime.now(UTC))
    promotion.promote_version(log, "lesson", "v2", "ana", "while v1 answers a batch")
    n_rows = log.n_rows("lesson")
    with pytest.raises(registry.OtherChampion, match="champion must be v1; v2 serves by now"):
        log.append("lesson", late, champion="v1")
    assert log.n_rows("lesson") == n_rows
    assert log.append("lesson", late, champion="v2").accepted == 300


def test_a_challenger_on_trial_scores_unseen_and_answers_its_share(log, settings):
    lesson = Lesson(scenario="vocabulary", rows=4_000, **FAST)
    play(log, settings, lesson)
    since = datetime.now(UTC)
    version = better_version(log, settings)
    with writing(log.engine) as connection:
        promotion.begin_trial(connection, "lesson", version, "challenger", 0.5, "ana")
    longer = Lesson(scenario="vocabulary", rows=5_000, **FAST)
    run = runs.begin(log, "lesson", longer.source, longer.n_rows, longer.fingerprint)
    with log.engine.begin() as connection:
        runs.advance(connection, run, lesson.n_rows)
    play(log, settings, longer)
    newest = log.read_rows("lesson", LastRows(1_000))
    answered = newest.groupby("variant")["version"].agg(["nunique", "first", "size"])
    assert answered.loc["canary", "first"] == "v2"
    assert 350 < answered.loc["canary", "size"] < 650
    assert newest.groupby("entity_id")["version"].nunique().max() == 1, "a customer stays with one version"
    assert count_shadow(log, "lesson", "v2", since)[1] == answered.loc["canary", "size"]
    pairs = read_shadow_pairs(log, "lesson", "v2", since)
    assert pairs.n > 400
    assert pairs.n_won > pairs.n_lost
