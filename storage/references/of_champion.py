"""Which reference a model's windows are compared with: a new champion brings what it was accepted on."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column, LastRows, WindowExtent
from storage.checking.rows import Batch, Coded
from storage.database.clock import now
from storage.database.schema import instant_from, microseconds, model_alias, model_version
from storage.models.catalogue import Entry, add_categories, grow, read_dictionary, read_entry, read_layout
from storage.models.layout import Layout
from storage.reading.selection import read_extent
from storage.references import frozen
from storage.references.frozen import Reference

# What a drift verdict needs at least: with less, the board would say nothing at all.
MIN_ROWS = 50
# More are no help to a comparison, and other writers wait while they are frozen.
MAX_ROWS = 100_000


def adopt_reference(connection: sa.Connection, model_name: str, version: str, accepted: Batch) -> str | None:
    """Freeze the rows that a version was accepted on, in the transaction that promotes it; return the reference's name.

    The reference ends with the newest row of the log: what was answered before the promotion is another model's, and
    no evidence against this one.

    Parameters
    ----------
    accepted : rows in time order, with what the version itself says about them; at most `MAX_ROWS`

    Returns
    -------
    str or None
        None if the rows are too few.
    """
    entry = read_entry(connection, model_name, lock=True)
    name = f"accepted-{version}"
    known = {reference.name for reference in frozen.read_references(connection, entry)}
    if name not in known:
        if len(accepted) < MIN_ROWS:
            return None
        layout = read_layout(connection, entry)
        extent = _extent(connection, layout, accepted)
        samples = list(_samples(connection, entry, layout, accepted))
        frozen.freeze_samples(connection, entry, name, extent, samples)
    params = {**_params(connection, model_name, version), "reference": name}
    connection.execute(sa.update(model_version).where(*_is(model_name, version)).values(params=params))
    return name


def read_default_reference(connection: sa.Connection, entry: Entry) -> Reference | None:
    """Return the reference that belongs to a model's champion; without one, the first that was frozen."""
    known = frozen.read_references(connection, entry)
    c = model_alias.c
    serving = sa.select(c.version).where(c.model == entry.name, c.alias == "champion")
    champion = connection.execute(serving).scalar()
    wanted = _params(connection, entry.name, champion).get("reference") if champion else None
    return next((reference for reference in known if reference.name == wanted), known[0] if known else None)


def _extent(connection: sa.Connection, layout: Layout, accepted: Batch) -> WindowExtent:
    after_accepted = accepted.predicted_at[-1] + 1
    newest = read_extent(connection, layout.table, LastRows(1)).end
    # The log may lie in the past, such as an imported one; a row dated into the future must not put off the evidence.
    end = after_accepted if newest is None else min(microseconds(newest), microseconds(now(connection)))
    start = instant_from(accepted.predicted_at[0])
    return WindowExtent(len(accepted), start, instant_from(max(end, after_accepted)))


def _samples(
    connection: sa.Connection, entry: Entry, layout: Layout, accepted: Batch
) -> Iterator[tuple[Column, Sample]]:
    known, n_new = read_dictionary(connection, entry), 0
    for column in layout.columns:
        if column.kind == "numeric":
            values = accepted.numbers.get(column.name, [None] * len(accepted))
            yield column, NumericSample(np.array(values, np.float64))
            continue
        coded = accepted.categories.get(column.name, Coded([-1] * len(accepted), []))
        categories = known.get(column.name, ())
        # A class that no champion has ever answered has no code yet.
        new = [value for value in coded.values if value not in set(categories)]
        n_added = add_categories(connection, entry, column.name, len(categories), new)
        n_new += n_added
        categories += tuple(new[:n_added])
        code = {value: k for k, value in enumerate(categories)}
        lookup = np.array([*(code.get(value, -1) for value in coded.values), -1], np.int32)
        yield column, CategoricalSample(lookup[coded.codes], categories)
    if n_new:
        grow(connection, entry, 0, n_new)


def _params(connection: sa.Connection, model_name: str, version: str) -> dict[str, Any]:
    found = connection.execute(sa.select(model_version.c.params).where(*_is(model_name, version))).scalar()
    return dict(found or {})


def _is(model_name: str, version: str) -> tuple[sa.ColumnElement[bool], ...]:
    return model_version.c.model == model_name, model_version.c.version == version
