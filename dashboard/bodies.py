"""Bodies that hold many rows: a JSON array, or one JSON object a line (NDJSON)."""

import json
import re
import sys
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request

from dashboard.errors import Refused

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_NDJSON = ("application/x-ndjson", "application/jsonl")


@dataclass
class Rows:
    """Rows that could be read, where each of them stood, and the others with their reasons."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    unreadable: list[tuple[int, str]] = field(default_factory=list)


async def rows_of(request: Request) -> Rows:
    """Read the rows of a request; one that is no JSON object is reported and the others are kept."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind in _NDJSON:
        return _checked([_parsed(line) for line in body.splitlines() if line.strip()])
    if kind != "application/json":
        raise Refused(415, "unsupported_type", f"Content-Type must be application/json or {_NDJSON[0]}; got {kind!r}.")
    items = _parsed(body)
    if not isinstance(items, list):
        raise Refused(422, "invalid", f"body must be a JSON array of rows; got {_short(items)}.", "body")
    return _checked(items)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return error


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


def _checked(items: list[Any]) -> Rows:
    found = Rows()
    for position, item in enumerate(items):
        if fault := _fault(item):
            found.unreadable.append((position, fault))
        else:
            found.rows.append(item)
            found.positions.append(position)
    return found


def _fault(item: Any) -> str | None:
    """Say what is wrong with a row that JSON allows and no database takes."""
    if not isinstance(item, dict):
        return f"row must be a JSON object; got {_short(item)}."
    for name, value in item.items():
        if _HALF_PAIR.search(name):
            return f"names must be Unicode text; got half a surrogate pair in {_short(name)}."
        if isinstance(value, dict | list):
            return f"{name} must be text, a number, true, false or null; got {_short(value)}."
        if isinstance(value, int | float) and abs(value) > sys.float_info.max:
            return f"{name} must be a finite number; got {_short(value)}."
        if isinstance(value, str) and _HALF_PAIR.search(value):
            return f"{name} must be Unicode text; got half a surrogate pair in {_short(value)}."
    return None


def _short(value: object) -> str:
    text = str(value) if isinstance(value, Exception) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
