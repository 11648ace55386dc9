"""Files in and out, through the command that people type."""

import csv
import threading
import time
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from drift.data.windows import Column, LastRows
from storage.__main__ import main
from storage.database.audit import read_audit
from storage.importing.plan import ColumnMapping, plan_import, try_first_rows
from storage.importing.rejected_file import RejectedFile, read_rejected
from storage.importing.run import run_import
from storage.jobs import runs

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def write(tmp_path):
    def write(*lines: str, name: str = "loans.csv", encoding: str = "utf-8"):
        path = tmp_path / name
        path.write_bytes("\n".join(lines).encode(encoding))
        return path

    return write


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def test_the_good_rows_land_and_the_bad_are_listed_with_row_and_reason(log, write, capsys):
    good = [f"2026-09-01T00:{m:02}:00,{m * 10},web,r{m}" for m in range(20)]
    path = write(
        "when,amount,channel,id",
        *good,
        "yesterday,1,web,x1",
        "2026-09-01T01:00:00,much,web,x2",
        "2026-09-01T01:00:00,1,web,r3",
        "2026-09-01T01:00:00,1,web",
        "2026-09-01T01:00:00,1,web,x5",
    )
    assert run("import", path, "--model", "loans", "--time", "when", "--id", "id") == 0
    out = capsys.readouterr().out
    assert "22 rows imported, 3 rejected" in out
    assert "row 21: when must be a time such as 2026-11-23T14:00:00+00:00; got 'yesterday'." in out
    assert (
        "amount: 1 cell could not be read, stored as missing; the first is row 22: amount must be a number; got 'much'."
        in out
    )
    assert "row 23: id must be new: a row with 'r3' is in the log already" in out
    assert "row 24: row must have 4 fields as the header has; got 3." in out
    assert log.n_rows("loans") == 22
    assert log.columns("loans") == (Column("amount", "numeric"), Column("channel", "categorical"))


def test_only_a_file_of_which_nothing_landed_is_an_error(log, write, capsys):
    path = write("when,amount", "1066-10-14,1", "1666-09-02,2")
    assert run("import", path, "--model", "loans", "--time", "when") == 2
    captured = capsys.readouterr()
    assert "row 2: when must lie between the years 1700 and 2240" in captured.out
    assert "nothing was imported" in captured.err
    # Nothing landed, so mending the cause and trying again is not a second import.
    assert runs.read_runs(log)[0].state == "failed"


@pytest.mark.parametrize(
    ("lines", "arguments", "must"),
    [
        (
            ["when,a", "2026-09-01,1"],
            ["--time", "at"],
            "the column for predicted_at must be in loans.csv (when, a); got 'at'",
        ),
        (["when,a", "2026-09-01,1"], ["--time", "when", "--label", "y"], "the column for label must be in loans.csv"),
        (["when,id", "2026-09-01,1"], ["--time", "when"], "a feature must not be named 'id'"),
        (["when,a!", "2026-09-01,1"], ["--time", "when"], "got 'a!'"),
        (["when,a,a", "2026-09-01,1,2"], ["--time", "when"], "must name each column once"),
        (["when,a"], ["--time", "when"], "must hold at least one readable row"),
        ([], ["--time", "when"], "must begin with a line of column names"),
    ],
)
def test_a_file_that_cannot_be_read_as_asked_says_what_must_be(log, write, capsys, lines, arguments, must):
    assert run("import", write(*lines), "--model", "loans", *arguments) == 2
    assert must in capsys.readouterr().err
    assert log.models() == ()


def test_a_damaged_or_absent_file_is_refused_with_a_sentence(log, write, tmp_path, capsys):
    broken = write("not parquet", name="loans.parquet")
    for path in (broken, tmp_path / "absent.csv", write("a", name="loans.xlsx")):
        assert run("import", path, "--model", "loans", "--time", "when") == 2
        assert capsys.readouterr().err.startswith("error: ")


def test_bytes_that_are_not_utf8_cost_only_their_row(log, tmp_path, capsys):
    path = tmp_path / "loans.csv"
    path.write_bytes(b"\xef\xbb\xbfwhen,channel\n2026-09-01,caf\xe9\n2026-09-02,web\n")
    assert run("import", path, "--model", "loans", "--time", "when") == 0
    assert "row 1: row must be UTF-8 text" in capsys.readouterr().out
    assert log.read_rows("loans")["channel"].tolist() == ["web"]


