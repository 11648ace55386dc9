"""What a column of a file is, by its first values: numbers, categories, or nothing that is compared."""

from datetime import time

import numpy as np
import pandas as pd

from drift.data.windows import Kind, Role
from drift.wording import share_text
from storage.checking.time_forms import ISO, share_read

# Above this share of distinct values a text column is an identifier or free text, not a category.
_IDENTIFIER_SHARE = 0.5
_MIN_IDENTIFIERS = 200
# A numeric prediction or label with more distinct values than this is a quantity.
_MAX_CLASSES = 20
# A few bad values in a numeric column are unreadable cells; many mean that the column is text.
MOSTLY = 0.9
_LEADING_ZERO = r"\s*[+-]?0\d+\s*"
_NESTED = (list, dict, tuple, set, np.ndarray)
_CLASSES: tuple[Role, ...] = ("prediction", "label")


def kind_of(present: pd.Series, role: Role) -> tuple[Kind | None, str]:
    """Return what a column is, and why.

    Parameters
    ----------
    present : Series, shape (n,): the values that are not missing

    Returns
    -------
    kind, why
        No kind where the column is left out.
    """
    if present.dtype == object and (why := _left_out(present)):
        return None, f"left out: {why} (--ignore it to silence this)"
    if present.empty:
        return "numeric", "numeric: no value in the first rows, so this is a guess (--categorical to change it)"
    if _is_boolean(present):
        return "categorical", "categorical: true and false"
    if pd.api.types.is_timedelta64_dtype(present.dtype):
        return "numeric", "numeric: durations, in seconds"
    if is_time(present):
        return None, "left out: times are not compared (--ignore it to silence this)"
    numbers = _numbers(present)
    number_share = numbers.notna().mean()
    if number_share >= MOSTLY and not (codes := _codes(present)):
        n_distinct = numbers.nunique()
        if role in _CLASSES and n_distinct <= _MAX_CLASSES:
            guess = " (--numeric takes them for quantities)" if n_distinct > 2 else ""
            return "categorical", f"categorical: {n_distinct} classes{guess}"
        bad = f"; {share_text(1 - number_share)} of the first values are not and cannot be read"
        return "numeric", "numeric" + (bad if number_share < 1 else "")
    n_distinct = present.nunique()
    kept = f"; codes such as {codes!r} are not taken for numbers (--numeric)" if number_share >= MOSTLY else ""
    if n_distinct >= _MIN_IDENTIFIERS and n_distinct > _IDENTIFIER_SHARE * len(present) and role == "feature":
        return (
            None,
            f"left out: nearly every value differs, as in an id or free text (--id, --text, --categorical){kept}",
        )
    return "categorical", f"categorical: {n_distinct:,} distinct values in the first {len(present):,}{kept}"


def _left_out(present: pd.Series) -> str:
    """Say why values of which each is an object cannot be compared; nothing where they can."""
    if present.map(lambda value: isinstance(value, _NESTED)).any():
        return "lists and records are not compared"
    if present.map(lambda value: isinstance(value, bytes)).any():
        return "bytes that are no text are not compared"
    return "times are not compared" if present.map(lambda value: isinstance(value, time)).any() else ""


def _is_boolean(present: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(present.infer_objects().dtype):
        return True
    texts = isinstance(present.dtype, pd.StringDtype) or all(isinstance(value, str) for value in present)
    return bool(texts) and set(present.str.strip().str.lower().unique()) <= {"true", "false"}


def _numbers(present: pd.Series) -> pd.Series:
    """Return values as numbers where they are such."""
    if pd.api.types.is_bool_dtype(present.dtype) or not pd.api.types.is_numeric_dtype(present.dtype):
        return pd.to_numeric(present.astype("string"), errors="coerce").astype("Float64")
    return present


def _codes(present: pd.Series) -> str:
    """Return a code of digits that a number would not keep; nothing where there is none."""
    if not isinstance(present.dtype, pd.StringDtype) and present.dtype != object:
        return ""
    found = present[present.astype("string").str.fullmatch(_LEADING_ZERO).to_numpy(bool)]
    return "" if found.empty else str(found.iloc[0]).strip()


def is_time(values: pd.Series) -> bool:
    """Tell whether values, none of them missing, are times; an empty series holds none.

    Parameters
    ----------
    values : a column, shape (n,)

    Returns
    -------
    bool
    """
    if values.empty:
        return False
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return True
    text = values.head(200).astype("string")
    if not text.str.match(r"\d{4}-\d{2}-\d{2}").all():
        return False
    return share_read(text, ISO) == 1
