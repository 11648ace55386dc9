"""The same checks as storage.checking.rows for a whole frame at once: a million rows in seconds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from drift.data.windows import Column
from storage.checking import rows
from storage.checking.records import plain_column
from storage.checking.rows import CODED, PLAIN, Batch, Coded, RejectedRow

# Times between these lie in the years allowed, whatever their zone.
_EARLY, _LATE = np.datetime64("1700-01-02", "us"), np.datetime64("2240-12-31", "us")
_ZONED = r"(?:[zZ]|[+-]\d{2}:?\d{2})$"


def batch_from_frame(columns: Sequence[Column], frame: pd.DataFrame) -> Batch:
    """Check a frame column by column.

    Raises
    ------
    ValueError
        If `predicted_at` is absent, or a column of the frame is not registered.
    """
    known = {"predicted_at", "labelled_at", *CODED, *PLAIN, *(c.name for c in columns)}
    unknown = [str(name) for name in frame.columns if name not in known]
    if unknown:
        raise ValueError(f"columns must be registered ones ({', '.join(sorted(known))}); got {', '.join(unknown)}.")
    if "predicted_at" not in frame:
        raise ValueError(f"predicted_at must be a column of the frame; got {', '.join(map(str, frame.columns))}.")
    errors: dict[int, str] = {}
    predicted_at, _ = _instants(frame["predicted_at"], "predicted_at", errors, required=True)
    labelled_at, labelled_known = _labelled_at(frame, predicted_at, errors)
    numbers = {c.name: _numbers(frame, c.name, errors) for c in columns if c.kind == "numeric"}
    categorical = [c.name for c in columns if c.kind == "categorical"]
    categories = {name: _categories(frame, name, errors) for name in [*categorical, *CODED]}
    texts = {name: _texts(frame, name, errors) for name in PLAIN}
    keep = np.ones(len(frame), bool)
    keep[list(errors)] = False
    positions = np.flatnonzero(keep).tolist()
    kept: np.ndarray | slice = keep if errors else slice(None)  # as a rule all of them: nothing is copied
    return Batch(
        positions=positions,
        predicted_at=predicted_at[kept].tolist(),
        labelled_at=_optional(labelled_at[kept], ~labelled_known[kept]),
        numbers={name: _optional(values[kept], np.isnan(values[kept])) for name, values in numbers.items()},
        categories={name: Coded(codes[kept].tolist(), values) for name, (codes, values) in categories.items()},
        texts={name: values[kept].tolist() for name, values in texts.items()},
        rejected=[RejectedRow(row, errors[row]) for row in sorted(errors)],
    )


def with_zone(times: pd.Series) -> pd.Series:
    """Read times without a zone as UTC, as an import says before it starts."""
    if isinstance(times.dtype, pd.DatetimeTZDtype):
        return times
    if pd.api.types.is_datetime64_dtype(times.dtype):
        return times.dt.tz_localize("UTC")
    parsed = pd.to_datetime(times.astype("string"), format="ISO8601", utc=True, errors="coerce")
    # What cannot be read stays as it is, so that the report can show it.
    return parsed if parsed.notna().all() else parsed.astype(object).where(parsed.notna(), times)


def _optional(values: np.ndarray, missing: np.ndarray) -> list[Any]:
    if not missing.any():
        result: list[Any] = values.tolist()
        return result
    boxed = values.astype(object)
    boxed[missing] = None
    return boxed.tolist()


def _reject(errors: dict[int, str], bad: np.ndarray, name: str, values: pd.Series, must: str) -> None:
    for row in np.flatnonzero(bad):
        errors.setdefault(int(row), f"{name} must {must}; got {rows._short(values.iloc[row])}.")


def _instants(values: pd.Series, name: str, errors: dict[int, str], *, required: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return microseconds since 1970 and which rows hold one."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        parsed = values
    elif pd.api.types.is_datetime64_dtype(values.dtype):
        raise ValueError(f"{name} must carry a time zone: call .dt.tz_localize(...) first; got {values.dtype}.")
    else:
        text = values.map(lambda value: value.isoformat() if hasattr(value, "isoformat") else value)
        as_text = text.astype("string")
        parsed = pd.to_datetime(as_text, format="ISO8601", utc=True, errors="coerce")
        naive = parsed.notna() & ~as_text.str.contains(_ZONED, regex=True).fillna(False)
        _reject(errors, naive.to_numpy(bool), name, values, "carry a time zone, such as +00:00")
        unreadable = parsed.isna() & values.notna()
        _reject(errors, unreadable.to_numpy(bool), name, values, "be a time such as 2026-11-23T14:00:00+00:00")
    utc = parsed.dt.as_unit("us").to_numpy("datetime64[us]")
    present = ~np.isnat(utc)
    if required and not present.all():
        _reject(errors, ~present, name, values, "be a time with a zone")
    if (present & ((utc < _EARLY) | (utc > _LATE))).any():
        years = parsed.dt.year.to_numpy(float)  # by the clock of the row's own zone
        with np.errstate(invalid="ignore"):
            far = present & ((years < 1700) | (years > 2240))
        _reject(errors, far, name, values, "lie between the years 1700 and 2240")
    return utc.view(np.int64), present


def _labelled_at(
    frame: pd.DataFrame, predicted_at: np.ndarray, errors: dict[int, str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return when each label came; one that came with its prediction was known at once."""
    if "label" not in frame:
        return predicted_at, np.zeros(len(frame), bool)
    labelled = frame["label"].notna().to_numpy(bool)
    if "labelled_at" not in frame:
        return predicted_at, labelled
    given, present = _instants(frame["labelled_at"], "labelled_at", errors, required=False)
    return np.where(present, given, predicted_at), labelled