def test_a_quote_that_is_never_closed_costs_only_its_row(log, write, capsys):
    good = [f'2026-09-02T00:{k // 60:02}:{k % 60:02},"two\nlines {k % 7}"' for k in range(3_000)]
    path = write("when,channel", "2026-09-01,web", '2026-09-01,"open', *good, '2026-09-03,"wrong"ly', '2026-09-03,"end')
    assert run("import", path, "--model", "loans", "--time", "when") == 0
    out = capsys.readouterr().out
    assert "3,001 rows imported, 3 rejected" in out
    assert "row 2: row must be readable CSV; got one in which" in out
    assert "row 3,004: row must be readable CSV; got one in which a quote is never closed." in out
    assert "two\nlines 6" in log.read_rows("loans")["channel"].tolist()


def test_a_field_too_long_to_be_one_costs_only_its_row(log, write, capsys):
    path = write("when,channel", "2026-09-01," + "x" * 200_000, "2026-09-02,web")
    assert run("import", path, "--model", "loans", "--time", "when") == 0
    assert "row 1: row must be readable CSV; got one in which field larger than" in capsys.readouterr().out
    assert log.n_rows("loans") == 1


@pytest.mark.parametrize(
    ("lines", "encoding", "must"),
    [
        (
            ["when;channel", "2026-09-01;web"],
            "utf-8",
            "must separate its columns by commas; its first line is 'when;ch",
        ),
        (["when,channel", "2026-09-01,web"], "utf-16", "must be UTF-8 text; it begins with the mark of UTF-16"),
        (["when,birthday", "2026-09-01,1999-01-01"], "utf-8", "'birthday' is left out: times are not compared"),
    ],
)
def test_a_file_in_another_dialect_says_what_to_change(log, write, capsys, lines, encoding, must):
    path = write(*lines, encoding=encoding)
    assert run("import", path, "--model", "loans", "--time", "when") == 2
    assert must in capsys.readouterr().err


def test_a_frame_with_its_times_as_index_and_nested_values_can_be_imported(log, tmp_path, capsys):
    times = pd.date_range("2026-09-01", periods=30, freq="h", name="when")
    frame = pd.DataFrame({"amount": range(30), "tags": [["a", "b"]] * 30}, index=times)
    frame.to_parquet(tmp_path / "indexed.parquet")
    frame.reset_index().sample(frac=1, random_state=1).to_parquet(tmp_path / "shuffled.parquet")
    for name in ("indexed", "shuffled"):
        assert run("import", tmp_path / f"{name}.parquet", "--model", name, "--time", "when") == 0
        assert "tags    left out: lists and records are not compared" in capsys.readouterr().out
    pd.testing.assert_frame_equal(log.read_rows("indexed"), log.read_rows("shuffled"))


def test_types_are_inferred_and_said(log, write, capsys):
    lines = [f"2026-09-01T00:00:{s:02},{s},{s % 3},yes,free text number {s} of many,,{s % 2}" for s in range(60)]
    path = write("when,amount,grade,flag,comment,empty,pred", *lines)
    many = write(*path.read_text().splitlines(), *lines * 5, name="many.csv")
    assert run("import", many, "--model", "m", "--time", "when", "--prediction", "pred", "--categorical", "grade") == 0
    out = capsys.readouterr().out
    assert "amount   numeric" in out
    assert "grade    categorical, as asked" in out
    assert "empty    numeric: no value in the first rows" in out
    assert "pred     categorical: 2 classes" in out
    kinds = {column.name: (column.kind, column.role) for column in log.columns("m")}
    assert kinds["grade"] == ("categorical", "feature")
    assert kinds["prediction"] == ("categorical", "prediction")


def test_a_column_of_ids_or_of_times_is_left_out_and_said(log, write, capsys):
    lines = [f"2026-09-01T00:{k // 60:02}:{k % 60:02},key-{k},2026-01-{k % 28 + 1:02},{k}" for k in range(400)]
    path = write("when,key,birthday,amount", *lines)
    assert run("import", path, "--model", "m", "--time", "when") == 0
    out = capsys.readouterr().out
    assert "key       left out: nearly every value differs" in out
    assert "birthday  left out: times are not compared" in out
    assert log.columns("m") == (Column("amount", "numeric"),)


def test_parquet_and_csv_of_one_frame_become_the_same_log(log, tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "ts": pd.date_range("2026-09-01", periods=300, freq="min", tz="UTC").as_unit("us"),
            "amount": np.where(rng.random(300) < 0.1, np.nan, rng.normal(size=300)),
            "paid": rng.choice([True, False], 300),
            "prediction": rng.integers(0, 2, 300),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "b.csv", index=False)
    for path, model in (("a.parquet", "a"), ("b.csv", "b")):
        assert (
            run(
                "import",
                tmp_path / path,
                "--model",
                model,
                "--time",
                "ts",
                "--prediction",
                "prediction",
                "--categorical",
                "paid",
            )
            == 0
        )
    a, b = log.read_rows("a"), log.read_rows("b")
    pd.testing.assert_frame_equal(a, b)


