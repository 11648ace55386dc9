"""The rules of storage.checking.cells for a whole frame at once: a million rows in seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd

from drift.data.windows import Column
from storage.checking import rows
from storage.checking.cells import CODED, ESSENTIAL, PLAIN, Rule, Rules, rules_of
from storage.checking.records import plain_column
from storage.checking.rows import Batch, Coded, RejectedRow

# Times between these lie in the years allowed, whatever their zone.
_EARLY, _LATE = np.datetime64("1700-01-02", "us"), np.datetime64("2240-12-31", "us")
# What pandas and the rule for one cell read alike: no more than microseconds, and a zone.
_PLAIN_TIME = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:\d{2})"


@dataclass
class _Reasons:
    """Why cells cannot be read: those that cost their row, by row, and the others, by column and row."""

    fatal: frozenset[str]
    of_rows: dict[int, str] = field(default_factory=dict)
    of_cells: dict[str, dict[int, str]] = field(default_factory=dict)

    def add(self, name: str, row: int, reason: str) -> None:
        if name in self.fatal:
            self.of_rows.setdefault(row, f"{name} {reason}.")
        else:
            self.of_cells.setdefault(name, {})[row] = reason


Tell = Callable[[int, str], None]


def batch_from_frame(
    columns: Sequence[Column], frame: pd.DataFrame, rules: Rules | None = None, *, strict: bool = False
) -> Batch:
    """Check a frame column by column; the result is that of `storage.checking.rows.batch_from_records` for its records.

    Parameters
    ----------
    frame : n rows; `predicted_at` and any of the model's columns and bookkeeping fields
    columns, rules, strict : as there

    Returns
    -------
    Batch
        The rows that are kept, column by column, and what became of the others.

    Raises
    ------
    ValueError
        If `predicted_at` is absent or has no zone, or a column of the frame is not registered or there twice.
    """
    rules = rules or rules_of(columns)
    _check_names(frame, rules)
    reasons = _Reasons(frozenset(rules) if strict else ESSENTIAL)
    stored = {name: _column(frame, name, rule, reasons) for name, rule in rules.items()}
    keep = np.ones(len(frame), bool)
    keep[list(reasons.of_rows)] = False
    kept: np.ndarray | slice = keep if reasons.of_rows else slice(None)  # as a rule all of them: nothing is copied
    labelled_at, labelled_known = _labelled_at(stored, rules)
    numbers = {c.name: stored[c.name][kept] for c in columns if c.kind == "numeric"}
    coded = {name: stored[name] for name in [*(c.name for c in columns if c.kind == "categorical"), *CODED]}
    return Batch(
        positions=np.flatnonzero(keep).tolist(),
        predicted_at=stored["predicted_at"][0][kept].tolist(),
        labelled_at=_optional(labelled_at[kept], ~labelled_known[kept]),
        numbers={name: _optional(values, np.isnan(values)) for name, values in numbers.items()},
        categories={name: Coded(codes[kept].tolist(), values) for name, (codes, values) in coded.items()},
        texts={name: stored[name][kept].tolist() for name in PLAIN},
        rejected=[RejectedRow(row, reasons.of_rows[row]) for row in sorted(reasons.of_rows)],
        unreadable=_of_kept_rows(reasons),
    )


def _check_names(frame: pd.DataFrame, rules: Rules) -> None:
    unknown = [str(name) for name in frame.columns if name not in rules]
    if unknown:
        raise ValueError(f"columns must be registered ones ({', '.join(sorted(rules))}); got {', '.join(unknown)}.")
    names = ", ".join(map(str, frame.columns))
    if "predicted_at" not in frame:
        raise ValueError(f"predicted_at must be a column of the frame; got {names}.")
    if not frame.columns.is_unique:
        raise ValueError(f"columns of the frame must have names of their own; got {names}.")


def _of_kept_rows(reasons: _Reasons) -> dict[str, dict[int, str]]:
    kept = {
        name: {row: reason for row, reason in cells.items() if row not in reasons.of_rows}
        for name, cells in reasons.of_cells.items()
    }
    return {name: cells for name, cells in kept.items() if cells}


def _column(frame: pd.DataFrame, name: str, rule: Rule, reasons: _Reasons) -> Any:
    """Return a column as it is stored; cells that are missing or unreadable hold NaN, -1 or None.

    Returns
    -------
    floats; codes and their categories; microseconds and whether they are known; or texts; by the kind of the rule
    """

    def tell(row: int, reason: str) -> None:
        reasons.add(name, row, reason)

    return _READ[rule.kind](frame[name], rule, tell) if name in frame else _absent(rule, len(frame))


def _absent(rule: Rule, n: int) -> Any:
    if rule.kind == "number":
        return np.full(n, np.nan)
    if rule.kind in ("category", "variant"):
        return np.full(n, -1), []
    return (np.zeros(n, np.int64), np.zeros(n, bool)) if rule.kind == "later_instant" else np.full(n, None, object)


def _optional(values: np.ndarray, missing: np.ndarray) -> list[Any]:
    if not missing.any():
        result: list[Any] = values.tolist()
        return result
    boxed = values.astype(object)
    boxed[missing] = None
    return boxed.tolist()


def _labelled_at(stored: dict[str, Any], rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Return when each label came, and which rows have one; one that came with its prediction was known at once."""
    predicted_at, _ = stored["predicted_at"]
    if "label" not in rules:
        return predicted_at, np.zeros(len(predicted_at), bool)
    labelled = ~np.isnan(stored["label"]) if rules["label"].kind == "number" else stored["label"][0] >= 0
    given, present = stored["labelled_at"]
    return np.where(present, given, predicted_at), labelled


