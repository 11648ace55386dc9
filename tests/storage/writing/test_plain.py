"""Plain records that go the short way end up as if they had gone the long one, and so does every other."""

from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.data.windows import Column, LastRows
from storage import open_log
from storage.database import schema
from storage.upkeep.verification import verify
from storage.writing.plain import plain_row

pytestmark = pytest.mark.each_database

COLUMNS = (
    Column("x", "numeric"),
    Column("kind", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
START = datetime(2026, 11, 23, 14, tzinfo=UTC)
PLAIN = {"predicted_at": START, "request_id": "a", "x": 1.5, "kind": "web", "version": "v1", "variant": "champion"}
FIRST = [
    PLAIN | {"request_id": "first", "prediction": "paid", "entity_id": "e1"},
    PLAIN | {"request_id": "second", "prediction": "defaulted", "kind": "branch", "text": "great"},
]


def begun(url="sqlite://"):
    """Return a log that knows a few categories."""
    log = open_log(url)
    log.register("loans", COLUMNS)
    log.append("loans", FIRST)
    return log


@pytest.fixture(scope="module")
def shared():
    """A log for many models: opening one takes longer than all that is asked of it."""
    log = open_log("sqlite://")
    yield log
    log.close()


def everything(log, model):
    """Return the rows of every table that an append may touch, as they are stored."""
    c, m = schema.category.c, schema.model.c
    with log.engine.connect() as connection:
        model_id = connection.execute(sa.select(m.id).where(m.name == model)).scalar_one()
        rows = schema.prediction_table(model, COLUMNS)
        totals = sa.select(m.n_rows, m.n_categories, m.revision, m.n_sealed, m.last_known_id).where(m.id == model_id)
        categories = sa.select(c.column_name, c.code, c.value).where(c.model_id == model_id)
        queries = (sa.select(rows).order_by(rows.c.id), categories.order_by(c.column_name, c.code), totals)
        return [connection.execute(query).all() for query in queries]


def stored_both_ways(log, batches):
    """Return reports and tables after one batch at a time, the short and the long way: only a dict counts as plain."""
    found = []
    for form in (dict, MappingProxyType):
        model = f"loans{len(log.models())}"
        log.register(model, COLUMNS)
        log._rng = np.random.default_rng(7)  # late rows take the same places
        log.append(model, FIRST)
        reports = [log.append(model, [form(record) for record in batch]) for batch in batches]
        found.append((reports, everything(log, model)))
    return found


ODD = [
    {},
    {"x": float("nan")},
    {"x": float("inf")},
    {"x": 3},
    {"x": True},
    {"x": 10**400},
    {"x": "7"},
    {"x": np.float64(0.5)},
    {"kind": None},
    {"kind": "new"},
    {"kind": 1.0},
    {"kind": "x" * 201},
    {"kind": "half \ud800"},
    {"version": "v2"},
    {"variant": "canary"},
    {"variant": "blue"},
    {"request_id": None},
    {"request_id": ""},
    {"request_id": "first"},
    {"request_id": 17},
    {"request_id": "\x00"},
    {"text": "x" * 20_001},
    {"text": "fine"},
    {"label": "paid"},
    {"label": "paid", "labelled_at": START + timedelta(days=1)},
    {"labelled_at": START},
    {"labelled_at": "yesterday"},
    {"predicted_at": None},
    {"predicted_at": "2026-11-23T14:00:00"},
    {"predicted_at": "2026-11-23T16:00:00.000001+02:00"},
    {"predicted_at": START - timedelta(days=1)},
    {"predicted_at": START + timedelta(days=1)},
    {"unknown": 1},
    {1: 2},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:60])
def test_one_record_plain_or_odd_is_stored_alike(shared, odd):
    after = PLAIN | {"request_id": "after"}
    for batches in ([[PLAIN | odd], [after]], [[after, PLAIN | odd, PLAIN | {"request_id": "last"}]]):
        found, expected = stored_both_ways(shared, batches)
        assert found == expected


VALUES = {
    "predicted_at": st.sampled_from([START + timedelta(microseconds=400 * k) for k in range(-4, 9)]),
    "request_id": st.sampled_from([None, "a", "b", "c"]),
    "x": st.one_of(st.none(), st.floats(), st.integers(), st.booleans(), st.just("7")),
    "kind": st.sampled_from([None, "web", "branch", "new", ""]),
    "label": st.sampled_from([None, None, "paid"]),
}


RECORDS = st.fixed_dictionaries({}, optional=VALUES).map(lambda odd: PLAIN | odd)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.lists(RECORDS, min_size=1, max_size=3), max_size=6))
def test_any_records_in_any_batches_are_stored_alike(shared, batches):
    found, expected = stored_both_ways(shared, batches)
    assert found == expected


def test_a_plain_record_goes_the_short_way_on_every_database(database_url):
    log = begun(database_url)
    record = PLAIN | {"prediction": "paid", "x": 3, "text": "fine", "predicted_at": "2026-11-23T14:00:05+00:00"}
    log.append("loans", [record | {"request_id": None}])  # from the second row on, the categories are known
    assert plain_row(log.catalogue, "loans", record) is not None
    log._checked = lambda *_: pytest.fail("went the long way")
    assert log.append("loans", [record]).accepted == 1
    assert log.append("loans", [record | {"request_id": f"r{k}"} for k in range(5)]).accepted == 5
    log.close()
    again = open_log(database_url)
    row = again.read_rows("loans", LastRows(1)).iloc[0]
    assert (row.x, row.kind, row.prediction, row.version, row.text) == (3.0, "web", "paid", "v1", "fine")
    assert again.n_rows("loans") == 9
    again.close()


def test_columns_and_categories_that_another_process_adds_are_not_missed(database_url):
    log, other = begun(database_url), open_log(database_url)
    other.register("loans", [Column("age", "numeric")])
    other.append("loans", [PLAIN | {"request_id": "b", "age": 40.0, "kind": "phone"}])
    later = {"predicted_at": START + timedelta(minutes=1)}
    for k, record in enumerate([{"age": 41.0}, {"kind": "phone"}, {"kind": "phone", "age": 42.0}, {}]):
        assert log.append("loans", [PLAIN | later | record | {"request_id": f"r{k}"}]).accepted == 1
    rows = log.read_rows("loans", LastRows(4))
    assert rows.age.fillna(0).tolist() == [41, 0, 42, 0]
    assert rows.kind.tolist() == ["web", "phone", "phone", "web"]
    log.close()
    other.close()


def test_single_rows_fill_segments_that_verify():
    log = begun()
    second = timedelta(seconds=1)
    for k in range(8_192):
        log.append("loans", [PLAIN | {"request_id": None, "predicted_at": START + k * second, "x": float(k)}])
    assert log.catch_up("loans").n_sealed == 0  # the row that filled the segment has sealed it
    with log.engine.connect() as connection:
        assert connection.execute(sa.text("SELECT n_sealed FROM model")).scalar() == 8_192
    assert verify(log, "loans") == ()
    log.close()