def test_the_same_content_is_imported_once(log, write, capsys):
    path = write("when,a", "2026-09-01,1", "2026-09-02,2")
    assert run("import", path, "--model", "m", "--time", "when") == 0
    assert run("import", path, "--model", "m", "--time", "when") == 2
    assert "was imported into 'm'" in capsys.readouterr().err
    assert log.n_rows("m") == 2
    assert run("import", path, "--model", "m", "--time", "when", "--again") == 0
    assert log.n_rows("m") == 4


def test_an_import_that_was_stopped_goes_on_where_it_stopped(log, write):
    path = write("when,a", *(f"2026-09-01T00:00:{s:02},{s}" for s in range(50)))
    plan = plan_import(log, path, "m", ColumnMapping(predicted_at="when"))

    def pull_the_plug(n_done, n_rows):
        if n_done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_import(log, plan, batch=10, progress=pull_the_plug)
    assert log.n_rows("m") == 30
    result = run_import(log, plan, batch=10)
    assert (result.accepted, result.resumed_at) == (20, 30)
    assert log.read_window("m", LastRows(99), plan.columns)["a"].values.tolist() == list(range(50))
    assert runs.read_runs(log)[0].state == "done"


def test_two_imports_of_one_file_at_once_store_every_row_once(log, write):
    path = write("when,a", *(f"2026-09-01T00:00:{s:02},{s}" for s in range(50)))
    plan = plan_import(log, path, "m", ColumnMapping(predicted_at="when"))

    def another_one_comes(n_done, n_rows):
        if n_done == 20:
            assert run_import(log, plan, batch=30).accepted == 30

    with pytest.raises(runs.RunTaken, match=r"by one process at a time; another one went on from row 20\."):
        run_import(log, plan, batch=10, progress=another_one_comes)
    assert log.read_window("m", LastRows(99), plan.columns)["a"].values.tolist() == list(range(50))
    assert runs.read_runs(log)[0].state == "done"


def test_the_reference_is_frozen_from_the_first_rows_or_until_a_time(log, write):
    path = write("when,a", *(f"2026-09-{d:02},{d}" for d in range(1, 31)))
    run("import", path, "--model", "first", "--time", "when", "--reference-rows", 10)
    run("import", path, "--model", "until", "--time", "when", "--reference-until", "2026-09-21")
    (first,), (until,) = log.references("first"), log.references("until")
    assert (first.name, first.n) == ("training", 10)
    assert (until.name, until.n) == ("training", 20)
    assert (until.start, until.end) == (datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 21, tzinfo=UTC))


def test_a_reference_that_would_end_before_the_first_row_is_refused_and_the_rows_stay(log, write, capsys):
    path = write("when,a", *(f"2026-09-{d:02},{d}" for d in range(1, 11)))
    assert run("import", path, "--model", "m", "--time", "when", "--reference-until", "2026-09-01") == 2
    said = capsys.readouterr().err
    assert "--reference-until must be later than the first row (the log begins 2026-09-01 00:00:00 UTC)" in said
    assert log.n_rows("m") == 10
    assert said.rstrip().endswith("freeze a reference with python -m storage freeze.")
    assert run("freeze", "--model", "m", "--name", "training", "--from", "2026-09-01", "--to", "2026-09-06") == 0
    assert log.references("m")[0].n == 5


