"""One meaning, whatever the way in: the same values by CSV, Parquet, frame, record and late label are stored alike."""

import csv
from datetime import UTC, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from drift.data.windows import Column, LastRows
from storage import open_log
from storage.__main__ import main
from storage.checking.spelling import Reading
from storage.importing.plan import ColumnMapping, plan_import
from storage.importing.run import run_import
from storage.writing.unreadable import read_unreadable
from tests.storage.cells import COLUMNS, NOW, READINGS, TEXTS
from tests.storage.older import take_back_readings

ROLES = [column.name for column in COLUMNS]
# What a CSV file can hold: text that is text.
WRITABLE = [text for text in TEXTS if text.isprintable() and text.isascii()] + ["café", "日本"]
MAPPING = ColumnMapping(**{name: name for name in ("predicted_at", "request_id", "prediction", "score", "label")})


@pytest.fixture(scope="module")
def shared():
    log = open_log("sqlite://")
    yield log
    log.close()


def stored(log, model):
    rows = log.read_rows(model)[["request_id", *ROLES]].sort_values("request_id")
    rows = rows.astype(object).where(rows.notna(), None)
    totals = {(total.column, total.n) for total in read_unreadable(log, model)}
    return rows.to_numpy().tolist(), totals


def new_model(log, readings=READINGS):
    model = f"m{len(log.models())}"
    log.register(model, COLUMNS, readings)
    return model


def by_csv(log, model, records, folder):
    path = folder / f"{model}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    run_import(log, plan_import(log, path, model, MAPPING), batch=7)


def by_parquet(log, model, records, folder):
    path = folder / f"{model}.parquet"
    pq.write_table(pa.Table.from_pylist(records), path)
    run_import(log, plan_import(log, path, model, MAPPING), batch=7)


def by_dictionary(log, model, records, folder):
    path = folder / f"{model}.parquet"
    table = pa.Table.from_pylist(records)
    pq.write_table(pa.table({name: table[name].dictionary_encode() for name in table.column_names}), path)
    run_import(log, plan_import(log, path, model, MAPPING), batch=7)


def by_frame(log, model, records, folder):
    log.append(model, pd.DataFrame(records))


def by_categoricals(log, model, records, folder):
    frame = pd.DataFrame(records)
    log.append(model, frame.astype(dict.fromkeys(ROLES, "category")))


def by_records(log, model, records, folder):
    log.append(model, records)


def one_by_one(log, model, records, folder):
    for record in records:
        log.append(model, [record])


def with_late_labels(log, model, records, folder):
    log.append(model, [{name: value for name, value in record.items() if name != "label"} for record in records])
    log.label(model, [record["request_id"] for record in records], [record["label"] for record in records])