def _numbers(frame: pd.DataFrame, name: str, errors: dict[int, str]) -> np.ndarray:
    if name not in frame:
        return np.full(len(frame), np.nan)
    values = frame[name]
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(np.float64, na_value=np.nan)
    cleaned = values.mask(values.isin([""]))
    parsed = pd.to_numeric(cleaned, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    _reject(errors, np.isnan(parsed) & cleaned.notna().to_numpy(bool), name, values, "be a number")
    return parsed


def _categories(frame: pd.DataFrame, name: str, errors: dict[int, str]) -> tuple[np.ndarray, list[str]]:
    if name not in frame:
        return np.full(len(frame), -1), []
    codes, uniques = pd.factorize(_spelled(frame[name]))
    check = rows.variant if name == "variant" else rows.category_text
    texts: list[str | None] = []
    for position, value in enumerate(uniques):
        try:
            texts.append(check(value))
        except ValueError as error:
            texts.append(None)
            for row in np.flatnonzero(codes == position):
                errors.setdefault(int(row), f"{name} {error}.")
    distinct = rows.encode(texts)
    lookup = np.array([*distinct.codes, -1], dtype=np.int64)
    return lookup[codes], distinct.values


def _spelled(values: pd.Series) -> pd.Series:
    """Spell numbers and booleans out where a column mixes them with others: to pandas, False and 0 are one value."""
    if values.dtype != object or pd.api.types.infer_dtype(values) in ("string", "empty"):
        return values
    plain = (bool, int, float, np.number, np.bool_)
    return values.map(lambda value: rows.category_text(value) if isinstance(value, plain) else value)


def _texts(frame: pd.DataFrame, name: str, errors: dict[int, str]) -> np.ndarray:
    texts = np.full(len(frame), None, dtype=object)
    if name not in frame:
        return texts
    check = rows.plain_text if name == "text" else rows.key_text
    if (plain := plain_column(frame[name].tolist(), check)) is not None:
        texts[:] = plain
        return texts
    for row, value in enumerate(frame[name]):
        try:
            texts[row] = check(value)
        except ValueError as error:
            errors.setdefault(row, f"{name} {error}.")
    return texts
