"""True labels that come later: found by request id, written once."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from storage.checking.cells import Rule
from storage.checking.records import MIN_RECORDS, plain_column
from storage.checking.rows import Batch, RejectedRow
from storage.database.driver import Prepared, chunks, run, run_many
from storage.database.schema import evidence, instant_from, model
from storage.evidence.ledger import mark_labels_stale
from storage.models.catalogue import CATEGORIES_LIMIT, Catalogue, Entry, add_categories
from storage.models.layout import Layout

_KEY = Rule("key")
_Stored = tuple[int, Any, int | None]
_BEYOND = Prepared(
    sa.select(sa.func.max(evidence.c.row_id)).where(
        evidence.c.model_id == sa.bindparam("id"),
        evidence.c.feed == sa.literal_column("'labels'"),
        evidence.c.at >= sa.bindparam("earliest"),
    )
)
_KNOWN = Prepared(
    sa.update(model)
    .values(last_known_id=sa.bindparam("newest"))
    .where(
        model.c.id == sa.bindparam("model_id"),
        sa.or_(model.c.last_known_id.is_(None), model.c.last_known_id < sa.bindparam("row_id")),
    )
)


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
    checked, rejected = _check(request_ids, labels, layout.rules["label"])
    stored = _stored(connection, layout, [request_id for request_id, _ in checked.values()])
    # What belongs to no row must not join the dictionary: it has only so many places.
    values: dict[int, Any] = {row: label for row, (request_id, label) in checked.items() if request_id in stored}
    unknown = [(row, request_id) for row, (request_id, _) in checked.items() if request_id not in stored]
    rejected += [RejectedRow(row, f"request_id must be one in the log; got {key!r}.") for row, key in unknown]
    n_new = 0
    if kinds["label"] == "categorical":
        values, n_new, overflowing = _code(connection, catalogue, entry, values)
        rejected += [RejectedRow(row, f"label {CATEGORIES_LIMIT}; this row brings a new one.") for row in overflowing]
    before = {row: stored[checked[row][0]] for row in values}
    updates = [(row, before[row][0], value) for row, value in values.items()]
    _update(connection, layout, updates, labelled_at)
    changed = [before[row][2] for row, value in values.items() if before[row][1] not in (None, value)]
    note_arrivals(connection, entry.id, [*changed, labelled_at] if updates else [])
    return len(updates), n_new, sorted(rejected, key=lambda r: r.row)


def _check(
    request_ids: Sequence[object], labels: Sequence[object], rule: Rule
) -> tuple[dict[int, tuple[str, Any]], list[RejectedRow]]:
    if len(request_ids) != len(labels):
        raise ValueError(f"request_ids and labels must be of one length; got {len(request_ids)} and {len(labels)}.")
    if len(request_ids) >= MIN_RECORDS:
        keys, values = plain_column(request_ids, _KEY), plain_column(labels, rule)
        if keys is not None and values is not None and None not in keys and None not in values:
            return dict(enumerate(zip(keys, values, strict=True))), []
    checked, rejected = {}, []
    for row, (request_id, label) in enumerate(zip(request_ids, labels, strict=True)):
        read = []
        for name, read_cell, cell in (("request_id", _KEY, request_id), ("label", rule, label)):
            try:
                read.append(read_cell(cell))
            except ValueError as error:
                rejected.append(RejectedRow(row, f"{name} {error}."))
                break
            if read[-1] is None:
                rejected.append(RejectedRow(row, f"{name} must be given; got nothing."))
                break
        else:
            checked[row] = (read[0], read[1])
    return checked, rejected


def _code(
    connection: sa.Connection, catalogue: Catalogue, entry: Entry, values: Mapping[int, str]
) -> tuple[dict[int, int], int, list[int]]:
    known = catalogue.codes(connection, entry).get("label", {})
    new = [value for value in dict.fromkeys(values.values()) if value not in known]
    n_new = add_categories(connection, entry, "label", len(known), new)
    codes = {**known, **{value: len(known) + k for k, value in enumerate(new[:n_new])}} if new else known
    overflowing = [row for row, value in values.items() if value not in codes]
    return {row: codes[value] for row, value in values.items() if value in codes}, n_new, overflowing


def note_arrivals(connection: sa.Connection, model_id: int, instants: Sequence[int | None]) -> None:
    """Take back the evidence from labels, as far as it had gone beyond one that comes, or changes, only now.

    Parameters
    ----------
    instants : microseconds since 1970 at which labels came that are written, or replaced, in this transaction
    """
    earliest = min((at for at in instants if at is not None), default=None)
    if earliest is None:
        return
    if _BEYOND.run(connection, model_id, earliest).fetchone()[0] is not None:
        mark_labels_stale(connection, model_id, instant_from(earliest))


def note_known(connection: sa.Connection, model_id: int, row_id: int) -> None:
    """Note the newest row whose label came with it."""
    _KNOWN.run(connection, row_id, model_id, row_id)


def _stored(connection: sa.Connection, layout: Layout, request_ids: Sequence[str]) -> dict[str, _Stored]:
    """Return id, label and the label's instant of the rows of these requests."""
    found: dict[str, _Stored] = {}
    for chunk in chunks(request_ids):
        # Few sizes, so that each is written once: what is asked for twice does no harm.
        size = 1 << (len(chunk) - 1).bit_length()
        statement = layout.text(connection, ("stored", size), lambda size=size: _find(layout.table, size))  # type: ignore[misc]  # mypy infers no type of a lambda with a default
        padded = [*chunk, *[chunk[-1]] * (size - len(chunk))]
        found.update((request_id, tuple(row)) for request_id, *row in run(connection, statement, padded))
    return found


