"""References made ready once: a reference of a million rows is not sorted at every look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from drift.data.samples import CategoricalReference, NumericReference, Reference, Sample, reference_from
from drift.data.windows import Column
from drift.monitor.memory import Memory
from drift.monitor.source import Source
from drift.statistics.grid import Edges, ReferenceGrid

# Of one source. A reference of 1M rows and 16 columns takes 128 MB.
MAX_PREPARED = 4


Read = TypeVar("Read")


@dataclass(frozen=True, eq=False)
class PreparedReference:
    """A named reference, every column ready to be compared with; `failed` says why some are not.

    `memory` keeps what is laid through it once, such as the way in which its columns are watched.
    """

    name: str
    columns: Mapping[str, Reference]
    failed: Mapping[str, Exception] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory, repr=False)

    @cached_property
    def grids(self) -> Mapping[str, ReferenceGrid | CategoricalReference]:
        """Its columns as counts are compared with them: the numeric ones on their cells."""
        return {
            name: ReferenceGrid(column) if isinstance(column, NumericReference) else column
            for name, column in self.columns.items()
        }

    def cells(self, columns: Sequence[Column]) -> dict[str, Edges]:
        """Return the cells in which rows are counted to be compared with it, of those columns that it holds."""
        held = {column.name: self.grids[column.name] for column in columns if column.name in self.grids}
        return {name: grid.edges if isinstance(grid, ReferenceGrid) else None for name, grid in held.items()}


def prepare(source: Source, model: str, name: str, columns: Sequence[Column]) -> PreparedReference:
    """Read a frozen reference and sort it, or return the one prepared before.

    Frozen references never change, so those last used are kept in the source's memory.
    """
    record = next((r for r in source.references(model) if r.name == name), None)
    key = (model, name, tuple(columns), None if record is None else (record.n, record.start, record.end, id_of(record)))
    if known := source.memory.recall(PreparedReference, key):
        return known
    ready = prepared_from(name, read_each(lambda some: source.read_reference(model, name, some), columns))
    if not ready.failed:  # else perhaps the next look can read it
        source.memory.keep(PreparedReference, key, ready, at_most=MAX_PREPARED)
    return ready


def prepared_from(name: str, samples: Mapping[str, Sample | Exception]) -> PreparedReference:
    """Make every column ready that was read; the others stand in `failed`, and leave their neighbours alone.

    Parameters
    ----------
    name : of the reference
    samples : by name of a column
        Or the exception that says why the column could not be read.

    Returns
    -------
    PreparedReference
    """
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
