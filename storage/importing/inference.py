"""Guesses what the columns of a file are, and says each guess in words."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from drift.data.windows import Column, Kind, Role
from storage.checking.cells import Rule
from storage.checking.spelling import BLANK, MISSING, Reading, Spelling, class_of, extended, spelling_of
from storage.database import schema
from storage.importing.kinds import kind_of
from storage.importing.marked import written
from storage.models.columns import check_name

# So many values and words are shown of what is told.
_SHOWN = 4
_CLASSES: tuple[Role, ...] = ("prediction", "label")


@dataclass(frozen=True)
class Decision:
    """What a column of the file becomes (None: it is left out), how its cells are read, and why."""

    source: str
    column: Column | None
    why: str
    reading: Reading = field(default_factory=Reading)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the caller asks for, by the names of the file; `registered` and `readings` are those of the model so far.

    `missing` are the words that mean "no value" besides empty cells, in every column but those of `keep`.
    `classes` are names of predictions and labels with the classes for which they stand; `decimal` and `thousands` are
    marks by column, "" for every other one.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    missing: frozenset[str] | None = None
    keep: frozenset[str] = frozenset()
    classes: tuple[tuple[str, str], ...] = ()
    decimal: Mapping[str, str] = field(default_factory=dict)
    thousands: Mapping[str, str] = field(default_factory=dict)
    registered: Mapping[str, Column] = field(default_factory=dict)
    readings: Mapping[str, Reading] = field(default_factory=dict)

    def words(self, source: str, name: str) -> frozenset[str]:
        """Return the words that mean "no value" in a column."""
        if source in self.keep:
            return BLANK
        if self.missing is not None:
            return self.missing | BLANK
        return self.readings[name].missing if name in self.readings else MISSING

    def marks(self, source: str) -> str:
        """Return the decimal mark of a column and that of thousands; nothing where none was asked for."""
        decimal, thousands = (given.get(source, given.get("", "")) for given in (self.decimal, self.thousands))
        return (decimal or ("," if thousands == "." else ".")) + thousands if decimal or thousands else ""


def infer(
    sample: pd.DataFrame, features: Sequence[str], sources: Mapping[str, str], asked: Asked | None = None
) -> list[Decision]:
    """Decide for every feature and role column of a file.

    Parameters
    ----------
    sample : the first rows of the file, with the words for "no value" that stand in it
    features : names of the file's columns that are features
    sources : field of the log -> column of the file

    Returns
    -------
    list of Decision
        One for each feature and each role that has a column, in this order.

    Raises
    ------
    ValueError
        If a feature has a name that the log cannot take.
    """
    asked = asked or Asked()
    decisions = []
    for name in features:
        check_feature(name)
        decisions.append(_decide(sample[name], name, name, "feature", asked))
    roles: tuple[Role, ...] = ("prediction", "score", "label")
    for role in roles:
        if (source := sources.get(role)) is not None:
            decisions.append(_decide(sample[source], source, role, role, asked))
    return _alike(decisions, sample, asked)


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


def present_of(values: pd.Series, words: frozenset[str]) -> pd.Series:
    """Return the values of a column that are not missing.

    Parameters
    ----------
    values : a column, shape (n,)
    words : what stands for no value

    Returns
    -------
    Series
        What is left of them, in their order.
    """
    present = values.dropna()
    return present[~_says(present, words)]


def _says(present: pd.Series, words: frozenset[str]) -> np.ndarray:
    """Tell which values are one of some words."""
    if isinstance(present.dtype, pd.StringDtype):
        return present.str.strip().isin(list(words)).to_numpy(bool)
    if present.dtype != object:
        return np.zeros(len(present), bool)
    return np.array([isinstance(value, str) and value.strip() in words for value in present], bool)


def _decide(values: pd.Series, source: str, name: str, role: Role, asked: Asked) -> Decision:
    words, known = asked.words(source, name), asked.registered.get(name)
    present = present_of(values, words)
    told = _missing_text(values, words, source, None if known else role)
    forced = asked.kinds.get(source)
    if known is not None:
        given = Reading(classes=asked.classes if role in _CLASSES and known.kind == "categorical" else ())
        reading = extended(replace(asked.readings.get(name, Reading()), missing=words), given)
        return Decision(source, known, f"{known.kind}, as registered{told}", reading)
    marks, as_written = written(present, source, role, asked.marks(source), forced)
    kind, why = (forced, f"{forced}, as asked") if forced is not None else kind_of(present, role)
    if marks:
        kind, why = "numeric", as_written
    elif as_written and kind != "numeric":
        kind, why = (None if as_written.startswith("left out") else kind), as_written
    if role in _CLASSES and asked.classes and forced is None and kind == "numeric":
        kind, why = "categorical", "categorical: classes are given"
    if role in _CLASSES and kind == "numeric":
        why += "; how far numbers are off is not watched (--categorical takes them for classes)"
    spelling = spelling_of(_distinct(present), classes=role in _CLASSES) if kind == "categorical" else "text"
    column = None if kind is None else Column(name, kind, role)
    classes = asked.classes if role in _CLASSES and kind == "categorical" else ()
    return Decision(source, column, why + (told if column else ""), Reading(spelling, words, classes, marks))


def _missing_text(values: pd.Series, words: frozenset[str], source: str, role: Role | None) -> str:
    """Tell which words are read as missing, and how often they stand in the first rows."""
    present = values.dropna()
    said = present[_says(present, words - BLANK)]
    if said.empty:
        return ""
    found = [str(word).strip() for word in said.value_counts().index]
    named = ", ".join(repr(word) for word in list(dict.fromkeys(found))[:_SHOWN])
    keep = f" (--keep {source} keeps them)" if role is not None else ""
    return f"; {len(said):,} of {len(values):,} read as missing: {named}{keep}"


def _distinct(present: pd.Series) -> list[Any]:
    """Return each value once, as it stands in the file."""
    if present.dtype == object:
        return list({(type(value), str(value)): value for value in present}.values())
    small = present.dtype in (np.float16, np.float32)
    return list(np.unique(present.to_numpy())) if small else present.unique().tolist()


def _alike(decisions: list[Decision], sample: pd.DataFrame, asked: Asked) -> list[Decision]:
    """Let labels be spelled as predictions are, and tell where that makes one of two spellings."""
    classes = [d for d in decisions if d.column and d.column.kind == "categorical" and d.column.role in _CLASSES]
    values = {d.source: _distinct(present_of(sample[d.source], d.reading.missing)) for d in classes}
    if len(classes) < 2 and not any(role in asked.readings for role in _CLASSES):
        return decisions
    mapped = next((d.reading.classes for d in classes), ())
    stood_for = [class_of(v, mapped) if isinstance(v, str) else v for each in values.values() for v in each]
    spelling: Spelling = spelling_of(stood_for, classes=True)
    for role in _CLASSES:  # what is stored already decides
        if role in asked.readings and asked.registered[role].kind == "categorical":
            spelling = asked.readings[role].spelling
    shared = [replace(d, reading=replace(d.reading, spelling=spelling)) if d in classes else d for d in decisions]
    told = _alike_text(values, spelling, mapped) if len(values) == 2 else ""
    return [replace(d, why=d.why + told) if d.column and d.column.role == "label" else d for d in shared]


def _alike_text(values: Mapping[str, Sequence[Any]], spelling: Spelling, classes: tuple[tuple[str, str], ...]) -> str:
    """Tell in which spellings classes come, where they come in more than one, and which labels no prediction has."""
    as_text, as_spelled = Rule("category", Reading("text", frozenset())), Reading(spelling, frozenset(), classes)
    written = [_readable(each, as_text) for each in values.values()]
    read = [_readable(each, Rule("category", as_spelled)) for each in values.values()]
    told = ""
    if strange := sorted(read[1] - read[0]) if read[0] else []:
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        told = f"; labels use names that no prediction has: {', '.join(map(repr, strange[:_SHOWN]))}{more}"
        told += " (--classes says what they stand for)"
    if written == read or not read[0] & read[1]:
        return told
    named = [", ".join(sorted(each)[:_SHOWN]) for each in written]
    return f"; predictions: {named[0]}; labels: {named[1]} - read as the same{told}"


def _readable(values: Sequence[Any], rule: Rule) -> set[str]:
    """Return the categories of a column, without cells that cannot be read."""
    found = set()
    for value in values:
        with suppress(ValueError):
            found.add(rule(value))
    return found
