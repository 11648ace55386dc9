"""True labels that come later: found by request id, written once."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from storage.catalogue import CATEGORIES_LIMIT, Catalogue, Entry, add_categories
from storage.inserting import chunks
from storage.rows import RejectedRow, category_text, key_text, number


def write_labels(
    connection: sa.Connection,
    catalogue: Catalogue,
    entry: Entry,
    request_ids: Sequence[object],
    labels: Sequence[object],
    labelled_at: int,
) -> tuple[int, int, list[RejectedRow]]:
    """Write labels to the rows of these requests.

    A label that is there already keeps the time it first came; a different one replaces it.

    Returns
    -------
    n_accepted, n_new_categories, rejected

    Raises
    ------
    ValueError
        If the model has no label column.
    """
    layout = catalogue.layout(connection, entry)
    kinds = {c.name: c.kind for c in layout.columns}
    if "label" not in kinds:
        raise ValueError(f"model {entry.name!r} must have a label column; register Column('label', ..., 'label').")
    check = number if kinds["label"] == "numeric" else category_text
    checked, rejected = _check(request_ids, labels, check)
    stored = _stored(connection, layout.table, [request_id for request_id, _ in checked.values()])
    # What belongs to no row must not join the dictionary: it has only so many places.
    values: dict[int, Any] = {row: label for row, (request_id, label) in checked.items() if request_id in stored}
    unknown = [(row, request_id) for row, (request_id, _) in checked.items() if request_id not in stored]
    rejected += [RejectedRow(row, f"request_id must be one in the log; got {key!r}.") for row, key in unknown]
    n_new = 0
    if kinds["label"] == "categorical":
        values, n_new, overflowing = _code(connection, catalogue, entry, values)
        rejected += [RejectedRow(row, f"label {CATEGORIES_LIMIT}; this row brings a new one.") for row in overflowing]
    updates = [(row, stored[checked[row][0]], value) for row, value in values.items()]
    _update(connection, layout.table, updates, labelled_at)
    return len(updates), n_new, sorted(rejected, key=lambda r: r.row)


def _check(
    request_ids: Sequence[object], labels: Sequence[object], check: Any
) -> tuple[dict[int, tuple[str, Any]], list[RejectedRow]]:
    if len(request_ids) != len(labels):
        raise ValueError(f"request_ids and labels must be of one length; got {len(request_ids)} and {len(labels)}.")
    checked, rejected = {}, []
    for row, (request_id, label) in enumerate(zip(request_ids, labels, strict=True)):
        try:
            key, value = key_text(request_id), check(label)
        except ValueError as error:
            rejected.append(RejectedRow(row, f"label {error}."))
            continue
        if key is None or value is None:
            missing = "request_id" if key is None else "label"
            rejected.append(RejectedRow(row, f"{missing} must be given; got nothing."))
        else:
            checked[row] = (key, value)
    return checked, rejected


def _code(
    connection: sa.Connection, catalogue: Catalogue, entry: Entry, values: Mapping[int, str]
) -> tuple[dict[int, int], int, list[int]]:
    known = catalogue.dictionary(connection, entry).get("label", ())
    codes = {value: code for code, value in enumerate(known)}
    new = [value for value in dict.fromkeys(values.values()) if value not in codes]
    n_new = add_categories(connection, entry, "label", len(known), new)
    codes |= {value: len(known) + k for k, value in enumerate(new[:n_new])}
    overflowing = [row for row, value in values.items() if value not in codes]
    return {row: codes[value] for row, value in values.items() if value in codes}, n_new, overflowing


def _stored(connection: sa.Connection, table: sa.Table, request_ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for chunk in chunks(request_ids):
        query = sa.select(table.c.request_id, table.c.id).where(table.c.request_id.in_(chunk))
        found.update((row.request_id, row.id) for row in connection.execute(query))
    return found


def _update(
    connection: sa.Connection, table: sa.Table, updates: Sequence[tuple[int, int, Any]], labelled_at: int
) -> None:
    if not updates:
        return
    unchanged = table.c.label.is_not_distinct_from(sa.bindparam("new_label"))
    statement = (
        sa.update(table)
        .where(table.c.id == sa.bindparam("row_id"))
        .values(
            label=sa.bindparam("new_label"),
            labelled_at=sa.case((unchanged, table.c.labelled_at), else_=sa.bindparam("new_labelled_at")),
        )
    )
    connection.execute(
        statement,
        [{"row_id": key, "new_label": value, "new_labelled_at": labelled_at} for _, key, value in updates],
    )
