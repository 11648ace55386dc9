"""`python -m storage` as a process: files that are good, half good, and no good."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from drift.data.windows import Column
from storage import open_log
from tests.conftest import ROOT


@pytest.fixture
def storage(sqlite_url):
    def run(*arguments, url=sqlite_url):
        environment = os.environ | {"DRIFT_DATABASE_URL": url}
        command = [sys.executable, "-m", "storage", *map(str, arguments)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    return run


def loans(tmp_path, *bad):
    good = [f"2026-09-01T{row // 60:02}:{row % 60:02}:00,{row},web,yes,r{row}" for row in range(100)]
    path = tmp_path / "loans.csv"
    path.write_text("\n".join(["when,amount,channel,paid,id", *good, *bad]), encoding="utf-8")
    return path


@pytest.mark.slow
def test_good_rows_land_bad_rows_are_listed_and_an_export_comes_back_as_it_was(storage, sqlite_url, tmp_path):
    bad = ("soon,1,web,yes,x1", "2026-09-02,many,web,no,x2", "2026-09-02,1,web,no,r7", "2026-09-02,1", ",1,web,no,x5")
    mapping = ("--model", "loans", "--time", "when", "--label", "paid", "--id", "id", "--reference-rows", "50")
    done = storage("import", loans(tmp_path, *bad), *mapping)
    assert done.returncode == 0, done.stderr
    assert "101 rows imported, 4 rejected" in done.stdout
    for row, reason in {
        101: "when must be a time such as 2026-11-23T14:00:00+00:00; got 'soon'.",
        102: "amount must be a number; got 'many'.",
        103: "id must be new: a row with 'r7' is in the log already",
        104: "row must have 5 fields as the header has; got 2.",
        105: "when must be a time",
    }.items():
        assert f"row {row}: {reason}" in done.stdout
    assert "Reference 'training': 50 rows" in done.stdout
    assert "100 of" not in done.stderr or done.stderr.count("\n") < 20
    exported = storage("export", tmp_path / "out.parquet", "--model", "loans")
    assert exported.returncode == 0, exported.stderr
    columns = ("--time", "predicted_at", "--label", "label", "--id", "request_id", "--labelled-at", "labelled_at")
    ignored = ("--ignore", "entity_id,version,variant,text")
    again = storage("import", tmp_path / "out.parquet", "--model", "again", *columns, *ignored)
    assert again.returncode == 0, again.stderr
    log = open_log(sqlite_url)
    pd.testing.assert_frame_equal(log.read_rows("loans"), log.read_rows("again"))
    log.close()


def test_a_missing_column_is_named_beside_those_that_are_there(storage, tmp_path):
    done = storage("import", loans(tmp_path), "--model", "loans", "--time", "when", "--score", "probability")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the column for score must be in loans.csv (when, amount, channel, paid, id)" in done.stderr
    assert "got 'probability'" in done.stderr


def test_only_a_file_of_which_nothing_landed_ends_with_2(storage, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("when,amount\n1066-10-14,1\n1666-09-02,2\n", encoding="utf-8")
    done = storage("import", path, "--model", "loans", "--time", "when")
    assert done.returncode == 2
    assert "0 rows imported, 2 rejected" in done.stdout
    assert "error: nothing was imported." in done.stderr


def test_a_database_that_is_none_is_refused_in_one_sentence(storage, tmp_path):
    (tmp_path / "notes.txt").write_text("hello, this is no database", encoding="utf-8")
    done = storage("export", tmp_path / "x.csv", "--model", "m", url=f"sqlite:///{tmp_path}/notes.txt")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr


def test_an_unknown_model_cannot_be_exported(storage, tmp_path):
    done = storage("export", tmp_path / "x.csv", "--model", "nobody")
    assert done.returncode == 2
    assert "got 'nobody'" in done.stderr
    assert not list(tmp_path.glob("x.csv*"))


@pytest.mark.slow
def test_retain_deletes_nothing_on_a_dry_run_and_never_the_whole_log_by_mistake(storage, sqlite_url):
    log = open_log(sqlite_url)
    log.register("old", [Column("age", "numeric")])
    log.append("old", [{"predicted_at": f"2019-01-{day:02}T00:00:00+00:00", "age": day} for day in range(1, 31)])
    command = ("retain", "--model", "old", "--days", 365)
    assert "30 of 30 rows" in storage(*command, "--dry-run").stdout
    refused = storage(*command)
    assert refused.returncode == 2
    assert "--everything" in refused.stderr
    assert log.n_rows("old") == 30
    assert storage(*command, "--everything").returncode == 0
    assert log.n_rows("old") == 0
    log.close()