def cells_of(values: pd.Series) -> list[Any]:
    """Return the cells of a column as they are: pandas would widen small floats, which then have other digits.

    Parameters
    ----------
    values : a column, shape (n,)

    Returns
    -------
    list of n cells
        Of numpy's own types where the column is of small floats, else of Python's.
    """
    if values.dtype in (np.float16, np.float32):
        return list(values.to_numpy())
    return values.tolist()


def _one_by_one(values: Sequence[Any], rule: Rule, tell: Tell, rows_: Sequence[int] | None = None) -> list[Any]:
    """Apply a rule to every cell; an unreadable one is told and missing."""
    read = []
    for row, value in enumerate(values) if rows_ is None else zip(rows_, values, strict=True):
        try:
            read.append(rule(value))
        except ValueError as error:
            tell(int(row), str(error))
            read.append(None)
    return read


def _instants(values: pd.Series, rule: Rule, tell: Tell) -> tuple[np.ndarray, np.ndarray]:
    """Return microseconds since 1970 and which rows hold one."""
    dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        utc = values.dt.as_unit("us").to_numpy("datetime64[us]")
    elif pd.api.types.is_datetime64_dtype(dtype):
        name = values.name
        raise ValueError(f"{name} must carry a time zone: call .dt.tz_localize(...) first; got {dtype}.")
    else:
        utc = _instants_of_text(values)
    known = utc.view(np.int64).copy()
    present = ~np.isnat(utc)
    may_be_odd = ~(present & (utc >= _EARLY) & (utc <= _LATE))
    if rule.kind == "later_instant":
        known_missing = [cell is None for cell in values] if values.dtype == object else values.isna()
        may_be_odd &= ~np.asarray(known_missing, bool)
    odd = np.flatnonzero(may_be_odd)
    for row, instant in zip(odd, _one_by_one(cells_of(values.iloc[odd]), rule, tell, odd.tolist()), strict=True):
        known[row], present[row] = (0, False) if instant is None else (instant, True)
    return known, present


