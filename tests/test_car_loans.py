"""Real data end to end: 100,000 car loans, imported and checked by the commands that people type."""

import json
import os
import subprocess
import sys
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from drift.data.series import sliding_windows
from drift.data.windows import Column, LastRows, RowSpan
from drift.monitor.boards import check, timeline
from drift.monitor.references import prepare
from drift.monitor.source import monitored
from drift.monitor.watch import watch
from drift.statistics.kolmogorov_smirnov import ks_test
from retrain.models.artifacts import load
from storage import open_log
from storage.checking.cells import category_text
from storage.models import registry
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

DATA = ROOT.parent / "shared" / "data"
CHUNK, N_REFERENCE, DRIFT_BEGINS = 5_000, 50_000, 75_000
DRIFTED = {"car_value", "loan_length", "repaid_loan_on_prev_car", "score"}
# 9 points of its traffic moved: far beyond chance, and just below the 10 points that are red.
MOVED_LESS = {"salary_range"}
STEADY = {"debt_to_income_ratio", "driver_tenure", "size_of_downpayment", "prediction"}


def run(url, *command):
    environment = os.environ | {"DRIFT_DATABASE_URL": url}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('car')}/drift.db"
    options = "--model car_loan --time ts --prediction prediction --score score --label label --id id --ignore segment"
    file = str(DATA / "nannyml_car_loan.parquet")
    done = run(url, "storage", "import", file, *options.split(), "--reference-rows", str(N_REFERENCE))
    assert done.returncode == 0, done.stderr
    assert "100,000 rows imported, 0 rejected" in done.stdout
    return url


@pytest.fixture(scope="module")
def car_log(url):
    log = open_log(url)
    yield log
    log.close()


@pytest.fixture(scope="module")
def published():
    """Figures of rows 50,000 on, in chunks, by our column names."""

    def read(name):
        frame = pd.read_csv(DATA / "expected" / name).replace(
            {"col": {"y_pred_proba": "score", "y_pred": "prediction"}}
        )
        return frame.set_index(["col", "chunk"])

    return read


@pytest.fixture(scope="module")
def chunks(car_log):
    """Reports of every chunk by column, from row 50,000 on."""
    boards = timeline(car_log, "car_loan", sliding_windows(2 * N_REFERENCE, 10, width=CHUNK))
    return {(report.column, k): report for k, board in enumerate(boards) for report in board.columns}


def test_the_newest_loans_drift_where_they_should_and_nowhere_else(url):
    done = run(url, "drift", "check", "--model", "car_loan", "--last", str(CHUNK), "--json")
    assert done.returncode == 1, done.stderr
    board = json.loads(done.stdout)
    verdicts = {column["column"]: column["verdict"] for column in board["columns"]}
    expected = dict.fromkeys(DRIFTED, "drift") | dict.fromkeys(MOVED_LESS, "warning") | dict.fromkeys(STEADY, "stable")
    assert verdicts == expected
    assert "score and 3 of 7 features (car_value moved most, KS distance 0.44)" in board["sentence"]
    assert "salary_range moved too" in board["sentence"]


def test_nothing_alarms_before_the_drift_and_car_value_within_500_rows_after_it(car_log):
    board = check(car_log, "car_loan", LastRows(CHUNK))
    of_columns = [record for record in board.alarms if record.stream != "accuracy"]  # which counts labels
    rows = {record.stream: N_REFERENCE + record.alarm.row for record in of_columns}
    assert set(rows) == DRIFTED | MOVED_LESS
    assert min(rows.values()) > DRIFT_BEGINS
    assert rows["car_value"] <= DRIFT_BEGINS + 500
    onsets = {record.stream: N_REFERENCE + record.alarm.onset for record in of_columns}
    assert all(abs(onsets[column] - DRIFT_BEGINS) < 100 for column in DRIFTED)
    assert ", begun about 2019-03-31 0" in board.sentence


def test_a_healthy_replay_of_the_loans_raises_nothing(car_log):
    honesty = check(car_log, "car_loan", LastRows(CHUNK)).honesty
    assert (honesty.replay.n_lives, honesty.replay.n_alarmed) == (8, 0)
    assert max(honesty.phi.values()) < 1.5


def test_the_whole_drifted_period_has_the_same_columns(car_log):
    board = check(car_log, "car_loan", RowSpan(DRIFT_BEGINS, 2 * N_REFERENCE))
    assert f"{board.window.start:%Y-%m-%d %H:%M}" == "2019-03-31 03:00"
    assert {report.column for report in board.columns if report.verdict == "stable"} == STEADY
    assert {report.column for report in board.columns if report.verdict == "drift"} == DRIFTED


