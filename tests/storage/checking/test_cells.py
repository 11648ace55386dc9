"""One table of cell rules: one record, many records and a frame make the same of any value, and none raises."""

import math
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.checking.cells import ESSENTIAL, Rule
from storage.checking.frames import batch_from_frame
from storage.checking.records import batch_from_many
from storage.checking.rows import Batch, batch_from_records
from storage.checking.spelling import Reading, spelled, spelling_of
from tests.storage.cells import COLUMNS, NOW, ODD, RULES, Unshown, odd_values

FIELDS = list(RULES)
PLAIN = {
    "predicted_at": NOW,
    "amount": 1.5,
    "word": "web",
    "grade": "2",
    "flag": "true",
    "country": "NA",
    "prediction": "1",
    "score": 0.5,
    "label": "1",
    "variant": "champion",
}
PLAIN = dict.fromkeys(FIELDS) | PLAIN


def outcome(batch: Batch) -> tuple[object, ...]:
    """Return all that is known of a batch, its categories in words."""
    words = {
        name: [coded.values[code] if code >= 0 else None for code in coded.codes]
        for name, coded in batch.categories.items()
    }
    numbers = {name: [None if x is None else repr(x) for x in values] for name, values in batch.numbers.items()}
    kept = (batch.positions, batch.predicted_at, batch.labelled_at, numbers, words, batch.texts)
    return (*kept, [(bad.row, bad.error) for bad in batch.rejected], batch.unreadable)


def as_frame(records: list[dict[str, object]]) -> pd.DataFrame:
    columns = {}
    for name in records[0]:
        values = np.empty(len(records), object)
        values[:] = [None] * len(records)
        for k, record in enumerate(records):
            values[k] = record[name]
        columns[name] = pd.Series(values, dtype=object)
    return pd.DataFrame(columns)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("field", FIELDS)
def test_every_odd_value_in_every_field_comes_to_the_same_by_every_door(field, strict):
    records = [{"predicted_at": NOW, field: value} for value in ODD]
    alone = batch_from_records(COLUMNS, records, RULES, strict=strict)
    assert outcome(batch_from_many(COLUMNS, records, RULES, strict=strict)) == outcome(alone)
    assert outcome(batch_from_frame(COLUMNS, as_frame(records), RULES, strict=strict)) == outcome(alone)


@pytest.mark.parametrize("field", FIELDS)
def test_an_odd_value_among_plain_ones_comes_to_the_same_by_every_door(field):
    for value in ODD:
        records = [{"predicted_at": NOW, field: PLAIN[field]}] * 16
        records[7] = records[7] | {field: value}
        alone = batch_from_records(COLUMNS, records, RULES)
        assert outcome(batch_from_many(COLUMNS, records, RULES)) == outcome(alone), value
        assert outcome(batch_from_frame(COLUMNS, as_frame(records), RULES)) == outcome(alone), value


@settings(max_examples=100, deadline=None)
@given(st.lists(st.fixed_dictionaries(dict.fromkeys(FIELDS, odd_values)), min_size=1, max_size=20), st.booleans())
def test_any_records_come_to_the_same_as_their_frame(records, strict):
    one_by_one = batch_from_records(COLUMNS, records, RULES, strict=strict)
    assert outcome(batch_from_many(COLUMNS, records, RULES, strict=strict)) == outcome(one_by_one)
    assert outcome(batch_from_frame(COLUMNS, as_frame(records), RULES, strict=strict)) == outcome(one_by_one)


@settings(max_examples=100, deadline=None)
@given(st.lists(odd_values, min_size=1, max_size=20), st.sampled_from(FIELDS))
def test_a_column_of_whatever_type_pandas_gives_it_comes_to_the_same(values, field):
    try:
        column = pd.Series(values)
    except Exception:  # values of which pandas makes no column come as records alone
        return
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return
    frame = pd.DataFrame({"predicted_at": [NOW] * len(values)} | {field: column})
    cells = list(column.to_numpy()) if column.dtype in (np.float16, np.float32) else column.tolist()
    records = [{"predicted_at": NOW} | {field: cell} for cell in cells]
    assert outcome(batch_from_frame(COLUMNS, frame, RULES)) == outcome(batch_from_records(COLUMNS, records, RULES))


