"""References made ready once: a reference of a million rows is not sorted at every look."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from drift.samples import Reference, Sample, reference_from
from drift.source import Source
from drift.windows import Column

# Of one source. A reference of 1M rows and 16 columns takes 128 MB.
MAX_PREPARED = 4


Read = TypeVar("Read")


@dataclass(frozen=True, eq=False)
class PreparedReference:
    """A named reference, every column ready to be compared with; `failed` says why some are not."""

    name: str
    columns: Mapping[str, Reference]
    failed: Mapping[str, Exception] = field(default_factory=dict)


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
    ready = prepared_from(name, read_each(lambda some: source.read_reference(model, name, some), columns))
    if ready.failed:  # perhaps the next look can read it
        return ready
    with _lock:
        known[key] = ready
        while len(known) > MAX_PREPARED:
            known.popitem(last=False)
    return ready


def prepared_from(name: str, samples: Mapping[str, Sample | Exception]) -> PreparedReference:
    """Make every column ready that was read; the others stand in `failed`, and leave their neighbours alone."""
    columns: dict[str, Reference] = {}
    failed: dict[str, Exception] = {}
    for column, sample in samples.items():
        try:
            if isinstance(sample, Exception):
                raise sample
            columns[column] = reference_from(sample)
        except Exception as error:  # whatever it is, the other columns are still of use
            failed[column] = error
    return PreparedReference(name, columns, failed)


def read_each(
    read: Callable[[Sequence[Column]], Mapping[str, Read]], columns: Sequence[Column]
) -> Mapping[str, Read | Exception]:
    """Read all columns at once; if that fails, one by one, so that only the broken ones are lost.

    Raises
    ------
    Exception
        The first failure, if no column can be read.
    """
    try:
        return read(columns)
    except Exception as failure:
        found: dict[str, Read | Exception] = {}
        for column in columns:
            try:
                found[column.name] = read([column])[column.name]
            except Exception as error:
                found[column.name] = error
        if all(isinstance(part, Exception) for part in found.values()):
            raise failure from None
        return found


def id_of(record: object) -> object:
    """Return what tells apart two references of one name, where the source says it."""
    return getattr(record, "id", None)
