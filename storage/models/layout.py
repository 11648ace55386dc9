"""The table of a model's log, and the statements on it that are written once."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy as sa

from drift.data.windows import Column
from storage.checking.cells import CODED, Rules, rules_of
from storage.checking.spelling import Reading
from storage.database.driver import insert_or_ignore, run, text_of


@dataclass(frozen=True)
class Layout:
    """The table of a model's log, the columns that are monitored and how their cells are read."""

    columns: tuple[Column, ...]
    table: sa.Table
    readings: Mapping[str, Reading] = field(default_factory=dict)
    _texts: dict[Hashable, str] = field(default_factory=dict, repr=False, compare=False)

    def text(self, connection: sa.Connection, key: Hashable, build: Callable[[], sa.ClauseElement]) -> str:
        """Return a statement on the table as text for the driver; it is written once, for that takes longer than a row.

        Parameters
        ----------
        key : names the statement among those on this table
        """
        if key not in self._texts:
            self._texts[key] = text_of(build(), connection.dialect)
        return self._texts[key]

    def newest_id(self, connection: sa.Connection) -> int | None:
        """Return the largest id in the log, None while it is empty."""
        newest: int | None = run(connection, self.text(connection, "newest", self._newest)).fetchone()[0]
        return newest

    def _newest(self) -> sa.ClauseElement:
        return sa.select(sa.func.max(self.table.c.id))

    def insert(self, connection: sa.Connection, names: Sequence[str] | None = None) -> str:
        """Return the statement that inserts a row of these columns (None: of all), and passes over one that is there.

        Columns that are left out cost nothing: six bound to nothing would take as long as eighteen numbers.
        """
        key = None if names is None else tuple(names)
        return self.text(connection, ("insert", key), lambda: self._insert(connection, key or self.table.c.keys()))

    def _insert(self, connection: sa.Connection, names: Sequence[str]) -> sa.ClauseElement:
        return insert_or_ignore(connection, self.table).values({name: sa.bindparam(name) for name in names})

    @property
    def coded(self) -> tuple[str, ...]:
        """Names of the columns that hold category codes."""
        return (*(c.name for c in self.columns if c.kind == "categorical"), *CODED)

    @cached_property
    def rules(self) -> Rules:
        """The rule by which each field of a record is read."""
        return rules_of(self.columns, self.readings)

    @cached_property
    def fields(self) -> frozenset[str]:
        """Names of what a record may hold."""
        return frozenset(self.rules)

    @cached_property
    def typed(self) -> tuple[tuple[str, bool], ...]:
        """Names of the coded and the model's own columns in the order of the table, and whether they are numeric."""
        return (*((name, False) for name in CODED), *((c.name, c.kind == "numeric") for c in self.columns))
