"""What release 0.1.0 wrote goes on: its database, its evidence, its jobs and its model files."""

import json
import tarfile
from pathlib import Path

import pytest

from drift.data.policy import DriftPolicy
from drift.data.windows import LastRows
from drift.monitor.boards import check
from drift.monitor.performance import check_performance
from retrain.models.artifacts import load
from storage import open_log
from storage.jobs import queue
from storage.models import registry
from storage.upkeep.verification import verify
from tests.retrain.conftest import simulated


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as 0.1.0 left it: `drift.db`, `models/`, and in `expected.json` what it answered itself."""
    folder = tmp_path_factory.mktemp("release")
    with tarfile.open(Path(__file__).parent / "data" / "release_0_1_0.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "release_0_1_0"


@pytest.fixture(scope="module")
def expected(release):
    return json.loads((release / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def released(release):
    log = open_log(f"sqlite:///{release}/drift.db")
    yield log
    log.close()


def test_its_database_is_read_and_its_evidence_goes_on(released, expected):
    assert released.n_rows("m") == expected["n_rows"]
    assert check(released, "m", LastRows(500)).verdict == expected["verdict"]
    board = check_performance(released, "m", LastRows(500), "training", DriftPolicy())
    assert board.verdict == expected["training"]["verdict"]
    assert {c.column: c.effect_size for c in board.columns} == pytest.approx(expected["training"]["effects"], abs=1e-12)
    assert {c.column: c.betting_score for c in board.columns} == pytest.approx(
        expected["training"]["betting"], rel=1e-9
    )
    # 0.1.0 told window alarms otherwise and measured repetition on shorter buckets: its evidence was built again from
    # the log at this look. These columns are independent numbers and few categories, so their scores stay.
    assert released.ledger("m", "training").read().rule.startswith("2: ")


def test_its_derived_data_verify(released):
    assert verify(released, "m") == ()


def test_its_jobs_are_where_they_were(released, expected):
    assert {str(job.id): job.state for job in queue.read_jobs(released)} == expected["jobs"]
    assert len(queue.read_steps(released, 1)) > 5


def test_its_model_files_answer_as_they_did(released, release, expected):
    rows = simulated(20, turned=True, seed=5)
    for version in registry.read_versions(released, "m"):
        answers = load(release / "models", version.uri, version.sha256).predict(rows)
        said = expected["answers"][version.version]
        assert list(answers.labels) == said["labels"]
        assert list(answers.scores) == pytest.approx(said["scores"], abs=1e-12)