@pytest.mark.parametrize("column", ["car_value", "debt_to_income_ratio", "driver_tenure", "score"])
def test_ks_distances_are_the_published_ones(chunks, published, column):
    for k, row in published("car_loan_ks.csv").loc[column].iterrows():
        found = chunks[column, k]
        assert found.statistic == pytest.approx(row["nannyml_ks"], abs=3e-4)  # theirs is binned
        assert found.statistic == pytest.approx(row["scipy_ks"], abs=1e-12)
        assert found.p_value == pytest.approx(row["scipy_p"], rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("column", ["salary_range", "size_of_downpayment", "repaid_loan_on_prev_car", "prediction"])
def test_chi_squared_is_the_published_one_without_yates(chunks, published, column):
    for k, row in published("car_loan_chi2.csv").loc[column].iterrows():
        assert chunks[column, k].statistic == pytest.approx(row["scipy_nocorr"], rel=1e-9)


def test_nothing_alarms_before_the_drift_and_everything_after(chunks):
    alarmed = {key for key, report in chunks.items() if report.verdict != "stable"}
    assert alarmed == {(column, k) for column in DRIFTED | MOVED_LESS for k in range(5, 10)}


def test_the_first_alarm_of_every_column_comes_within_500_rows_of_the_drift_and_none_before(car_log):
    columns = monitored(car_log, "car_loan")
    ready = prepare(car_log, "car_loan", car_log.references("car_loan")[0].name, columns)
    alarms = watch(car_log, "car_loan", ready, columns).kept.alarms
    heard = {record.stream: N_REFERENCE + record.alarm.row for record in alarms if record.stream in ready.columns}
    assert heard.keys() == DRIFTED | MOVED_LESS
    assert all(DRIFT_BEGINS < row <= DRIFT_BEGINS + 500 for row in heard.values())


def test_few_different_loan_lengths_are_categories_but_have_their_published_ks_distance(car_log, chunks, published):
    values = car_log.read_window("car_loan", RowSpan(0, 2 * N_REFERENCE), [Column("loan_length", "numeric")])
    reference, current = np.split(values["loan_length"].values, 2)
    for k, row in published("car_loan_ks.csv").loc["loan_length"].iterrows():
        found = ks_test(reference, current[k * CHUNK : (k + 1) * CHUNK])
        assert found.statistic == pytest.approx(row["nannyml_ks"], abs=3e-4)
        assert chunks["loan_length", k].test == "chi2"


def test_accuracy_falls_with_the_drift(car_log):
    rows = car_log.read_rows("car_loan")
    accuracy = (rows["prediction"] == rows["label"]).to_numpy().reshape(-1, CHUNK).mean(axis=1)
    published = pd.read_csv(DATA / "expected" / "car_loan_performance.csv")["accuracy_value"]
    np.testing.assert_allclose(accuracy, published, atol=1e-12)
    assert accuracy[:10].mean() == pytest.approx(0.943, abs=0.001)
    assert accuracy[-5:].mean() == pytest.approx(0.914, abs=0.002)


def test_a_retrain_after_the_drift_serves_later_loans_with_93_percent(tmp_path):
    every = pd.read_parquet(DATA / "nannyml_car_loan.parquet")
    known, later = every.iloc[:85_000], every.iloc[85_000:]
    known.to_parquet(tmp_path / "known.parquet")
    url, artifacts = f"sqlite:///{tmp_path}/drift.db", tmp_path / "models"

    def told(*command):
        settings = {"DRIFT_DATABASE_URL": url, "DRIFT_ARTIFACTS": str(artifacts), "DRIFT_WORKER": "external"}
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    options = "--model car_loan --time ts --prediction prediction --score score --label label --id id --ignore segment"
    told("storage", "import", str(tmp_path / "known.parquet"), *options.split(), "--reference-rows", str(N_REFERENCE))
    told("retrain", "start", "--model", "car_loan", "--reason", "accuracy fell to 91 %", "--by", "ana")
    until_it_waits = ("retrain", "worker", "--parent", "1")
    told(*until_it_waits)
    assert "Waiting for approval. The challenger passes every check: accuracy 0.9" in told("retrain", "status")
    told("retrain", "approve", "1", "--by", "ben")
    told(*until_it_waits)
    assert "v1 serves, approved by ben." in told("retrain", "status")

    with closing(open_log(url)) as log:
        version = registry.read_version(log, "car_loan", "v1")
        assert log.default_reference("car_loan").name == "accepted-v1"
    model = load(artifacts, version.uri, version.sha256)
    rows = later[list(model.columns)].assign(
        **{name: later[name].map(category_text).astype(object) for name in model.categories}
    )
    truth = later["label"].map(category_text).to_numpy()
    accuracy = (np.array(model.predict(rows).labels, object) == truth).mean()
    served = (later["prediction"].map(category_text).to_numpy() == truth).mean()
    assert served < 0.92
    assert accuracy >= 0.93
