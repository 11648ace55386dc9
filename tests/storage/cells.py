"""Odd values, as many kinds as come in, and what every way in must make of them."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from uuid import UUID

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from drift.data.windows import Column
from storage.checking.cells import rules_of
from storage.checking.spelling import Reading

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
COLUMNS = (
    Column("amount", "numeric"),
    Column("word", "categorical"),
    Column("grade", "categorical"),
    Column("flag", "categorical"),
    Column("country", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)
READINGS = {
    "grade": Reading("number"),
    "flag": Reading("boolean"),
    "country": Reading("text", frozenset([""])),
    "score": Reading("number", frozenset(["", "-", "unknown"])),
    "prediction": Reading("number"),
    "label": Reading("number"),
}
RULES = rules_of(COLUMNS, READINGS)

TEXTS = [
    *(
        "",
        " ",
        "\t",
        "nan",
        "-nan",
        "+nan",
        "NaN",
        "NAN",
        "NA",
        " NA ",
        "N/A",
        "n/a",
        "None",
        "null",
        "NaT",
        "<NA>",
        "-",
    ),
    *("1", "1.0", "1.00", "01", "007", "+1", "-1", "-0", "-0.0", "1.10", "1.5", "1.50", "1e5", "1e-05", "1e+16", ".5"),
    *("1.", " 3 ", "1_000", "1,000", "1 000", "0x10", "0x1p3", "１２", "1e400", "-1e400", "1e-400", "inf", "-Infinity"),
    *("nan(1)", "infinitely", "True", "true", "TRUE", " true", "False", "yes", "7100000000000000001", "0.1", "9" * 400),
    *("9007199254740993", "9007199254740992.0", "0.10000000000000001", "123456789012345678.5", "web", "café", "日本"),
    *("\x00", "a\x00b", "half \ud800", "x" * 200, "x" * 201, "x" * 20_001, "champion", "canary", "blue", "2026-11-23"),
    *("2026-11-23T14:00:00Z", "2026-11-23 14:00:00+02:00", "2026-11-23T14:00:00", "2026-11-23T14:00:00.123456789Z"),
    *("20261123T140000Z", "2026-W48-1T14:00Z", "1699-12-31T20:00:00-08:00", "2241-01-01T02:00:00+00:00", "soon"),
    *("2026-11-23T24:00:00Z", "2026-02-30T14:00:00Z", "2026-11-23T14:00:00+99:99", "1795-11-23T14:00:00.000001+00:00"),
]
NUMBERS = [0, 1, -1, 7, 2**53, 2**53 + 1, 2**63, 2**64 - 1, 10**400, -(10**400), 0.0, -0.0, 0.1, 1.5, 1e22, 5e-324]
NUMBERS += [float("nan"), float("inf"), -float("inf"), 9007199254740993.0, 7.1e18, 9e15, 1e16, 1e-7, 1.0]
NUMPY = [kind(3) for kind in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)]
NUMPY += [
    kind(value) for kind in (np.float16, np.float32, np.float64, np.longdouble) for value in (0.1, 1, 2.5, np.nan)
]
NUMPY += [np.float32(16777216), np.float32(np.inf), np.uint64(2**64 - 1), np.bool_(True), np.bool_(False)]
NUMPY += [np.complex128(1 + 2j), np.str_("web"), np.bytes_(b"web"), np.datetime64("2026-11-23T14:00"), np.array(5)]
NUMPY += [np.datetime64("NaT"), np.timedelta64(90, "s"), np.timedelta64("NaT"), np.array([1, 2]), np.array(["a"])]
OTHERS = [None, True, False, pd.NA, pd.NaT, pd.Timestamp("2026-11-23", tz="Asia/Tokyo"), pd.Timestamp("2026-11-23")]
OTHERS += [pd.Timedelta(1500, "ms"), pd.Period("2026-11"), pd.Interval(0, 1), pd.Series([1]), pd.Index([1])]
OTHERS += [NOW, NOW.replace(tzinfo=None), NOW.astimezone(timezone(timedelta(hours=-5))), date(2026, 11, 23), time(14)]
OTHERS += [timedelta(days=1), timedelta(microseconds=1), Decimal("1.10"), Decimal("1E+5"), Decimal("NaN")]
OTHERS += [Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+400"), Fraction(1, 3), Fraction(4, 2), Fraction(10**400)]
OTHERS += [[1], [], {"a": 1}, {}, {1}, frozenset(), (1, 2), range(3), MappingProxyType({}), b"web", b"1.0", b"\xff"]
OTHERS += [bytearray(b"1"), memoryview(b"x"), 1 + 2j, UUID(int=5), Ellipsis, object, type("Odd", (), {})]


class Unshown:
    """What cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __hash__(self) -> int:
        raise RuntimeError("no")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")


ODD = [*TEXTS, *NUMBERS, *NUMPY, *OTHERS]
odd_values = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=5),
    st.floats(),
    st.integers(),
    st.floats(width=32).map(np.float32),
    st.floats().map(repr),
    st.decimals().map(lambda value: value),
    st.from_regex(r"-?[0-9]{1,4}(\.[0-9]{1,3})?", fullmatch=True),
)
