"""Bodies that hold many rows: a JSON array, or one JSON object a line (NDJSON)."""

import asyncio
import json
import math
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import Decimal
from types import NoneType
from typing import Any

from fastapi import Request

from dashboard.api.errors import Refused
from dashboard.api.limits import MAX_BODY, STREAMED, content_type, is_streamed

MAX_ARRAY = 20_000
PART_ROWS = 5_000
_LARGEST = sys.float_info.max
# What stands in place of a number that no float holds.
_TOO_LARGE = Decimal("1E+999")
_SCALARS = {str, float, int, bool, NoneType}
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON")


_JSON = json.JSONDecoder(parse_constant=_no_number)


@dataclass
class Part:
    """Rows that could be read, where each of them stood, and the others with their reasons."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    n: int = 0

    def of(self, name: str) -> list[Any]:
        """Return what each readable row has under a name."""
        return [row.get(name) for row in self.rows]


async def parts_of(request: Request) -> AsyncIterator[Part]:
    """Read the rows of a request: an array at once, lines in parts while they come.

    A row that is no JSON object is reported, and the others are kept.

    Raises
    ------
    Refused
        If the body is neither, or holds more than the API takes at once.
    """
    if is_streamed(request.headers):
        async for first, lines in _lines(request):
            yield await asyncio.to_thread(_read_lines, lines, first)
        return
    kind = content_type(request.headers)
    if kind != "application/json":
        raise Refused(415, "unsupported_type", f"Content-Type must be application/json or {STREAMED[0]}; got {kind!r}.")
    yield await asyncio.to_thread(_read_array, await request.body())


async def _lines(request: Request) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Return complete lines as they come, with the number of the first; blank ones are none."""
    first, lines, rest = 0, [], b""
    async for chunk in request.stream():
        *complete, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_BODY:
            raise Refused(413, "too_large", f"a line must be at most {MAX_BODY:,} bytes long; got more.")
        lines += [line for line in complete if line.strip()]
        while len(lines) >= PART_ROWS:
            yield first, lines[:PART_ROWS]
            first, lines = first + PART_ROWS, lines[PART_ROWS:]
    lines += [rest] if rest.strip() else []
    if lines:
        yield first, lines


def _read_lines(lines: list[bytes], first: int) -> Part:
    # UTF-8 has no half characters: they come by escapes only.
    return _checked([_parsed(line) for line in lines], first, not any(b"\\u" in line for line in lines))


def _read_array(body: bytes) -> Part:
    items = _parsed(body)
    if not isinstance(items, list):
        raise Refused(422, "invalid", f"body must be a JSON array of rows; got {_short(items)}.", "body")
    if len(items) > MAX_ARRAY:
        raise Refused(413, "too_large", f"an array must hold at most {MAX_ARRAY:,} rows; got {len(items):,}.", "body")
    return _checked(items, 0, b"\\u" not in body)


def _parsed(text: bytes) -> Any:
    try:
        return _JSON.decode(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return error


def _checked(items: list[Any], first: int, is_plain: bool) -> Part:
    found = Part(n=len(items))
    for position, item in enumerate(items, first):
        plain = is_plain and _is_plain(item)
        if not plain and (fault := _fault(item)):
            found.unreadable.append((position, fault))
        else:
            found.rows.append(item if plain else _without_infinities(item))
            found.positions.append(position)
    return found


def _is_plain(item: Any) -> bool:
    """Tell at once of almost every row that it has no fault, if its body holds no half characters."""
    if type(item) is not dict or not _SCALARS.issuperset(map(type, item.values())):
        return False
    numbers = [value for value in item.values() if value.__class__ is float or value.__class__ is int]
    return not numbers or -_LARGEST <= min(numbers) <= max(numbers) <= _LARGEST


def _fault(item: Any) -> str | None:
    """Say what is wrong with a row as a whole: of its cells, the rules of the log decide."""
    if not isinstance(item, dict):
        return f"row must be a JSON object; got {_short(item)}."
    half = next((name for name in item if _HALF_PAIR.search(name)), None)
    return None if half is None else f"names must be Unicode text; got half a surrogate pair in {_short(half)}."


def _without_infinities(item: dict[str, Any]) -> dict[str, Any]:
    """Return a row with numbers that are too large as such: JSON knows no infinity, but 1e999 is read as one."""
    return {name: _TOO_LARGE if isinstance(x, float) and math.isinf(x) else x for name, x in item.items()}


def _short(value: object) -> str:
    text = str(value) if isinstance(value, Exception) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
