"""The two ways in check the same: a frame at once, records one by one."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from drift.data.windows import Column
from storage.checking.frames import batch_from_frame
from storage.checking.rows import Batch, batch_from_records

COLUMNS = (
    Column("amount", "numeric"),
    Column("channel", "categorical"),
    Column("label", "categorical", "label"),
)
times = st.one_of(
    st.integers(-320 * 365, 330 * 365).map(
        lambda days: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days, days % 86_400)
    ),
    st.sampled_from(["2026-11-23T14:00:00Z", "2026-11-23T14:00:00", "2026-11-23", "soon", "", None, 5]),
)
values = st.one_of(st.none(), st.floats(), st.integers(-(2**60), 2**60), st.text(max_size=5), st.booleans())
records = st.fixed_dictionaries(
    {
        "predicted_at": times,
        "amount": values,
        "channel": values,
        "label": values,
        "request_id": values,
        "variant": st.sampled_from([None, "champion", "canary", "blue"]),
        "text": st.one_of(st.none(), st.text(max_size=5)),
    }
)


def decoded(batch: Batch) -> list[tuple]:
    rows = []
    for k in range(len(batch)):
        row = [batch.positions[k], batch.predicted_at[k], batch.labelled_at[k]]
        row += [values[k] for values in batch.numbers.values()]
        row += [c.values[c.codes[k]] if c.codes[k] >= 0 else None for c in batch.categories.values()]
        row += [values[k] for values in batch.texts.values()]
        rows.append(tuple(row))
    return rows


def alike(channel: object) -> dict[str, object]:
    names = ("amount", "label", "request_id", "variant", "text")
    return {"predicted_at": datetime(2026, 9, 1, tzinfo=UTC), "channel": channel} | dict.fromkeys(names)


@settings(max_examples=300, deadline=None)
@given(st.lists(records, min_size=1, max_size=6))
@example([alike(value) for value in (0.0, False, 1, True, "1", 2**60, float(2**60), None)])  # equal, but not alike
def test_a_frame_is_checked_as_its_records_are(rows):
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in rows[0]})
    one_by_one, at_once = batch_from_records(COLUMNS, rows), batch_from_frame(COLUMNS, frame)
    assert [bad.row for bad in at_once.rejected] == [bad.row for bad in one_by_one.rejected]
    assert decoded(at_once) == decoded(one_by_one)


def test_numbers_keep_every_bit_on_both_ways():
    numbers = [0.1, 1e-320, -0.0, 2.0**53 + 2, float("inf"), 1e308]
    rows = [{"predicted_at": datetime(2026, 9, 1, tzinfo=UTC), "amount": x} for x in numbers]
    for batch in (batch_from_records(COLUMNS, rows), batch_from_frame(COLUMNS, pd.DataFrame(rows))):
        np.testing.assert_array_equal(
            np.array(batch.numbers["amount"]).view(np.int64), np.array(numbers).view(np.int64)
        )


@pytest.mark.parametrize("text", ["1_000", "1,000", "１２", "0x10", "1 000"])
def test_text_that_only_a_program_would_take_for_a_number_is_unreadable_on_both_ways(text):
    rows = [{"predicted_at": datetime(2026, 9, 1, tzinfo=UTC), "amount": value} for value in (text, "12")]
    for batch in (batch_from_records(COLUMNS, rows), batch_from_frame(COLUMNS, pd.DataFrame(rows))):
        assert batch.unreadable == {"amount": {0: f"must be a number; got {text!r}"}}
        assert batch.numbers["amount"] == [None, 12.0]


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_times_of_every_unit_and_zone_are_those_of_single_records(unit, zone):
    edges = ["1699-12-31T20", "1700-01-01T00", "1969-12-31T23:59:59.75", "2026-11-23", "2240-12-31T23", "2241-01-01T02"]
    times = pd.Series(pd.to_datetime(edges, format="ISO8601")).dt.as_unit(unit).dt.tz_localize(zone)
    together = batch_from_frame(COLUMNS, pd.DataFrame({"predicted_at": times}))
    alone = batch_from_records(COLUMNS, [{"predicted_at": at.to_pydatetime()} for at in times])
    assert together.predicted_at == alone.predicted_at
    assert [row.row for row in together.rejected] == [row.row for row in alone.rejected] == [0, 5]


@pytest.mark.parametrize("odd", ["b", None, "", "\x00", "x" * 201, 7, 1.5, float("nan")], ids=repr)
def test_request_ids_of_a_frame_are_those_of_single_records(odd):
    ids = pd.Series(["a", odd, "c"], dtype=object)
    frame = pd.DataFrame({"predicted_at": pd.Timestamp("2026-11-23", tz="UTC"), "request_id": ids})
    together, alone = batch_from_frame(COLUMNS, frame), batch_from_records(COLUMNS, frame.to_dict("records"))
    assert together.texts == alone.texts
    assert together.rejected == alone.rejected
