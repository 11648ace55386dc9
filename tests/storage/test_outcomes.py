"""Labels in the order in which they came: the indexed reader against sorting the whole log, on both databases."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from drift.data.windows import Column, LastRows
from storage import open_log

pytestmark = pytest.mark.each_database

START = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = (
    Column("x", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
N, N_REFERENCE = 400, 50


def rows(rng, n, first=0):
    """Return rows of which some are labelled at once, some late and some never; many labels share their instant."""
    times = [START + timedelta(microseconds=int(t)) for t in np.sort(rng.integers(0, 40_000, n)) + first * 40_000]
    late = [t + timedelta(milliseconds=int(ms)) for t, ms in zip(times, rng.integers(1, 30, n), strict=True)]
    how = rng.integers(0, 3, n)
    came = [{0: t, 1: later, 2: None}[k] for t, later, k in zip(times, late, how, strict=True)]
    label = [None if k == 2 else ("a", "b")[v] for k, v in zip(how, rng.integers(0, 2, n), strict=True)]
    return pd.DataFrame(
        {
            "predicted_at": times,
            "request_id": [f"{first}-{k}" for k in range(n)],
            "x": rng.normal(size=n),
            "prediction": rng.choice(["a", "b"], n),
            "label": label,
            "labelled_at": came,
        }
    )


@pytest.fixture
def frozen(log):
    log.register("m", COLUMNS)
    log.append("m", rows(np.random.default_rng(1), N))
    log.freeze_reference("m", "training", rows=N_REFERENCE)
    return log


def slow(log):
    """Return (labelled at, prediction, label) of every labelled row after the reference, sorted in memory."""
    frame = log.read_rows("m")
    end = log.references("m")[0].end
    known = frame[(frame["predicted_at"] >= end) & frame["label"].notna()]
    ordered = known.sort_values("labelled_at", kind="stable")  # rows are in the order of their ids
    return list(zip(ordered["labelled_at"], ordered["prediction"], ordered["label"], strict=True))


def told(found):
    names = [found.prediction.categories, found.label.categories]
    codes = zip(found.prediction.codes, found.label.codes, strict=True)
    at = pd.to_datetime(found.micros, unit="us", utc=True)
    return [(t, names[0][p], names[1][v]) for t, (p, v) in zip(at, codes, strict=True)]


@pytest.mark.parametrize("n", [1, 7, 100, 10_000])
def test_labels_come_in_their_order_whatever_is_read_at_once(frozen, n):
    expected = slow(frozen)
    assert len(expected) > 200
    after, read = None, []
    while len(found := frozen.read_outcomes("m", "training", after, n).ids):
        part = frozen.read_outcomes("m", "training", after, n)
        read += told(part)
        after = (int(part.micros[-1]), int(part.ids[-1]))
        assert len(found) <= n
    assert read == expected


def test_the_instant_of_an_earlier_label_is_found(frozen):
    expected = slow(frozen)
    found = frozen.read_outcomes("m", "training", None, 10_000)
    for k, back in [(10, 3), (200, 150), (5, 50)]:
        place = (int(found.micros[k]), int(found.ids[k]))
        assert pd.Timestamp(frozen.outcome_before("m", "training", place, back)) == expected[max(k - back, 0)][0]


def test_labels_that_come_through_the_door_are_the_newest(frozen):
    frame = frozen.read_rows("m")
    unknown = frame[frame["label"].isna()]["request_id"].tolist()[-20:]
    before = len(slow(frozen))
    frozen.label("m", unknown, ["a"] * len(unknown))
    found = frozen.read_outcomes("m", "training", None, 10_000)
    assert len(found.ids) == before + len(unknown)
    assert told(found)[-1][2] == "a"
    assert told(found) == slow(frozen)


def test_delays_are_those_of_the_labelled_rows_of_a_window(frozen):
    frame = frozen.read_rows("m", LastRows(100))
    expected = (frame["labelled_at"] - frame["predicted_at"]).dropna().dt.total_seconds()
    found = frozen.read_delays("m", LastRows(100), 10_000)
    assert sorted(found) == pytest.approx(sorted(expected))
    assert len(frozen.read_delays("m", LastRows(100), 5)) == 5


def test_without_labels_there_is_nothing_to_read(database_url):
    log = open_log(database_url)
    log.register("m", COLUMNS)
    log.append("m", rows(np.random.default_rng(2), 60).drop(columns=["label", "labelled_at"]))
    log.freeze_reference("m", "training", rows=10)
    found = log.read_outcomes("m", "training", None, 100)
    assert (found.ids.size, found.prediction.codes.size) == (0, 0)
    assert log.read_delays("m", LastRows(50), 100).size == 0
    log.close()


def test_late_labels_are_found_by_an_index_and_not_by_a_scan(sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    log.append("m", rows(np.random.default_rng(3), 300))
    log.freeze_reference("m", "training", rows=10)
    seen = []

    @sa.event.listens_for(log.engine, "before_cursor_execute")
    def note(connection, cursor, statement, parameters, context, many):
        if statement.startswith("SELECT prediction_m.labelled_at"):
            seen.append((statement, parameters))

    log.read_outcomes("m", "training", (1_790_000_000_000_000, 5), 100)
    sa.event.remove(log.engine, "before_cursor_execute", note)
    with log.engine.connect() as connection:
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {s}", p).all()) for s, p in seen]
    assert "ix_late_label_m (labelled_at>?)" in plans[0]
    assert "PRIMARY KEY (rowid>? AND rowid<?)" in plans[1]
    log.close()


def test_rows_without_labels_are_not_read_again_and_again(sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    log.append("m", rows(np.random.default_rng(4), 100))
    log.freeze_reference("m", "training", rows=10)
    last = log.read_outcomes("m", "training", None, 10_000)
    place = (int(last.micros[-1]), int(last.ids[-1]))
    at = START + timedelta(days=1)
    log.append("m", pd.DataFrame({"predicted_at": pd.date_range(at, periods=5_000, freq="s"), "prediction": "a"}))
    with log.engine.connect() as connection:
        known = connection.execute(sa.text("SELECT last_known_id FROM model")).scalar()
        newest = connection.execute(
            sa.text("SELECT max(id) FROM prediction_m WHERE labelled_at = predicted_at")
        ).scalar()
    assert known == newest  # behind it, only the index of late labels is asked
    assert log.read_outcomes("m", "training", place, 100).ids.size == 0
    log.close()
