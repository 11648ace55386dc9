"""One logged answer, found by the id of its request."""

from dataclasses import dataclass

import sqlalchemy as sa

from storage.models.catalogue import Catalogued, reading_model


@dataclass(frozen=True)
class LoggedAnswer:
    """What a model answered to a request, and which version of it."""

    prediction: str | float | None
    score: float | None
    version: str | None
    variant: str | None


def read_answer(database: Catalogued, model: str, request_id: str) -> LoggedAnswer | None:
    """Return the answer in the log to a request, or None.

    Raises
    ------
    UnknownModel
        If the model is not registered.
    """
    with reading_model(database, model) as opened:
        layout = opened.layout
        names = [name for name in ("prediction", "score", "version", "variant") if name in layout.table.c]
        query = sa.select(*(layout.table.c[name] for name in names)).where(layout.table.c.request_id == request_id)
        row = opened.connection.execute(query).first()
        if row is None:
            return None
        found = dict(row._mapping)
        dictionary = opened.dictionary
    for name in names:
        if name in layout.coded and found[name] is not None:
            found[name] = dictionary[name][found[name]]
    return LoggedAnswer(**{name: found.get(name) for name in ("prediction", "score", "version", "variant")})
