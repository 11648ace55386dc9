"""Many records checked column by column come out as if each had been checked by itself."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift.data.windows import Column
from storage.checking import rows
from storage.checking.records import batch_from_many
from storage.checking.rows import batch_from_records

COLUMNS = (
    Column("x", "numeric"),
    Column("kind", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
NOW = "2026-11-23T14:00:00+00:00"
PLAIN = {"predicted_at": NOW, "request_id": "a", "x": 1.5, "kind": "web", "variant": "champion", "text": "great"}
ODD = [
    {"x": float("nan")},
    {"x": 3},
    {"x": True},
    {"x": 10**400},
    {"x": "7"},
    {"x": "1_000"},
    {"x": ""},
    {"x": float("inf")},
    {"kind": 1.0},
    {"kind": ""},
    {"kind": "x" * 201},
    {"kind": "half \ud800"},
    {"request_id": ""},
    {"request_id": "\x00"},
    {"request_id": 17},
    {"variant": "blue"},
    {"text": "x" * 20_001},
    {"text": "é" * 20_000},
    {"text": "half \udfff"},
    {"predicted_at": None},
    {"predicted_at": "yesterday"},
    {"predicted_at": "2026-11-23T14:00:00"},
    {"predicted_at": datetime(2026, 11, 23, tzinfo=UTC)},
    {"labelled_at": NOW, "label": "good"},
    {"label": "good"},
    {"unknown": 1},
]


def both(records):
    return repr(batch_from_many(COLUMNS, records)), repr(batch_from_records(COLUMNS, records))


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_one_odd_record_among_plain_ones(odd):
    records = [PLAIN | {"request_id": str(k), "x": k / 7} for k in range(20)]
    records[13] = records[13] | odd
    found, expected = both(records)
    assert found == expected


def test_what_is_no_mapping_and_what_is_absent():
    plain = [{"predicted_at": NOW}] * 20
    for records in (plain, [*plain, 7], [*plain, {}], [], [{}] * 20, [*plain, {"x": 2}]):
        found, expected = both(records)
        assert found == expected


def test_plain_records_do_not_need_the_slow_way(monkeypatch):
    monkeypatch.setattr(rows, "_checked", lambda *_: pytest.fail("checked one by one"))
    assert len(batch_from_many(COLUMNS, [PLAIN | {"x": k, "labelled_at": None} for k in range(50)])) == 50


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.sampled_from(["champion", NOW])
)
NAMES = st.sampled_from(
    ["predicted_at", "labelled_at", "request_id", "version", "variant", "text", "x", "kind", "label"]
)


@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=4).map(lambda odd: PLAIN | odd), min_size=16, max_size=20))
def test_any_records(records):
    found, expected = both(records)
    assert found == expected
