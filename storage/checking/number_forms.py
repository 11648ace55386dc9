"""Numbers as people write them: with marks for thousands, a decimal comma, a percent sign or a currency."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

# A decimal mark, and behind it the mark of thousands if there is one; the plainest first.
FORMS = (".", ".,", ",", ",.", ", ", ". ", ".'")
DECIMALS, THOUSANDS = (".", ","), (",", ".", " ", "'")
_CURRENCY = r"(?:[€$£¥₹]|EUR|USD|GBP|CHF|JPY)"
_AROUND = re.compile(
    rf"{_CURRENCY}?\s*(?P<sign>[+\-\u2212]?)\s*{_CURRENCY}?\s*(?P<digits>[\d.,'\s]*\d)\s*(?:%|{_CURRENCY})?"
)
_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2019": "'"})


def marked_number(text: str, marks: str) -> float | None:
    """Return a number that is written with marks, None where the text is none; of a percentage, how many per cent.

    Examples
    --------
    >>> marked_number("1.204,50 €", ",."), marked_number("62.1%", "."), marked_number("70,51", ".,")
    (1204.5, 62.1, None)
    """
    found = _AROUND.fullmatch(text.strip().translate(_BLANKS))
    if found is None or not found["digits"].isascii():
        return None
    digits = found["digits"]
    if not _digits(marks).fullmatch(digits):
        return None
    decimal, thousands = marks[0], marks[1:]
    plain = digits.replace(thousands, "") if thousands else digits
    return float(("-" if found["sign"] in ("-", "\u2212") else "") + plain.replace(decimal, "."))


@lru_cache(maxsize=32)
def _digits(marks: str) -> re.Pattern[str]:
    decimal, thousands = re.escape(marks[0]), re.escape(marks[1:])
    grouped = rf"\d{{1,3}}(?:{thousands}\d{{3}})+|" if thousands else ""
    return re.compile(rf"(?:{grouped}\d+)(?:{decimal}\d+)?", re.ASCII)


def forms_of(texts: Sequence[str], least: float) -> list[str]:
    """Return the marks by which so great a share of texts are numbers, the plainest first of those that read alike.

    Two or more are readings that differ: somebody must say which one is meant.

    Examples
    --------
    >>> forms_of(["5,789.61", "176.58"], 0.9), forms_of(["1,204", "1,536", "642"], 0.9), forms_of(["a"], 0.9)
    (['.,'], ['.,', ','], [])
    """
    read = {marks: [marked_number(text, marks) for text in texts] for marks in FORMS}
    enough = {marks: found for marks, found in read.items() if _share(found) >= max(least, 1e-9)}
    most = max(map(_share, enough.values()), default=0.0)
    kept: dict[str, list[float | None]] = {}
    for marks, found in enough.items():
        if _share(found) == most and found not in kept.values():
            kept[marks] = found
    return list(kept)


def _share(found: Sequence[float | None]) -> float:
    return sum(number is not None for number in found) / len(found) if found else 0.0


def described(texts: Iterable[str], marks: str) -> str:
    """Say what is special about numbers written like this.

    Examples
    --------
    >>> described(["5,789.61"], ".,"), described(["70,51"], ","), described(["62.1%"], ".")
    ('thousands separators', 'a decimal comma', 'a percent sign')
    """
    said = []
    if len(marks) > 1:
        said.append("thousands separators")
    if marks[0] == ",":
        said.append("a decimal comma")
    if any("%" in text for text in texts):
        said.append("a percent sign")
    elif any(re.search(_CURRENCY, text) for text in texts):
        said.append("a currency")
    return " and ".join(said) or "blanks"


def options_for(source: str, marks: str) -> str:
    """Return the options of an import that read a column with these marks."""
    named = [f"--thousands '{source}={marks[1]}'"] if len(marks) > 1 else []
    named += [f"--decimal '{source}=,'"] if marks[0] == "," else []
    return " ".join(named) or f"--numeric {source}"
