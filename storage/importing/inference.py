"""Guesses what the columns of a file are, and says each guess in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from drift.data.windows import Column, Kind, Role
from drift.wording import share_text
from storage.database import schema
from storage.models.columns import check_name

# Above this share of distinct values a text column is an identifier or free text, not a category.
_IDENTIFIER_SHARE = 0.5
_MIN_IDENTIFIERS = 200
# A numeric prediction or label with more distinct values than this is a quantity.
_MAX_CLASSES = 20
# A few bad values in a numeric column are bad rows; many mean that the column is text.
MOSTLY = 0.9
_NESTED = (list, dict, np.ndarray)


@dataclass(frozen=True)
class Decision:
    """What a column of the file becomes (None: it is left out), and why."""

    source: str
    column: Column | None
    why: str


def infer(
    sample: pd.DataFrame,
    features: Sequence[str],
    sources: Mapping[str, str],
    forced: Mapping[str, Kind],
    registered: Mapping[str, Column],
) -> list[Decision]:
    """Decide for every feature and role column of a file.

    Parameters
    ----------
    sample : the first rows of the file
    features : names of the file's columns that are features
    sources : field of the log -> column of the file
    forced : column of the file -> the kind that the caller asked for
    registered : the model's columns, if it exists already

    Raises
    ------
    ValueError
        If a feature has a name that the log cannot take.
    """
    decisions = []
    for name in features:
        check_feature(name)
        decisions.append(_decide(sample[name], name, name, "feature", forced.get(name), registered.get(name)))
    roles: tuple[Role, ...] = ("prediction", "score", "label")
    for role in roles:
        if (source := sources.get(role)) is not None:
            known = registered.get(role)
            decisions.append(_decide(sample[source], source, role, role, forced.get(source), known))
    return decisions


def check_feature(name: str) -> None:
    """Refuse a name that the log cannot take for a feature.

    Raises
    ------
    ValueError
        If it is one that the log uses itself, or could not be shown safely everywhere.
    """
    advice = "Rename it in the file, say what it means (as --text does), or leave it out (--ignore)."
    if name.casefold() in schema.RESERVED:
        raise ValueError(f"a feature must not be named {name!r}: the log uses that name itself. {advice}")
    try:
        check_name(name)
    except ValueError as error:
        raise ValueError(f"{error} {advice}") from None


def _decide(
    values: pd.Series, source: str, name: str, role: Role, forced: Kind | None, known: Column | None
) -> Decision:
    if known is not None:
        return Decision(source, known, f"{known.kind}, as registered")
    if forced is not None:
        return Decision(source, Column(name, forced, role), f"{forced}, as asked")
    kind, why = _kind(values, role)
    return Decision(source, None if kind is None else Column(name, kind, role), why)


def _kind(values: pd.Series, role: Role) -> tuple[Kind | None, str]:
    present = values.dropna()
    if present.map(lambda value: isinstance(value, _NESTED)).any():
        return None, "left out: lists and records are not compared (--ignore it to silence this)"
    n_distinct = present.nunique()
    if present.empty:
        return "numeric", "numeric: no value in the first rows, so this is a guess (--categorical to change it)"
    if pd.api.types.is_bool_dtype(present.infer_objects().dtype):
        return "categorical", "categorical: true and false"
    if is_time(present):
        return None, "left out: times are not compared (--ignore it to silence this)"
    number_share = pd.to_numeric(present, errors="coerce").notna().mean()
    if number_share >= MOSTLY:
        if role in ("prediction", "label") and n_distinct <= _MAX_CLASSES:
            return "categorical", f"categorical: {n_distinct} classes"
        bad = (
            ""
            if number_share == 1
            else f"; {share_text(1 - number_share)} of the first values are not and will be rejected"
        )
        return "numeric", f"numeric{bad}"
    if n_distinct >= _MIN_IDENTIFIERS and n_distinct > _IDENTIFIER_SHARE * len(present) and role == "feature":
        return None, "left out: nearly every value differs, as in an id or free text (--id, --text, --categorical)"
    return "categorical", f"categorical: {n_distinct:,} distinct values in the first {len(present):,}"


def is_time(values: pd.Series) -> bool:
    """Tell whether values, none of them missing, are times; an empty series holds none."""
    if values.empty:
        return False
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return True
    text = values.head(200).astype("string")
    if not text.str.match(r"\d{4}-\d{2}-\d{2}").all():
        return False
    return bool(pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce").notna().all())
