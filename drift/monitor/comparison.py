"""Looks at windows: reads each from its source, value by value or as counts, and compares it with a reference."""

from collections.abc import Mapping, Sequence
from functools import partial

from drift.columns.by_counts import compare_counts
from drift.columns.by_values import Found, compare, compare_each
from drift.columns.doubtful import open_columns
from drift.columns.windows import Compared
from drift.data.policy import DriftPolicy
from drift.data.windows import Column, Window, WindowExtent
from drift.monitor.references import PreparedReference, read_each
from drift.monitor.source import Source
from drift.statistics.grid import ColumnCounts

# A look at no more rows than this is exact; a longer one is too, wherever that could change a verdict.
EXACT_ROWS = 200_000


def compare_windows(
    source: Source,
    model: str,
    windows: Sequence[Window],
    ready: PreparedReference,
    columns: Sequence[Column],
    policy: DriftPolicy,
    *,
    may_count: bool,
) -> tuple[Sequence[WindowExtent], dict[str, Compared]]:
    """Compare every window with a reference, column by column.

    Parameters
    ----------
    may_count : whether the reference is frozen, so that the source can count rows on its cells

    Returns
    -------
    extents, compared
        What each window holds, and by column the comparisons of all windows.
    """
    extents = source.extents(model, windows)
    if may_count and sum(extent.n for extent in extents) > EXACT_ROWS:
        return extents, _by_counts(source, model, windows, ready, columns, policy)
    looks = []
    for window in windows:
        samples = read_each(partial(source.read_window, model, window), columns)
        looks.append(compare_each(columns, ready.columns, {**samples, **ready.failed}, policy))
    return extents, {column.name: Compared.of([look[column.name] for look in looks]) for column in columns}


def _by_counts(
    source: Source,
    model: str,
    windows: Sequence[Window],
    ready: PreparedReference,
    columns: Sequence[Column],
    policy: DriftPolicy,
) -> dict[str, Compared]:
    """Compare windows by counts, and value by value where counts leave something open."""
    counted = {**_counted(source, model, windows, ready, columns), **ready.failed}
    compared: dict[str, Compared] = {}
    exact: set[tuple[str, int]] = set()
    for column in columns:
        name, counts = column.name, counted[column.name]
        try:
            if isinstance(counts, Exception):
                raise counts
            compared[name], unknown = compare_counts(ready.grids[name], counts, policy)
            exact |= {(name, window) for window in unknown}
        except Exception as error:  # whatever it is, the other columns are still of use
            compared[name] = Compared.of([error] * len(windows))
    exact |= set(open_columns(compared, policy))
    by_name = {column.name: column for column in columns}
    for name, window in sorted(exact):
        compared[name].put(window, _exact(source, model, windows[window], ready, by_name[name], policy))
    return compared


def _counted(
    source: Source, model: str, windows: Sequence[Window], ready: PreparedReference, columns: Sequence[Column]
) -> Mapping[str, ColumnCounts | Exception]:
    """Count windows in the cells of a reference; in place of a column that cannot be counted stands the exception."""
    held = [column for column in columns if column.name in ready.columns]
    if not held:
        return {}
    return read_each(lambda some: source.counts(model, windows, ready.cells(some)), held)


def _exact(
    source: Source, model: str, window: Window, ready: PreparedReference, column: Column, policy: DriftPolicy
) -> Found:
    try:
        sample = source.read_window(model, window, [column])[column.name]
        return compare(ready.columns[column.name], sample, policy)
    except Exception as error:  # whatever it is, the other columns are still of use
        return error