WAYS = [by_csv, by_parquet, by_dictionary, by_frame, by_categoricals, by_records, one_by_one]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(ROLES, st.sampled_from(WRITABLE))), min_size=1, max_size=20))
def test_texts_of_every_kind_are_stored_alike_by_every_way_in(shared, tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("ways")
    records = [{"predicted_at": NOW.isoformat(), "request_id": f"r{k:03}"} | row for k, row in enumerate(drawn)]
    found = {}
    for way in WAYS:
        model = new_model(shared)
        way(shared, model, records, folder)
        found[way.__name__] = stored(shared, model)
    assert all(each == found["one_by_one"] for each in found.values())
    model = new_model(shared)
    with_late_labels(shared, model, records, folder)
    rows, _ = stored(shared, model)
    assert rows == found["one_by_one"][0]


TYPED = {
    "number": [[1, 0, None], [1.0, 0.0, None], ["1", "0", ""], ["1.0", "0.0", "NA"], ["1.00", "0.00", "nan"]],
    "boolean": [[True, False, None], ["True", "False", ""], ["true", "false", "NA"], ["TRUE", "FALSE", "null"]],
}
EXPECTED = {"number": ["1", "0", None], "boolean": ["true", "false", None]}
PAIRS = [(spelling, one, two) for spelling, ways in TYPED.items() for one in ways for two in ways]


@pytest.mark.parametrize(("spelling", "one", "two"), PAIRS, ids=str)
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_labels_and_predictions_of_any_two_spellings_are_one_class(tmp_path, spelling, one, two, suffix):
    n = 30
    frame = pd.DataFrame({"ts": [NOW + timedelta(minutes=k) for k in range(n)], "x": range(n)})
    frame["prediction"], frame["label"] = pd.Series(one * (n // 3)), pd.Series(two * (n // 3))
    path = tmp_path / f"x.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    log = open_log("sqlite://")
    mapping = ColumnMapping(predicted_at="ts", prediction="prediction", label="label")
    plan = plan_import(log, path, "m", mapping)
    run_import(log, plan)
    rows = log.read_rows("m")
    for name in ("prediction", "label"):
        assert [None if each != each else each for each in rows[name].iloc[:3]] == EXPECTED[spelling]
    assert {reading.spelling for name, reading in log.readings("m").items() if name != "x"} == {spelling}
    log.close()


def test_labels_that_come_to_predictions_later_are_spelled_as_these_are(tmp_path):
    log = open_log("sqlite://")
    log.register("m", [Column("prediction", "categorical", "prediction")], {"prediction": Reading("number")})
    log.append("m", [{"predicted_at": NOW, "request_id": "a", "prediction": 1}])
    log.register("m", [Column("label", "categorical", "label")])
    assert log.readings("m")["label"] == Reading("number")
    log.label("m", ["a"], ["1.0"])
    assert log.read_rows("m")["label"].tolist() == ["1"]
    with pytest.raises(ValueError, match="label must stay spelled as number in model 'm'; got text"):
        log.register("m", [Column("label", "categorical", "label")], {"label": Reading("text")})
    log.close()


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["007", "012", "100"], "codes such as '007' are not taken for numbers"),
        (["1.10", "1.9", "1.2"], "as asked"),
        (["1e5", "2b7", "3"], "distinct values"),
    ],
)
def test_codes_stay_as_they_are(tmp_path, capsys, monkeypatch, cells, why):
    url = f"sqlite:///{tmp_path}/x.db"
    monkeypatch.setenv("DRIFT_DATABASE_URL", url)
    path = tmp_path / "x.csv"
    lines = [f"2026-09-01T00:{k:02}:00,{k},{cells[k % 3]}" for k in range(60)]
    path.write_text("\n".join(["ts,x,code", *lines]), encoding="utf-8")
    options = ["--categorical", "code"] if why == "as asked" else []
    assert main(["import", str(path), "--model", "m", "--time", "ts", *options]) == 0
    assert why in capsys.readouterr().out
    log = open_log(url)
    assert set(log.read_rows("m")["code"]) == set(cells)
    log.close()


@pytest.mark.each_database
def test_unreadable_cells_are_counted_by_day_and_forgotten_with_their_rows(database_url):
    log = open_log(database_url)
    log.register("m", [Column("x", "numeric")])
    day = datetime(2026, 9, 1, tzinfo=UTC)
    for k in range(3):
        rows = [{"predicted_at": day + timedelta(days=k, minutes=n), "x": "much" if n < 4 else n} for n in range(20)]
        report = log.append("m", rows)
        assert (report.accepted, report.unreadable[0].rows) == (20, (0, 1, 2, 3))
        assert log.append("m", rows, strict=True).accepted == 16
    totals = read_unreadable(log, "m")
    assert [(total.column, total.n, total.reason) for total in totals] == [("x", 12, "must be a number")]
    sample = log.read_window("m", LastRows(1_000), log.columns("m"))["x"]
    assert sum(sample.values != sample.values) == 12
    log.retain("m", day + timedelta(days=2))
    assert read_unreadable(log, "m")[0].n == 4
    log.close()


@pytest.mark.each_database
def test_a_log_of_an_older_release_is_read_as_before(tmp_path, database_url):
    log = open_log(database_url)
    log.register(
        "m",
        [Column("country", "categorical"), Column("flag", "categorical")],
        {"country": Reading("text", frozenset())},
    )
    log.append("m", [{"predicted_at": NOW, "country": "NA", "flag": "True"}])
    with log.engine.begin() as connection:
        take_back_readings(connection)
    log.close()
    again = open_log(database_url)
    readings = again.readings("m")
    assert {reading.spelling for reading in readings.values()} == {"text"}
    assert "NA" not in readings["country"].missing
    assert "NA" in readings["flag"].missing
    again.append("m", [{"predicted_at": NOW, "country": "NA", "flag": True}])
    assert again.read_rows("m")["country"].tolist() == ["NA", "NA"]
    assert again.read_rows("m")["flag"].tolist() == ["True", "true"]
    again.close()
