"""Small files of the kinds that go wrong in the field: each comes to what was drawn, or counted by hand."""

from pathlib import Path

import pytest

from drift.data.policy import DriftPolicy
from drift.data.windows import Column, LastRows
from drift.monitor.performance import check_performance
from storage import open_log
from storage.__main__ import main
from storage.upkeep.verification import verify
from storage.writing.unreadable import read_unreadable

CASES = Path(__file__).parent / "cases"


@pytest.fixture
def log(sqlite_url, monkeypatch):
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    log = open_log(sqlite_url)
    yield log
    log.close()


@pytest.fixture
def bring(capsys):
    def bring(name: str, *options: object, code: int = 0) -> str:
        arguments = ["import", CASES / name, "--model", "m", "--time", "ts", *options]
        assert main([str(argument) for argument in arguments]) == code
        captured = capsys.readouterr()
        return captured.out + captured.err

    return bring


def board(log, n):
    report = check_performance(log, "m", LastRows(n), None, DriftPolicy())
    return report, {column.column: column for column in report.columns}


CLASSES = ("--prediction", "prediction", "--label", "label")


def test_labels_that_gaps_made_fractions_are_the_classes_that_were_predicted(log, bring):
    said = bring("labels_float_because_of_nan.csv", *CLASSES, "--score", "score", "--reference-rows", 500)
    assert "predictions: 0, 1; labels: 0.0, 1.0 - read as the same" in said
    report, _ = board(log, 400)
    assert (report.performance.now.n, round(report.performance.now.share, 3)) == (311, 0.932)
    assert log.label("m", [], []).accepted == 0
    assert set(log.read_rows("m")["label"].dropna()) == {"0", "1"}


def test_booleans_of_a_csv_file_of_parquet_and_of_json_are_one(log, bring):
    assert "categorical: true and false" in bring("vip_bool_reference.csv", "--reference-rows", 600)
    bring("vip_bool_later.parquet")
    report, columns = board(log, 600)
    assert (report.verdict, columns["vip_bool"].unseen_share) == ("stable", 0)
    later = log.read_rows("m", LastRows(600))
    json = [
        {"predicted_at": at.to_pydatetime(), "x": x, "vip_bool": vip == "true"}
        for at, x, vip in zip(later["predicted_at"], later["x"], later["vip_bool"], strict=True)
    ]
    assert log.append("m", json).accepted == 600
    report, columns = board(log, 1_200)
    assert (report.verdict, columns["vip_bool"].unseen_share) == ("stable", 0)
    assert set(log.read_rows("m")["vip_bool"]) == {"true", "false"}


@pytest.mark.parametrize(("options", "missing_share"), [([], 0.315), (["--keep", "country_NA"], 0)])
def test_a_country_that_is_called_like_nothing_is_read_one_way(log, bring, options, missing_share):
    said = bring("country_NA_reference.csv", "--reference-rows", 600, *options)
    assert ("183 of 600 read as missing: 'NA' (--keep country_NA keeps them)" in said) == (not options)
    bring("country_NA_later.parquet")
    report, columns = board(log, 600)
    assert (report.verdict, columns["country_NA"].unseen_share) == ("stable", 0)
    assert columns["country_NA"].missing_share == missing_share
    json = {"predicted_at": "2026-03-01T00:00:00Z", "x": 0, "country_NA": "NA"}
    log.append("m", [json])
    assert log.read_rows("m", LastRows(1))["country_NA"].isna().item() == (not options)


def test_words_for_missing_can_be_chosen_and_stay_for_the_model(log, bring):
    assert "183 of 600" not in bring("country_NA_reference.csv", "--missing=-,unknown")
    assert log.readings("m")["country_NA"].missing == {"", "-", "unknown"}
    said = bring("country_NA_later.parquet", "--missing", "NA", code=2)
    assert "words for a missing x must stay '', '-', 'unknown' in model 'm'; got '', 'NA'." in said
    assert log.n_rows("m") == 600


def test_a_category_of_one_level_is_a_constant(log, bring):
    bring("one_level_category.parquet", "--prediction", "prediction", "--reference-rows", 300)
    assert log.n_rows("m") == 600
    assert log.read_rows("m")["country"].unique().tolist() == ["DE"]
    assert board(log, 300)[1]["country"].verdict == "stable"


def test_missing_durations_are_missing_and_the_unit_is_told(log, bring):
    assert "waited  numeric: durations, in seconds" in bring("duration_with_nulls.parquet", "--reference-rows", 300)
    report, columns = board(log, 300)
    assert report.verdict == "drift"
    assert round(columns["waited"].missing_share, 2) == 0.25
    assert log.read_rows("m")["waited"].min() > 0


def test_ids_keep_every_digit_beside_a_missing_one(log, bring):
    bring("bigint_ids_one_null.parquet", "--id", "id")
    ids = log.read_rows("m")["request_id"]
    assert (len(ids), ids.notna().sum()) == (600, 599)
    known = {int(each) for each in ids.dropna()}
    assert (len(known), min(known)) == (599, 7_100_000_000_000_000_000)
    assert max(known) < 7_100_000_010_000_000_000
    log.register("m", [Column("label", "categorical", "label")])
    assert log.label("m", [max(known)], ["late"]).accepted == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("time_utc_word.csv", "time: written like '2026-01-01 00:00:00 UTC'"),
        ("time_eu.csv", "time: day.month.year, such as '01.01.2026 00:00'"),
        ("time_comma_ms.csv", "time: written like '2026-01-01 00:00:00,123'"),
    ],
)
def test_times_as_people_and_programs_write_them_are_read_and_told(log, bring, name, says):
    assert says in bring(name)
    times = log.read_rows("m")["predicted_at"]
    assert (len(times), times.iloc[0].strftime("%Y-%m-%d %H:%M")) == (400, "2026-01-01 00:00")
    assert times.iloc[-1].strftime("%Y-%m-%d %H:%M") == "2026-01-01 06:39"


def test_a_file_of_which_every_row_is_in_another_encoding_says_so(log, bring):
    said = bring("latin1.csv", code=2)
    assert "latin1.csv must be UTF-8 text; it is not UTF-8 (row 1 holds other bytes). Save it as UTF-8." in said
    assert log.models() == ()


def test_what_was_right_stays_right(log, bring):
    bring("labels_Int64_nullable.parquet", *CLASSES, "--reference-rows", 600)
    now = board(log, 400)[0].performance.now
    assert (now.n, round(now.share, 3)) == (343, 0.933)
    assert read_unreadable(log, "m") == ()


def test_infinities_neither_break_nor_vanish(log, bring):
    bring("infinite_ratio.csv", "--reference-rows", 400)
    ratio = board(log, 300)[1]["ratio"]
    assert round(ratio.statistic, 4) == 0.2833
    assert ratio.p_value == pytest.approx(1.2e-12, rel=0.05)


def test_a_row_of_the_future_does_not_stop_the_watch(log, bring):
    bring("one_future_row.csv", "--reference-rows", 500)
    bring("drift_after_future_row.csv")
    report, columns = board(log, 1_000)
    assert (report.verdict, columns["x"].verdict) == ("drift", "drift")
    assert verify(log, "m") == ()


def test_a_dropped_column_is_missing_and_a_new_one_is_not_compared(log, bring):
    bring("schema_v1.csv", "--reference-rows", 700)
    bring("schema_v2.csv")
    _, columns = board(log, 700)
    assert (columns["old"].missing_share, columns["x"].verdict) == (1, "stable")
    assert columns["fresh"].verdict == "insufficient"