def _instants_of_text(values: pd.Series) -> np.ndarray:
    """Read times that are written in the usual way; NaT stands for what is not."""
    try:
        text = values.astype("string") if _holds_text(values) else None
    except UnicodeEncodeError:
        text = None
    if text is None:
        return np.full(len(values), np.datetime64("NaT", "us"))
    plain = text.str.fullmatch(_PLAIN_TIME).fillna(False).to_numpy(bool)
    parsed = pd.to_datetime(text.where(plain), format="ISO8601", utc=True, errors="coerce")
    return parsed.dt.as_unit("us").to_numpy("datetime64[us]")


def _holds_text(values: pd.Series) -> bool:
    if isinstance(values.dtype, pd.StringDtype):
        return True
    # pandas would ask each value whether it is missing, and some raise.
    return values.dtype == object and set(map(type, values)) <= {str, NoneType}


def _numbers(values: pd.Series, rule: Rule, tell: Tell) -> np.ndarray:
    dtype = values.dtype
    if _holds_numbers(dtype):
        with np.errstate(over="ignore"):
            return values.to_numpy(np.float64, na_value=np.nan)
    if pd.api.types.is_timedelta64_dtype(dtype):
        return np.asarray(values.dt.total_seconds(), np.float64)
    if _holds_text(values):
        return _numbers_of_text(values, rule, tell)
    return np.array(_one_by_one(cells_of(values), rule, tell), np.float64)


def _holds_numbers(dtype: Any) -> bool:
    """Tell whether a column holds numbers or booleans that a float can be made of."""
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype)


def _numbers_of_text(values: pd.Series, rule: Rule, tell: Tell) -> np.ndarray:
    """Read numbers in bulk, and one by one where that fails or comes to none that is finite."""
    import pyarrow as pa
    from pyarrow import compute

    if rule.reading.marks:  # what looks plain may be meant otherwise
        return np.array(_one_by_one(values.tolist(), rule, tell), np.float64)
    try:
        texts = pa.array(values, pa.large_string(), from_pandas=True)
        says_missing = compute.is_in(texts, value_set=pa.array(sorted(rule.reading.missing), pa.large_string()))
        texts = compute.if_else(says_missing, None, texts)
        read = compute.cast(texts, pa.float64()).to_numpy(zero_copy_only=False).copy()
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return np.array(_one_by_one(values.tolist(), rule, tell), np.float64)
    odd = np.flatnonzero(~np.isfinite(read) & texts.is_valid().to_numpy(zero_copy_only=False))
    read[odd] = _one_by_one(values.iloc[odd].tolist(), rule, tell, odd.tolist())
    return read


def _categories(values: pd.Series, rule: Rule, tell: Tell) -> tuple[np.ndarray, list[str]]:
    if values.dtype == object and not _holds_text(values):
        return _coded(_one_by_one(values.tolist(), rule, tell))
    try:
        codes, uniques = pd.factorize(values)
    except (TypeError, ValueError, NotImplementedError):  # values that pandas cannot compare, such as lists of Arrow
        return _coded(_one_by_one(cells_of(values), rule, tell))
    texts: list[str | None] = []
    for position, value in enumerate(cells_of(pd.Series(uniques))):
        try:
            texts.append(rule(value))
        except ValueError as error:
            texts.append(None)
            for row in np.flatnonzero(codes == position):
                tell(int(row), str(error))
    distinct = rows.encode(texts)
    lookup = np.array([*distinct.codes, -1], dtype=np.int64)
    return lookup[codes], distinct.values


def _coded(texts: Sequence[str | None]) -> tuple[np.ndarray, list[str]]:
    coded = rows.encode(texts)
    return np.array(coded.codes, np.int64), coded.values


def _texts(values: pd.Series, rule: Rule, tell: Tell) -> np.ndarray:
    texts = np.full(len(values), None, dtype=object)
    cells = cells_of(values)
    plain = plain_column(cells, rule)
    texts[:] = _one_by_one(cells, rule, tell) if plain is None else plain
    return texts


_READ: dict[str, Callable[[pd.Series, Rule, Tell], Any]] = {
    "instant": _instants,
    "later_instant": _instants,
    "number": _numbers,
    "category": _categories,
    "variant": _categories,
    "key": _texts,
    "text": _texts,
}
