"""References made ready once: a reference of a million rows is not sorted at every look."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from drift.samples import Reference, reference_from
from drift.source import Source
from drift.windows import Column

# Of one source. A reference of 1M rows and 16 columns takes 128 MB.
MAX_PREPARED = 4


@dataclass(frozen=True, eq=False)
class PreparedReference:
    """A named reference, every column ready to be compared with."""

    name: str
    columns: Mapping[str, Reference]


_Key = tuple[Any, ...]
_prepared: WeakKeyDictionary[Source, OrderedDict[_Key, PreparedReference]] = WeakKeyDictionary()
_lock = threading.Lock()


def prepare(source: Source, model: str, name: str, columns: Sequence[Column]) -> PreparedReference:
    """Read a frozen reference and sort it, or return the one prepared before.

    Frozen references never change, so those last used are kept for as long as the source lives.
    """
    record = next((r for r in source.references(model) if r.name == name), None)
    key = (model, name, tuple(columns), None if record is None else (record.n, record.start, record.end, id_of(record)))
    try:
        with _lock:
            known = _prepared.setdefault(source, OrderedDict())
            if key in known:
                known.move_to_end(key)
                return known[key]
    except TypeError:  # a source that cannot be weakly referenced or hashed is simply not remembered
        known = OrderedDict()
    samples = source.read_reference(model, name, columns)
    ready = PreparedReference(name, {column: reference_from(sample) for column, sample in samples.items()})
    with _lock:
        known[key] = ready
        while len(known) > MAX_PREPARED:
            known.popitem(last=False)
    return ready


def id_of(record: object) -> object:
    """Return what tells apart two references of one name, where the source says it."""
    return getattr(record, "id", None)
