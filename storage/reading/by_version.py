"""Which versions answered the rows of a window, and how often each was right."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from drift.data.windows import Window
from storage.checking.cells import category_text
from storage.database.schema import shadow_answer
from storage.models.catalogue import Catalogued, reading_model
from storage.reading.selection import window_query


@dataclass(frozen=True)
class Answered:
    """The rows that one version scored, those of them that have a label, and those that were right."""

    version: str | None
    variant: str | None
    n: int
    n_labelled: int
    n_right: int


def read_answered(database: Catalogued, model: str, window: Window) -> tuple[Answered, ...]:
    """Return the versions behind the rows of a window, the busiest first; then those that only scored in the shadow.

    Raises
    ------
    UnknownModel
        If the model is not registered.
    """
    with reading_model(database, model) as opened:
        connection, layout = opened.connection, opened.layout
        table = layout.table
        if "prediction" not in table.c or "label" not in table.c:
            return ()
        within = window_query(table, window, *(table.c[n] for n in _NAMES)).subquery()
        groups = [within.c[name] for name in _GROUPED]
        given: list[tuple[Any, ...]] = [*connection.execute(sa.select(*groups, sa.func.count()).group_by(*groups))]
        unheard = (
            sa.select(shadow_answer.c.version, shadow_answer.c.prediction, within.c.label, sa.func.count())
            .join_from(shadow_answer, within, shadow_answer.c.request_id == within.c.request_id)
            .where(shadow_answer.c.model_id == opened.entry.id, shadow_answer.c.error.is_(None))
            .group_by(shadow_answer.c.version, shadow_answer.c.prediction, within.c.label)
        )
        kept = connection.execute(unheard).all()
        dictionary = opened.dictionary

    def text(name: str, value: Any) -> str | None:
        if value is None:
            return None
        return dictionary[name][value] if name in layout.coded else category_text(value)

    answered = (
        (text("version", version), text("variant", variant), text("prediction", said), text("label", label), n)
        for version, variant, said, label, n in given
    )
    shadows = ((version, "shadow", said, text("label", label), n) for version, said, label, n in kept)
    return (*_counted(answered), *_counted(shadows))


_NAMES = ("version", "variant", "prediction", "label", "request_id")
_GROUPED = _NAMES[:-1]


_Key = tuple[str | None, str | None]


def _counted(rows: Iterable[tuple[str | None, str | None, str | None, str | None, int]]) -> list[Answered]:
    n, labelled, right = Counter[_Key](), Counter[_Key](), Counter[_Key]()
    for version, variant, said, label, count in rows:
        key = (version, variant)
        n[key] += count
        if said is not None and label is not None:
            labelled[key] += count
            right[key] += count * (said == label)
    return [
        Answered(version, variant, total, labelled[version, variant], right[version, variant])
        for (version, variant), total in n.most_common()
    ]
