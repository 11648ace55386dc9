"""The type that a Parquet file tells decides: each comes in whole, with nulls, without, of one level and empty."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from storage import open_log
from storage.checking.cells import Rule
from storage.checking.frames import cells_of
from storage.checking.spelling import Reading
from storage.importing.arrow_types import series_of
from storage.importing.plan import ColumnMapping, plan_import
from storage.importing.run import run_import

BIG = 7_100_000_000_000_000_001
DAY = datetime(2026, 11, 23, 14, 5, 6, tzinfo=UTC)
MICROS = int(DAY.timestamp()) * 1_000_000
PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
# Type, two values, and what they are as a category and as a number; None where they are none.
CASES = [
    *((kind, [1, 2], ["1", "2"], [1.0, 2.0]) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.uint16())),
    *((kind, [1, 2], ["1", "2"], [1.0, 2.0]) for kind in (pa.uint32(), pa.float64())),
    (pa.int64(), [BIG, BIG + 1], [str(BIG), str(BIG + 1)], [float(BIG), float(BIG + 1)]),
    (pa.uint64(), [2**64 - 1, 1], [str(2**64 - 1), "1"], [2.0**64, 1.0]),
    (pa.float16(), [np.float16(0.1), np.float16(1)], ["0.1", "1"], [float(np.float16(0.1)), 1.0]),
    (pa.float32(), [np.float32(0.1), np.float32(2)], ["0.1", "2"], [float(np.float32(0.1)), 2.0]),
    (pa.bool_(), [True, False], ["true", "false"], [1.0, 0.0]),
    (pa.decimal128(5, 2), [Decimal("1.10"), Decimal("2.00")], ["1.1", "2"], [1.1, 2.0]),
    (pa.decimal256(50, 2), [Decimal("1.10"), Decimal("2.00")], ["1.1", "2"], [1.1, 2.0]),
    (pa.string(), ["a", "b"], ["a", "b"], None),
    (pa.large_string(), ["1.0", "7"], ["1.0", "7"], [1.0, 7.0]),
    (pa.binary(), [b"a", b"b"], ["a", "b"], None),
    (pa.binary(2), [b"ab", b"cd"], ["ab", "cd"], None),
    (pa.dictionary(pa.int8(), pa.string()), ["x", "y"], ["x", "y"], None),
    (pa.dictionary(pa.int32(), pa.int64()), [BIG, 5], [str(BIG), "5"], [float(BIG), 5.0]),
    (pa.date32(), [date(2026, 11, 23), date(2026, 1, 2)], ["2026-11-23T00:00:00", "2026-01-02T00:00:00"], None),
    (pa.date64(), [date(2026, 11, 23), date(2026, 1, 2)], ["2026-11-23T00:00:00", "2026-01-02T00:00:00"], None),
    (pa.time32("s"), [time(14), time(1, 2)], ["14:00:00", "01:02:00"], None),
    (pa.time64("ns"), [1_001, 2_000], ["00:00:00.000001", "00:00:00.000002"], None),
    *((pa.duration(unit), [90 * n, 5 * n], ["90", "5"], [90.0, 5.0]) for unit, n in PER_SECOND.items()),
    *((pa.timestamp(unit, "Asia/Tokyo"), [int(DAY.timestamp()) * n, 0], None, None) for unit, n in PER_SECOND.items()),
]
SHAPES = {
    "no null": lambda one, two: [one, two, one],
    "some nulls": lambda one, two: [one, None, two],
    "all null": lambda one, two: [None, None],
    "one level": lambda one, two: [one, one],
    "empty": lambda one, two: [],
}


def stored(rule, cells):
    found = []
    for cell in cells:
        try:
            found.append(rule(cell))
        except ValueError:
            found.append(None)
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_every_type_keeps_its_values_beside_nulls_and_without(case, shape):
    kind, (one, two), words, numbers = case
    values = SHAPES[shape](one, two)
    cells = cells_of(series_of(pa.array(values, kind)))
    place = [None if value is None else (one, two).index(value) for value in values]
    for rule, expected in ((Rule("category"), words), (Rule("number"), numbers)):
        if expected is not None:
            assert stored(rule, cells) == [None if k is None else expected[k] for k in place]
    if words is None:
        assert stored(Rule("later_instant"), cells) == [None if k is None else (MICROS, 0)[k] for k in place]


NESTED = [
    (pa.list_(pa.int8()), [[1], [2]], "lists and records"),
    (pa.list_(pa.int8(), 2), [[1, 2], [2, 3]], "lists and records"),
    (pa.struct([("a", pa.int8())]), [{"a": 1}, {"a": 2}], "lists and records"),
    (pa.map_(pa.string(), pa.int8()), [[("a", 1)], [("b", 2)]], "lists and records"),
    (pa.binary(), [b"\xff", b"\xfe"], "bytes that are no text"),
    (pa.time32("s"), [time(1), time(2)], "times are not compared"),
    (pa.timestamp("ms"), [1, 2], "times are not compared"),
    (pa.date32(), [date(2026, 1, 1), date(2026, 1, 2)], "times are not compared"),
]


@pytest.mark.parametrize(("kind", "values", "why"), NESTED, ids=lambda each: str(each)[:30])
@pytest.mark.parametrize("shape", ["no null", "some nulls", "one level"])
def test_what_cannot_be_compared_is_left_out_and_said(tmp_path, kind, values, why, shape):
    column = pa.array(SHAPES[shape](*values), kind)
    plan = planned(tmp_path, {"odd": column})
    assert next(d.why for d in plan.decisions if d.column is None).startswith(f"left out: {why}")


def planned(folder, columns, log=None, **options):
    n = len(next(iter(columns.values())))
    at = pa.array([DAY + timedelta(minutes=k) for k in range(n)])
    path = folder / "x.parquet"
    pq.write_table(pa.table({"ts": at, "x": pa.array([float(k) for k in range(n)])} | columns), path)
    owned = log or open_log("sqlite://")
    mapping = ColumnMapping(predicted_at="ts", **options.pop("fields", {}))
    plan = plan_import(owned, path, "m", mapping, **options)
    if log is None:
        owned.close()
    return plan


@pytest.mark.parametrize("shape", ["no null", "some nulls", "all null", "one level"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]))
def test_a_file_of_every_type_can_be_imported_as_feature_and_as_id(tmp_path, case, shape):
    kind, (one, two), words, _ = case
    values = SHAPES[shape](one, two)
    log = open_log("sqlite://")
    plan = planned(tmp_path, {"odd": pa.array(values, kind)}, log)
    assert run_import(log, plan).accepted == len(values)
    if words is not None and shape == "some nulls":
        plan = planned(tmp_path, {"key": pa.array(values, kind)}, log, fields={"request_id": "key"})
        assert run_import(log, plan).accepted == len(values)
        assert log.read_rows("m")["request_id"].dropna().tolist() == words
    log.close()


def test_a_duration_says_its_unit_and_a_float_of_few_values_its_own_digits(tmp_path):
    columns = {
        "waited": pa.array([90_000, None, 5_000], pa.duration("ms")),
        "grade": pa.array([0.1, 0.2, None], pa.float32()),
    }
    plan = planned(tmp_path, columns, categorical=("grade",))
    said = {decision.source: decision.why for decision in plan.decisions}
    assert said["waited"] == "numeric: durations, in seconds"
    assert plan.readings["grade"] == Reading("number")
    log = open_log("sqlite://")
    run_import(log, plan)
    log.append("m", [{"predicted_at": DAY + timedelta(days=1), "grade": "0.10"}])
    assert log.read_rows("m")["grade"].dropna().tolist() == ["0.1", "0.2", "0.1"]
    assert log.read_rows("m")["waited"].dropna().tolist() == [90.0, 5.0]
    log.close()