@given(odd_values, st.sampled_from(FIELDS))
@example("9007199254740992.0", "grade")
@example(9007199254740992.0, "grade")
def test_what_is_stored_is_read_as_itself(value, field):
    try:
        stored = RULES[field](value)
    except ValueError:
        return
    again = RULES[field](datetime.fromtimestamp(stored // 10**6, UTC)) if "_at" in field and stored else stored
    if "_at" in field and stored:
        assert again == stored // 10**6 * 10**6
    else:
        assert stored is None or RULES[field](stored) == stored


def test_an_unreadable_cell_costs_the_cell_but_that_of_the_time_or_of_the_id():
    for field in FIELDS:
        batch = batch_from_records(COLUMNS, [PLAIN | {field: [1]}], RULES)
        assert (len(batch), list(batch.unreadable)) == ((0, []) if field in ESSENTIAL else (1, [field]))


def test_what_cannot_even_be_shown_costs_its_own_cell():
    for field in FIELDS:
        records = [PLAIN, PLAIN | {field: Unshown()}] * 10
        batches = [batch(COLUMNS, records, RULES) for batch in (batch_from_records, batch_from_many)]
        batches.append(batch_from_frame(COLUMNS, as_frame(records), RULES))
        assert outcome(batches[0]) == outcome(batches[1]) == outcome(batches[2])
        assert len(batches[0]) == (10 if field in ESSENTIAL else 20)


ONE = [1, 1.0, True, np.int8(1), np.float32(1), np.bool_(True), "1", "1.0", "1.00", "True", "true", " 1 ", b"1"]


@pytest.mark.parametrize(("spelling", "expected"), [("number", "1"), ("boolean", "true")])
def test_one_is_one_and_true_is_true_however_they_come(spelling, expected):
    rule = Rule("category", Reading(spelling))
    assert {rule(value) for value in ONE} == {expected}


@pytest.mark.parametrize(
    ("values", "spelling"),
    [
        (["0", "1"], "number"),
        (["0", "1.0", "1.00", 2], "number"),
        (["0.1", np.float32(0.1), 0.1], "number"),
        (["1e-05", "12.5", "-3"], "number"),
        (["True", "false", True], "boolean"),
        ([True, "1.0", 0], "boolean"),
        (["True", "2"], "text"),
        (["007", "12"], "text"),
        (["1e5", "2"], "text"),
        (["1.10", "1.9"], "text"),
        (["+1", "-1"], "text"),
        (["7100000000000000000"], "text"),
        (["1", "one"], "text"),
        ([], "text"),
    ],
)
def test_a_column_is_spelled_as_numbers_only_where_no_text_would_be_damaged(values, spelling):
    assert spelling_of(values) == spelling


def test_a_class_of_fixed_decimals_is_a_number_and_a_version_is_not():
    assert spelling_of(["1.50", "2.00", 1.5], classes=True) == "number"
    assert spelling_of(["1.50", "2.00"]) == "text"


@given(st.floats(allow_nan=False), st.sampled_from(["number", "boolean", "text"]))
def test_a_number_and_its_text_are_one_category(value, spelling):
    rule = Rule("category", Reading(spelling))
    written = str(value)
    assert rule(value) == rule(rule(value))
    if spelling == "number" and math.isfinite(value):
        assert rule(written) == rule(value)


@given(st.text(max_size=12))
def test_spelling_twice_changes_nothing(text):
    for spelling in ("number", "boolean", "text"):
        once = spelled(text, spelling)
        assert spelled(once, spelling) == once
