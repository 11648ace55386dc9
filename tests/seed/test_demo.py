import os
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drift.data.windows import LastRows, RowSpan
from drift.monitor.boards import check
from drift.text.features import text_features
from retrain.judging.before import pipeline_fault
from retrain.models import artifacts
from seed.demo import DEMO, DRIFT, REFERENCE, SPAN, TRAINING, Plan, build_demo
from storage import open_log
from storage.database.settings import Settings
from storage.jobs import runs
from storage.models import registry
from tests.conftest import ROOT
from tests.patience import wait_for

STABLE_WINDOWS = [RowSpan(first, first + 1_000) for first in range(0, 12_000, 1_000)]


@pytest.mark.slow
def test_without_drift_the_board_stays_stable(built):
    boards = [check(built("none").log, "reviews", window) for window in STABLE_WINDOWS]
    assert [board.verdict for board in boards].count("drift") == 0
    reports = [report for board in boards for report in board.columns]
    assert sum(report.verdict != "stable" for report in reports) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["none", "vocabulary", "concept", "label", "seasonal"])
def test_the_model_is_right_about_as_often_as_the_lesson_says(built, scenario):
    assert 0.93 <= built(scenario).accuracy(drifted=False) <= 0.96
    assert 0.90 <= built(scenario).accuracy(drifted=False, by="label") <= 0.98


@pytest.mark.slow
def test_new_vocabulary_shows_in_the_features_and_costs_accuracy(built):
    board = check(built("vocabulary").log, "reviews", LastRows(1_000))
    verdicts = {report.column: report.verdict for report in board.columns}
    assert board.columns[0].column == "oov_share"
    assert verdicts["oov_share"] == verdicts["exclamation_share"] == verdicts["length"] == "drift"
    assert verdicts["channel"] == verdicts["region"] == verdicts["device"] == "stable"
    assert 0.70 <= built("vocabulary").accuracy(drifted=True) <= 0.85
    before = check(built("vocabulary").log, "reviews", RowSpan(9_000, 9_900))
    assert before.verdict == "stable"


@pytest.mark.slow
def test_concept_drift_shows_in_the_labels_only(built):
    board = check(built("concept").log, "reviews", LastRows(1_000))
    assert {report.verdict for report in board.columns} <= {"stable", "warning"}
    lost = built("concept").accuracy(drifted=False, by="label") - built("concept").accuracy(drifted=True, by="label")
    assert lost >= 0.08
    assert 0.70 <= built("concept").accuracy(drifted=True) <= 0.85


@pytest.mark.slow
def test_label_drift_shows_in_the_predictions_and_costs_nothing(built):
    board = check(built("label").log, "reviews", LastRows(1_000))
    verdicts = {report.column: report.verdict for report in board.columns}
    assert verdicts["prediction"] == verdicts["score"] == "drift"
    assert verdicts["oov_share"] == verdicts["channel"] == verdicts["price"] == "stable"
    assert built("label").accuracy(drifted=True) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("sensor", "price: missing values rose from"),
        ("sensor_stuck", "price moved most"),
        ("sensor_shifted", "price moved most"),
    ],
)
def test_a_broken_feed_shows_in_its_column_only_and_costs_this_model_nothing(built, scenario, said):
    board = check(built(scenario).log, "reviews", LastRows(1_000))
    assert [report.column for report in board.columns if report.verdict == "drift"] == ["price"]
    assert said in board.sentence
    assert built(scenario).accuracy(drifted=True) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        ("sensor", "Missing values of price went from"),
        ("sensor_shifted", "its unit may have changed"),
        ("sensor_stuck", None),
    ],
)
def test_a_retrain_refuses_a_broken_feed_where_the_values_show_it(built, scenario, fault):
    log = built(scenario).log
    price = [column for column in log.columns("reviews") if column.name == "price"]
    reference = log.read_reference("reviews", "training", price)
    found = pipeline_fault(log.read_rows("reviews", LastRows(500)), reference, "training")
    # A value that is stuck within the range is left to a person to see.
    assert found is None if fault is None else fault in found
    said = check(log, "reviews", LastRows(1_000)).advice
    assert (said.guard == "pipeline fault") == (scenario == "sensor")
    assert not said.starts_retrain


@pytest.mark.slow
def test_a_healthy_rhythm_raises_no_alarm(built):
    boards = [check(built("seasonal").log, "reviews", window) for window in STABLE_WINDOWS]
    assert {board.verdict for board in boards} == {"stable"}
    honesty = boards[-1].honesty
    # That neighbouring rows have the hour in common is seen in the reference, and asks for more evidence.
    assert honesty.phi["channel"] > 2 > honesty.phi["region"]
    assert built("seasonal").accuracy(drifted=True) > 0.92