def _find(table: sa.Table, n: int) -> sa.ClauseElement:
    wanted: list[Any] = [sa.bindparam(f"request_id_{k}") for k in range(n)]
    query = sa.select(table.c.request_id, table.c.id, table.c.label, table.c.labelled_at)
    return query.where(table.c.request_id.in_(wanted))


def _update(
    connection: sa.Connection, layout: Layout, updates: Sequence[tuple[int, int, Any]], labelled_at: int
) -> None:
    if updates:
        statement = layout.text(connection, "label", lambda: _write(layout.table))
        run_many(connection, statement, ((value, value, labelled_at, key) for _, key, value in updates))


def _write(table: sa.Table) -> sa.ClauseElement:
    unchanged = table.c.label.is_not_distinct_from(sa.bindparam("same_label"))
    at = sa.case((unchanged, table.c.labelled_at), else_=sa.bindparam("new_labelled_at"))
    changed = sa.update(table).values(label=sa.bindparam("new_label"), labelled_at=at)
    return changed.where(table.c.id == sa.bindparam("row_id"))


def strange_labels(connection: sa.Connection, catalogue: Catalogue, entry: Entry, batch: Batch) -> tuple[str, ...]:
    """Return the classes of a batch's labels that no prediction of the model has, those of the batch among them."""
    labels = batch.categories.get("label")
    if labels is None or "prediction" not in batch.categories or not labels.values:
        return ()
    known = catalogue.dictionary(connection, entry).get("prediction", ())
    return not_predicted({"prediction": [*known, *batch.categories["prediction"].values]}, labels.values)


def label_names(layout: Layout, labels: Sequence[object]) -> list[str]:
    """Return the classes that labels stand for, each once; none where labels or predictions are numbers."""
    if not {"prediction", "label"} <= set(layout.coded):
        return []
    found = []
    for label in labels:
        with suppress(ValueError):
            found.append(layout.rules["label"](label))
    return [name for name in dict.fromkeys(found) if name is not None]


def not_predicted(dictionary: Mapping[str, Sequence[str]], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of labels that no prediction ever had; none where nothing was predicted yet."""
    predicted = set(dictionary.get("prediction", ()))
    return tuple(name for name in labels if name not in predicted) if predicted else ()
