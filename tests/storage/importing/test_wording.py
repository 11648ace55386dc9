"""The plan in words: the same on the page and on the command line."""

from pathlib import Path

import pytest

from dashboard.settings import data
from dashboard.settings.data import Choice
from dashboard.settings.words import becomes_table
from storage.__main__ import main
from storage.checking.rows import RejectedRow
from storage.importing import files
from storage.importing.wording import plan_lines, rejected_lines

CASES = Path(__file__).parents[1] / "cases"
OUTCOMES = (("prediction", "prediction"), ("label", "label"))


@pytest.mark.parametrize(
    ("name", "fields", "options"),
    [
        ("labels_renamed.csv", OUTCOMES, {}),
        ("labels_renamed.csv", OUTCOMES, {"classes": "pos=positive,neg=negative"}),
        ("labels_float_because_of_nan.csv", (*OUTCOMES, ("score", "score")), {}),
        ("thousands_percent_decimal_comma.csv", (), {}),
        ("thousands_percent_decimal_comma.csv", (), {"decimal": ","}),
        ("thousands_percent_decimal_comma.csv", (), {"thousands": ","}),
        ("country_NA_reference.csv", (), {}),
        ("duration_with_nulls.parquet", (), {}),
        ("time_eu.csv", (), {}),
        ("bigint_ids_one_null.parquet", (("request_id", "id"),), {}),
    ],
)
def test_page_and_command_line_tell_the_same_plan(log, sqlite_url, monkeypatch, capsys, name, fields, options):
    choice = Choice("m", (("predicted_at", "ts"), *fields), (), (), (), **options)
    checked = data.check(log, CASES / name, choice, name, ())
    sample = files.first_rows(CASES / name, 50)
    page = becomes_table(sample, choice, checked.plan, {}).set_index("column")["why"]
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    roles = {"prediction": "--prediction", "label": "--label", "score": "--score", "request_id": "--id"}
    arguments = [f"{roles[field]}={source}" for field, source in fields]
    arguments += [f"--{option}={value}" for option, value in options.items()]
    main(["import", str(CASES / name), "--model", "m", "--time", "ts", *arguments])
    told = capsys.readouterr().out.splitlines()
    lines = plan_lines(checked.plan)
    assert told[1 : 1 + len(lines)] == [f"  {line}" for line in lines]
    assert [line.removeprefix("  hint: ") for line in told if line.startswith("  hint: ")] == list(checked.plan.hints)
    for line in lines:
        source, _, why = line.partition("  ")
        assert page[source.strip()] == why.strip()


def test_equal_reasons_are_counted_and_the_first_row_of_each_is_named():
    rows = [RejectedRow(k, f"id must be new; got 'r{k}'.") for k in range(597)] + [
        RejectedRow(600, "ts must be a time.")
    ]
    assert rejected_lines(rows, 20) == [
        "597 rows: id must be new; the first is row 1: id must be new; got 'r0'.",
        "row 601: ts must be a time.",
    ]
    assert rejected_lines(rows, 1)[1] == "and 1 more reason; --rejected FILE writes every row."
