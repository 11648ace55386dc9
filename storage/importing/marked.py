"""Columns of numbers as people write them: recognised, offered by name, and read where somebody says so."""

import pandas as pd

from drift.data.windows import Kind, Role
from storage.checking.number_forms import described, forms_of, marked_number, options_for

# As for plain numbers: a few bad values are unreadable cells, many mean that the column is text.
_MOSTLY = 0.9
_LOOKED_AT = 2_000
# So few different values, such as 0 % to 40 % in steps of ten, are compared as categories whatever they mean.
_FEW = 20


def written(present: pd.Series, source: str, role: Role, asked: str, forced: Kind | None) -> tuple[str, str]:
    """Return the marks by which a column of texts is read as numbers, and what is to be said of them.

    Parameters
    ----------
    present : values that are not missing
    asked : the decimal mark and that of thousands that somebody named for the column, or for all
    forced : as what somebody asked to take the column

    Returns
    -------
    marks, why
        No marks and a reason where the column holds such numbers and nobody has said that they be read; nothing of
        either where it does not.

    Raises
    ------
    ValueError
        If the column is to be numbers, and two readings of them are possible.
    """
    if forced == "categorical" or not _is_text(present):
        return "", ""
    texts = present.head(_LOOKED_AT).astype(str).tolist()
    if asked and sum(marked_number(text, asked) is not None for text in texts) >= _MOSTLY * len(texts):
        if forced is None and not _are_marked(texts):
            return ("", "") if asked[0] == "." else (asked, f"numeric: written with {described(texts, asked)}")
        return asked, f"numeric: written with {described(texts, asked)}, such as {_example(texts)!r}"
    if not _are_marked(texts):
        return "", ""
    forms = forms_of(texts, _MOSTLY)
    is_left_out = role == "feature" and present.nunique() > _FEW
    what = "left out" if is_left_out else f"categorical: {present.nunique()} different values"
    if len(forms) > 1:
        example = _example(texts)
        read = [f"{marked_number(example, form):.10g} ({options_for(source, form)})" for form in forms]
        if forced == "numeric":
            raise ValueError(f"column {source} must say what {example!r} is: {' or '.join(read)}.")
        return "", f"{what}: numbers such as {example!r} can be {' or '.join(read)}; say which"
    if not forms:
        return "", ""
    said = f"numbers with {described(texts, forms[0])}, such as {_example(texts)!r}"
    if forced == "numeric":
        return forms[0], f"numeric, as asked: {said}"
    return "", f"{what}: {said} ({options_for(source, forms[0])} reads them)"


def _is_text(present: pd.Series) -> bool:
    if present.empty or (present.dtype != object and not isinstance(present.dtype, pd.StringDtype)):
        return False
    return all(isinstance(value, str) for value in present.head(_LOOKED_AT))


def _are_marked(texts: list[str]) -> bool:
    """Tell whether enough of the texts are numbers to no program."""
    return sum(not _is_plain(text) for text in texts) > (1 - _MOSTLY) * len(texts)


def _is_plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _example(texts: list[str]) -> str:
    return next((text.strip() for text in texts if not _is_plain(text)), texts[0])
