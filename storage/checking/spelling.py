"""One spelling for each value of a column, decided once and used by every way in."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Literal

import numpy as np

from drift.data.windows import Column

Spelling = Literal["text", "number", "boolean"]
# What spreadsheets and programs write for "no value".
MISSING = frozenset(
    ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "-NaN", "-nan", "NaT", "null", "NULL", "None"]
)
# A cell of nothing but blanks, and nothing else.
BLANK = frozenset([""])
# As programs write them: 12, -0.5, 1.00, 1e-05, but not 007, +1, .5 or 1e5.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?(e[+-]\d{2,3})?", re.ASCII)
_BOOLEAN = {"true": "1", "false": "0"}
_MEANT = {number: boolean for boolean, number in _BOOLEAN.items()}
# More digits than a float tells apart.
_MOST_DIGITS = 17


@dataclass(frozen=True)
class Reading:
    """How the cells of a column are read, whatever the way in; fixed when the column is registered.

    Parameters
    ----------
    spelling : how a category is spelled, see `spelling_of`; numeric columns do not ask
    missing : words that mean "no value", compared without blanks around them
    """

    spelling: Spelling = "text"
    missing: frozenset[str] = MISSING


def spelling_of(values: Iterable[object], *, classes: bool = False) -> Spelling:
    """Decide how the categories of a column are spelled, by all values known when it is registered.

    - *boolean*: every value is true or false, be it typed or a word in any case, or 1 or 0 beside such. 1 is then true.
    - *number*: every value is a number, be it typed or a text that a program would write for one. `1`, `1.0` and `1.00`
      are then `1`, and true is `1`.
    - *text*: anything else, as it stands. One code such as `007`, `+1` or `1e5`, an id of more digits than a float
      holds, or a version such as `1.10`, keeps its whole column as text: as a number it would be another value.

    What a column of numbers or booleans holds later and is neither stays as it stands.

    Parameters
    ----------
    values : present values, each at least once; of a prediction and its label together, for they share one spelling
    classes : whether they are predictions or labels: `1.50` is then a number, for nobody predicts a version

    Examples
    --------
    >>> spelling_of(["0.0", "1.0", 1]), spelling_of([True, "false"]), spelling_of(["007", "12"]), spelling_of(["1.10"])
    ('number', 'boolean', 'text', 'text')
    """
    words = [value if isinstance(value, str) else _typed(value) for value in values]
    plain = {word.strip() for word in words if word is not None}
    if not plain or None in words:
        return "text"
    booleans = {word for word in plain if word.lower() in _BOOLEAN}
    if booleans and {_number_text(word) for word in plain - booleans} <= {"0", "1"}:
        return "boolean"
    return "number" if all(_is_number(word, classes) for word in plain) else "text"


def spelled(text: str, spelling: Spelling) -> str:
    """Return the one spelling of a category that is known as text.

    Examples
    --------
    >>> spelled("1.00", "number"), spelled("True", "boolean"), spelled("007", "number"), spelled("True", "text")
    ('1', 'true', '007', 'True')
    """
    if spelling == "text":
        return text
    word = text.strip()
    lower = word.lower()
    if spelling == "boolean":
        return lower if lower in _BOOLEAN else _MEANT.get(_number_text(word) or "", text)
    return _BOOLEAN.get(lower) or _number_text(word) or text


def number_spelled(value: Real | Decimal | float) -> str:
    """Return the one spelling of a number, so that 1, 1.0, numpy's 1 and a decimal 1.00 are the same category.

    Floats of 16 and 32 bits are spelled by their own digits: what was written as 0.1 is not 0.10000000149011612.

    Examples
    --------
    >>> number_spelled(1.0), number_spelled(np.float32(0.1)), number_spelled(Decimal("2.50"))
    ('1', '0.1', '2.5')
    """
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, Decimal) and value.is_finite():
        return _number_text(f"{value:f}") or f"{value:f}"
    # Zero is added because -0.0 is 0.
    real = float(str(value)) if isinstance(value, np.float16 | np.float32) else float(value) + 0.0
    return repr(real).removesuffix(".0")


def shared_readings(columns: Sequence[Column], given: Mapping[str, Reading]) -> dict[str, Reading]:
    """Return how every column is read: predictions and labels speak the same words where only one of them is told."""
    readings = {column.name: given.get(column.name, Reading()) for column in columns}
    kinds = {column.name: column.kind for column in columns}
    for one, other in (("label", "prediction"), ("prediction", "label")):
        if one not in given and other in given and kinds.get(one) == kinds.get(other):
            readings[one] = given[other]
    return readings


def check_readings(stored: Mapping[str, Reading], given: Mapping[str, Reading], model: str) -> None:
    """Refuse to read a column otherwise than before: one value would become two.

    Raises
    ------
    ValueError
        If a column that is there would be spelled in another way, or have other words for "no value".
    """
    for name, reading in given.items():
        old = stored.get(name, reading)
        if old.spelling != reading.spelling:
            raise ValueError(f"{name} must stay spelled as {old.spelling} in model {model!r}; got {reading.spelling}.")
        if old.missing != reading.missing:
            was, asked = (", ".join(map(repr, sorted(each.missing))) for each in (old, reading))
            raise ValueError(f"words for a missing {name} must stay {was} in model {model!r}; got {asked}.")


def _typed(value: object) -> str | None:
    """Spell a typed boolean or number; None for what is neither."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return number_spelled(value) if isinstance(value, Real | Decimal) else None


def _is_number(word: str, classes: bool) -> bool:
    match = _NUMBER.fullmatch(word)
    if match is None or _number_text(word) is None:
        return False
    whole, fraction, exponent = match.groups()
    if fraction is None and exponent is None:
        return len(whole) < _MOST_DIGITS - 1
    return classes or fraction is None or not fraction.endswith("0") or not fraction.strip(".0")


def _number_text(word: str) -> str | None:
    """Return the shortest spelling of a number; None for what is none, or could not be told from its neighbours."""
    match = _NUMBER.fullmatch(word)
    if match is None:
        return None
    whole, fraction, exponent = match.groups()
    if exponent is None and (fraction is None or not fraction.strip(".0")):
        sign = "-" if word.startswith("-") and whole != "0" else ""
        return sign + whole
    if len((whole + (fraction or "")).replace(".", "").lstrip("0")) > _MOST_DIGITS:
        return None
    real = float(word)
    return number_spelled(real) if math.isfinite(real) else None
