"""Old and new spellings of a log become one; all that is derived from it agrees afterwards."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from drift.data.policy import DriftPolicy
from drift.data.windows import Column, LastRows
from drift.monitor.performance import check_performance
from storage import open_log
from storage.__main__ import main
from storage.checking.spelling import Reading
from storage.segments.format import SEGMENT_ROWS
from storage.upkeep.evidence_check import verify_evidence
from storage.upkeep.normalization import normalize
from storage.upkeep.verification import verify

START = datetime(2026, 9, 1, tzinfo=UTC)
N = SEGMENT_ROWS + 1_000
COLUMNS = [
    Column("vip", "categorical"),
    Column("zip", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
]
AS_TEXT = {column.name: Reading("text") for column in COLUMNS}


def frame():
    k = range(N)
    return pd.DataFrame(
        {
            "predicted_at": [START + timedelta(seconds=n) for n in k],
            "request_id": [str(n) for n in k],
            "vip": [("True", "False")[n % 2] if n < 800 else ("true", "false")[n % 2] for n in k],
            "zip": [("007", "12")[n % 2] for n in k],
            "prediction": [str(n % 3 % 2) for n in k],
            "label": [f"{n % 3 % 2}.0" for n in k],
        }
    )


@pytest.fixture
def old(database_url):
    """A log that an older release filled: every spelling a category of its own."""
    log = open_log(database_url)
    log.register("m", COLUMNS, AS_TEXT)
    log.append("m", frame())
    log.freeze_reference("m", "training", rows=600)
    check_performance(log, "m", LastRows(500), None, DriftPolicy())
    log.close()
    log = open_log(database_url)
    yield log
    log.close()


@pytest.mark.each_database
def test_spellings_become_one_in_rows_references_and_all_that_is_derived(old, database_url):
    told = normalize(old, "m", dry_run=True)
    assert {change.column: dict(change.becomes) for change in told} == {
        "vip": {"True": "true", "False": "false"},
        "prediction": {},
        "label": {"0.0": "0", "1.0": "1"},
    }
    assert {change.column: change.n for change in told} == {"vip": 800, "prediction": 0, "label": N}
    assert set(old.read_rows("m", LastRows(N))["label"]) == {"0.0", "1.0"}
    assert normalize(old, "m") == told
    assert normalize(old, "m") == ()
    log = open_log(database_url)
    rows = log.read_rows("m", LastRows(N))
    assert (set(rows["label"]), set(rows["vip"]), set(rows["zip"])) == ({"0", "1"}, {"true", "false"}, {"007", "12"})
    assert (verify(log, "m"), verify_evidence(log, "m")) == ((), [])
    board = check_performance(log, "m", LastRows(500), None, DriftPolicy())
    assert (board.performance.now.share, board.performance.reference.share) == (1, 1)
    assert {report.column: (report.verdict, report.unseen_share) for report in board.columns}["vip"] == ("stable", 0)
    assert log.label("m", ["1"], [0.0]).accepted == 1
    assert set(log.read_rows("m", LastRows(N))["label"]) == {"0", "1"}
    log.close()


def test_a_board_that_was_read_before_reads_what_is_there_after(old):
    assert check_performance(old, "m", LastRows(500), None, DriftPolicy()).performance.now.n == 0
    normalize(old, "m")
    board = check_performance(old, "m", LastRows(500), None, DriftPolicy())
    assert (board.performance.now.share, board.performance.reference.share) == (1, 1)


def test_classes_that_came_under_another_name_are_mapped_back(old, database_url):
    old.append("m", [{"predicted_at": START + timedelta(days=9), "prediction": "1", "label": "yes"}])
    normalize(old, "m", (("yes", "1"),))
    assert set(old.read_rows("m", LastRows(2))["label"]) <= {"0", "1"}


def test_the_command_tells_first_and_then_does(old, database_url, monkeypatch, capsys):
    monkeypatch.setenv("DRIFT_DATABASE_URL", database_url)
    assert main(["normalize", "--model", "m", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"label: '0.0' becomes '0', '1.0' becomes '1' in {N:,} rows; read as number from now on." in said
    assert "Nothing was changed." in said
    assert main(["normalize", "--model", "m"]) == 0
    assert main(["normalize", "--model", "m"]) == 0
    assert "every category has one spelling already" in capsys.readouterr().out