def test_every_rejected_row_can_be_written_to_a_file(log, write, tmp_path, capsys):
    path = write("when,a", "2026-09-01,1", *(f"never,{k}" for k in range(100)))
    run("import", path, "--model", "m", "--time", "when", "--rejected", tmp_path / "bad.csv")
    with (tmp_path / "bad.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["row"]) for row in rows] == list(range(2, 102))
    run("import", path, "--model", "m", "--time", "when", "--again")
    assert "100 rows: when must be a time" in capsys.readouterr().out


def test_an_export_needs_a_folder_that_is_there(log, write, tmp_path, capsys):
    assert run("import", write("when,a", "2026-09-01,1"), "--model", "m", "--time", "when") == 0
    assert run("export", tmp_path / "absent" / "out.csv", "--model", "m") == 2
    assert "the folder of the file must exist" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_is_exported_can_be_imported_again(log, write, tmp_path, name):
    lines = [f"2026-09-01T00:00:{s:02}.123456+02:00,{s / 7!r},web,{s % 2},r{s}" for s in range(50)]
    path = write("when,a,channel,y,id", *lines, "2026-09-01T00:01:00+02:00,,,,last")
    assert run("import", path, "--model", "m", "--time", "when", "--label", "y", "--id", "id") == 0
    assert run("export", tmp_path / name, "--model", "m") == 0
    assert run("export", tmp_path / name, "--model", "m") == 2
    options = ["--time", "predicted_at", "--label", "label", "--id", "request_id", "--labelled-at", "labelled_at"]
    ignored = "entity_id,version,variant,text"
    assert run("import", tmp_path / name, "--model", "again", *options, "--ignore", ignored) == 0
    pd.testing.assert_frame_equal(log.read_rows("m"), log.read_rows("again"))


def test_an_import_that_goes_on_adds_to_the_rows_that_it_listed_as_rejected(log, write, tmp_path):
    path = write("when,a", *(f"2026-09-01T00:00:{s:02},{'bad' if s % 9 == 0 else s}" for s in range(50)))
    plan = plan_import(log, path, "m", ColumnMapping(predicted_at="when"), numeric=("a",))
    listed = tmp_path / "rejected.csv"

    def pull_the_plug(n_done, n_rows):
        if n_done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_import(log, plan, batch=10, strict=True, progress=pull_the_plug, tell_rejected=RejectedFile(listed))
    assert [row.row for row in read_rejected(listed)] == [0, 9, 18, 27]
    run_import(log, plan, batch=10, strict=True, tell_rejected=RejectedFile(listed))
    assert [row.row for row in read_rejected(listed)] == [0, 9, 18, 27, 36, 45]
    assert runs.read_latest_run(log, plan.fingerprint).n_rejected == 6


def test_a_first_import_replaces_an_older_list_of_rejected_rows(log, write, tmp_path):
    listed = tmp_path / "rejected.csv"
    listed.write_text("row,error\n7,of another file\n", encoding="utf-8")
    path = write("when,a", "2026-09-01,1", "never,2")
    assert run("import", path, "--model", "m", "--time", "when", "--rejected", listed) == 0
    assert [row.row for row in read_rejected(listed)] == [1]
    assert listed.read_text(encoding="utf-8").count("row,error") == 1


def test_the_first_rows_can_be_tried_without_storing_any(log, write):
    lines = ["2026-09-01,1,r1", "never,2,r2", "2026-09-03,much,r3", "2026-09-04,4"]
    path = write("when,a,id", *lines)
    plan = plan_import(log, path, "m", ColumnMapping(predicted_at="when", request_id="id"), numeric=("a",))
    trial = try_first_rows(plan)
    assert trial.n == 4
    assert [(row.row, row.error.split()[0]) for row in trial.rejected] == [(1, "when"), (3, "row")]
    assert [(cells.column, cells.rows, cells.errors) for cells in trial.unreadable] == [
        ("a", (2,), ("must be a number; got 'much'",))
    ]
    strict = try_first_rows(plan, strict=True)
    assert [(row.row, row.error.split()[0]) for row in strict.rejected] == [(1, "when"), (2, "a"), (3, "row")]
    assert log.models() == ()


def test_a_file_is_listed_and_audited_under_the_name_and_by_the_person_given(log, write):
    path = write("when,a", "2026-09-01,1", "2026-09-02,2")
    options = ("--called", "loans of may.csv", "--by", "ana", "--reference-rows", 1)
    assert run("import", path, "--model", "m", "--time", "when", *options) == 0
    assert runs.read_runs(log)[0].source == "loans of may.csv"
    done = {entry.action: (entry.actor, dict(entry.detail)) for entry in read_audit(log, "m")}
    assert done["import"] == ("ana", {"file": "loans of may.csv", "n_rows": 2})
    assert done["freeze"] == ("ana", {"reference": "training", "n_rows": 1})


def test_a_file_is_removed_only_once_its_rows_are_dealt_with(log, write):
    path = write("when,a", "2026-09-01,1")
    assert run("import", path, "--model", "m", "--time", "absent", "--remove-file") == 2
    assert path.exists()
    assert run("import", path, "--model", "m", "--time", "when", "--remove-file") == 0
    assert not path.exists()


def test_a_reference_is_frozen_though_the_file_to_be_removed_is_gone_already(log, write):
    path = write("when,a", *(f"2026-09-01T00:{k // 60:02}:{k % 60:02},{k}" for k in range(3_000)))

    def take_away():
        while not runs.read_runs(log):
            time.sleep(0.005)
        path.unlink()  # while it is open and read: its rows are there

    other = threading.Thread(target=take_away)
    other.start()
    options = ("--remove-file", "--reference-rows", 2_000, "--batch", 10)
    assert run("import", path, "--model", "m", "--time", "when", *options) == 0
    other.join()
    assert [(reference.name, reference.n) for reference in log.references("m")] == [("training", 2_000)]


def test_a_column_whose_name_holds_a_comma_or_begins_with_a_space_can_be_left_out(log, write):
    path = write('when,a,"b,c", d', "2026-09-01,1,2,3")
    assert run("import", path, "--model", "m", "--time", "when", "--ignore", '"b,c"," d"') == 0
    assert log.columns("m") == (Column("a", "numeric"),)


@pytest.mark.parametrize(
    ("content", "must"),
    [
        ("when,größe\n2026-09-01,1\n".encode("latin-1"), "must be UTF-8 text; its first line holds other bytes"),
        (b"PK\x03\x04\x14\x00when,a\n", "begins like a spreadsheet or a compressed file. Save it as CSV"),
        (b"when," + b"x" * 200_000 + b"\n", "must begin with a line of column names; got one with a field larger"),
        (b"when,A,a\n2026-09-01,1,2\n", "columns must differ by more than upper and lower case"),
        (b",".join(b"c%d" % k for k in range(1_200)) + b"\n", "must have at most 1,000 columns"),
    ],
)
def test_a_file_that_is_no_plain_csv_says_what_to_do(log, tmp_path, capsys, content, must):
    path = tmp_path / "loans.csv"
    path.write_bytes(content)
    names = ["--time", "c0"] if content.startswith(b"c0") else ["--time", "when"]
    assert run("import", path, "--model", "m", *names) == 2
    assert must in capsys.readouterr().err


def test_a_parquet_file_that_names_a_column_twice_is_refused(log, tmp_path, capsys):
    twice = pa.table([pa.array(["2026-09-01"]), pa.array([1]), pa.array([2])], names=["when", "a", "a"])
    pq.write_table(twice, tmp_path / "twice.parquet")
    assert run("import", tmp_path / "twice.parquet", "--model", "m", "--time", "when") == 2
    assert "must name each column once; 'a' stands there 2 times (got when, a, a)." in capsys.readouterr().err


def test_a_model_that_must_not_be_named_so_is_refused_before_anything_is_read(log, write, capsys):
    path = write("when,a", "2026-09-01,1")
    assert run("import", path, "--model", "Loans", "--time", "when") == 0
    capsys.readouterr()
    for name in ("loans", "../loans", ""):
        assert run("import", path, f"--model={name}", "--time", "when") == 2
        said = capsys.readouterr()
        assert "model must" in said.err
        assert "->" not in said.out


@pytest.mark.parametrize("written", ["a, b", "a,b,", ' a,"b"', '"a", "b" ', '"a","b"'])
def test_names_are_listed_by_hand_with_or_without_quotes(log, write, written):
    path = write("when,a,b,c", *(f"2026-09-01T00:00:{s:02},{s},{s},{s}" for s in range(30)))
    assert run("import", path, "--model", "m", "--time", "when", "--ignore", written) == 0
    assert [column.name for column in log.columns("m")] == ["c"]


def test_the_audit_list_counts_every_row_of_a_file_that_was_imported_in_two_goes(log, write):
    path = write("when,a", "soon,1", *(f"2026-09-01T00:00:{s:02},{s}" for s in range(50)))
    plan = plan_import(log, path, "m", ColumnMapping(predicted_at="when"))

    def pull_the_plug(n_done, n_rows):
        if n_done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_import(log, plan, batch=10, by="ana", progress=pull_the_plug)
    assert read_audit(log, "m") == ()
    run_import(log, plan, batch=10, by="ana")
    (entry,) = read_audit(log, "m")
    assert (entry.actor, entry.action, dict(entry.detail)) == ("ana", "import", {"file": "loans.csv", "n_rows": 50})


def test_an_import_is_in_the_audit_list_as_soon_as_it_is_done(log, write, monkeypatch):
    path = write("when,a", *(f"2026-09-01T00:00:{s:02},{s}" for s in range(50)))

    def killed(*_):
        raise SystemExit(9)

    monkeypatch.setattr("storage.__main__.tell_result", killed)
    with pytest.raises(SystemExit):
        run("import", path, "--model", "m", "--time", "when", "--by", "ana")
    assert runs.read_runs(log)[0].state == "done"
    assert [(entry.actor, entry.action) for entry in read_audit(log, "m")] == [("ana", "import")]
