"""What a job's rows keep as JSON, read back into dataclasses: each says `plain()` and `of(mapping)`, by these rules."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any


def fields_of(kind: type, values: object, what: str) -> dict[str, Any]:
    """Return what was stored for the fields of a dataclass.

    A field with a default may be absent: an older release did not store it. A name that is no field is left out.

    Parameters
    ----------
    kind : the dataclass
    values : what was stored for it
    what : the name of what is read, for the error

    Raises
    ------
    ValueError
        If no mapping was stored, or a field without a default is absent.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Counted:
    ...     n: int
    ...     why: str = ""
    >>> fields_of(Counted, {"n": 3, "more": 1}, "collect")
    {'n': 3}
    >>> fields_of(Counted, {"why": "so"}, "collect")
    Traceback (most recent call last):
    ...
    ValueError: collect must hold n; got why.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{what} must be stored as a mapping; got {type(values).__name__}.")
    known = [field for field in fields(kind) if field.init]
    needed = [field.name for field in known if field.default is MISSING and field.default_factory is MISSING]
    if absent := [name for name in needed if name not in values]:
        raise ValueError(f"{what} must hold {', '.join(absent)}; got {', '.join(values) or 'nothing'}.")
    return {field.name: values[field.name] for field in known if field.name in values}


def interval_of(values: object, what: str) -> tuple[float, float]:
    """Return a stored interval.

    Raises
    ------
    ValueError
        If it is no pair.

    Examples
    --------
    >>> interval_of([-0.1, 0.2], "interval")
    (-0.1, 0.2)
    """
    if not isinstance(values, list | tuple) or len(values) != 2:
        raise ValueError(f"{what} must be stored as two numbers; got {values!r}.")
    low, high = values
    return low, high