@pytest.mark.slow
def test_the_log_holds_what_the_registered_model_really_says(built):
    demo = built("vocabulary")
    version = registry.read_version(demo.log, "reviews", registry.read_alias(demo.log, "reviews", "champion"))
    assert (version.version, version.stage, version.params["recipe"]) == ("v1", "champion", "text")
    model = artifacts.load(demo.settings.artifacts, version.uri, version.sha256)
    served = demo.rows[demo.rows["version"] == "v1"]
    said = model.predict(served)
    assert said.labels == served["prediction"].tolist()
    np.testing.assert_allclose(said.scores, served["score"])
    features = text_features(served["text"].tolist(), model.vocabulary)
    for name, values in features.items():
        np.testing.assert_array_equal(values, served[name])


@pytest.mark.slow
def test_no_answer_of_the_log_comes_from_a_model_that_was_fitted_on_its_row(built):
    demo = built("none")
    rows = demo.rows
    trained_at = demo.plan.end - SPAN + TRAINING
    assert (rows["version"].isna() == (rows["predicted_at"] < trained_at)).all()
    (reference,) = demo.log.references("reviews")
    assert reference.name == "training"
    assert (reference.start, reference.end) == (trained_at, trained_at + REFERENCE)
    early = rows[rows["version"].isna()]
    assert 0.92 < (early["prediction"] == early["sentiment"]).mean() < 0.96
    version = registry.read_version(demo.log, "reviews", "v1")
    assert version.params["data_end"] == trained_at.isoformat()
    assert version.metrics["accuracy"] == pytest.approx(0.945, abs=0.02)


@pytest.mark.slow
def test_building_again_changes_nothing(built):
    demo = built("none")
    revision = demo.log.revision("reviews")
    assert build_demo(demo.log, demo.settings, demo.plan).state == "exists"
    assert demo.log.revision("reviews") == revision
    (run,) = runs.read_runs(demo.log)
    assert (run.state, run.n_done, run.n_rows, run.n_rejected) == ("done", 12_000, 12_000, 0)


@pytest.mark.slow
def test_a_model_with_rows_of_its_own_is_left_alone(built):
    demo = built("none")
    with pytest.raises(ValueError, match="model must be a new one; 'reviews' holds 12,000 other rows"):
        build_demo(demo.log, demo.settings, replace(demo.plan, seed=99))
    assert demo.log.n_rows("reviews") == 12_000


@pytest.mark.parametrize(
    ("settings", "must"),
    [
        ({"scenario": "earthquake"}, "scenario must be one of none, vocabulary, concept, label"),
        ({"rows": 10}, "rows must be between 1,000 and"),
        ({"strength": 0.0}, "strength must be above 0"),
        ({"strength": float("nan")}, "strength must be above 0"),
        ({"shape": "round"}, "shape must be one of sudden, gradual, recurring"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"end": datetime.fromisoformat("2026-11-25")}, "end must carry a time zone"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_in_a_sentence(settings, must):
    with pytest.raises(ValueError, match=must):
        Plan(**settings)


def test_the_demo_ends_now_and_drifts_in_its_last_days():
    assert (DEMO.model, DEMO.source, DEMO.scenario, DEMO.end) == ("reviews", "demo", "vocabulary", None)
    assert timedelta(days=9) <= DRIFT <= timedelta(days=11)


def start_demo(folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {
        "DRIFT_DATABASE_URL": f"sqlite:///{folder}/drift.db",
        "DRIFT_ARTIFACTS": str(folder / "models"),
    }
    command = [sys.executable, "-m", "seed", "--demo"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def wait_for_rows(log, n: int) -> None:
    wait_for(lambda: any(run.n_done >= n for run in runs.read_runs(log)), f"{n} rows")


@pytest.mark.slow
@pytest.mark.slow
def test_a_second_process_leaves_the_first_alone_and_a_killed_one_is_finished(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path}/drift.db", artifacts=tmp_path / "models")
    log = open_log(settings.database_url)
    first = start_demo(tmp_path)
    wait_for_rows(log, 0)
    assert build_demo(log, settings).state == "busy"
    wait_for_rows(log, 2_000)
    first.kill()
    first.communicate()
    (left,) = runs.read_runs(log)
    second = start_demo(tmp_path)
    said, _ = second.communicate()
    assert second.returncode == 0, said
    (run,) = runs.read_runs(log)
    assert (run.id, run.state, run.n_done, run.n_rejected) == (left.id, "done", 12_000, 0)
    rows = log.read_rows("reviews")
    assert rows["request_id"].is_unique
    assert len(rows) == 12_000
    assert pd.Timestamp(run.started_at) - rows["predicted_at"].iloc[-1] < timedelta(hours=2)
    assert [version.version for version in registry.read_versions(log, "reviews")] == ["v1"]
    assert [reference.name for reference in log.references("reviews")] == ["training"]
    assert check(log, "reviews", LastRows(1_000)).verdict == "drift"
    log.close()
