"""What two versions say about the same requests while one of them is on trial; kept apart from the model's log."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd
import sqlalchemy as sa

from storage.checking.cells import category_text
from storage.database.clock import now
from storage.database.driver import insert_or_ignore, insert_or_update
from storage.database.engine import Database, reading, writing
from storage.database.schema import served_model, shadow_answer
from storage.models.catalogue import Catalogued, read_entry, reading_model

# Ten values a row, and SQLite binds at most 32,766 to a statement.
_CHUNK = 1_000
# Far more than any decision needs; a look must not grow with the traffic.
MOST_PAIRS = 200_000


@dataclass(frozen=True, kw_only=True)
class ShadowAnswer:
    """What a version said about a request that another version answered.

    Attributes
    ----------
    version : scored the request without being heard
    answered_by : the version whose answer was given and logged
    error : why `version` gave no answer; a canary that fails is answered for by the champion, and noted here
    seconds, answered_seconds : how long each of the two took to score the request
    at : when; the database's time where None
    """

    request_id: str
    version: str
    answered_by: str
    prediction: str | None = None
    score: float | None = None
    error: str | None = None
    seconds: float | None = None
    answered_seconds: float | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Pairs:
    """Labelled requests that both versions scored: in how many only the champion or only the challenger was right."""

    n: int
    n_lost: int
    n_won: int


def append_shadow(database: Database, model: str, answers: Sequence[ShadowAnswer]) -> int:
    """Store answers that were not given; return how many were new. One that is there already stays as it is."""
    if not answers:
        return 0
    with writing(database.engine) as connection:
        model_id = read_entry(connection, model).id
        at = now(connection)
        insert, n_new = insert_or_ignore(connection, shadow_answer), 0
        for start in range(0, len(answers), _CHUNK):
            rows = [_row(model_id, one, at) for one in answers[start : start + _CHUNK]]
            n_new += len(connection.execute(insert.values(rows).returning(shadow_answer.c.id)).all())
        return n_new


def note_served(database: Database, model: str) -> None:
    """Note that a model answers requests of ours; once a minute is enough."""
    with writing(database.engine) as connection:
        model_id = read_entry(connection, model).id
        at = now(connection)
        row = {"model_id": model_id, "answered_at": at}
        connection.execute(insert_or_update(connection, served_model, row, {"answered_at": at}))


def read_last_served(database: Database, model: str) -> datetime | None:
    """Return when a model last answered a request of ours, to about a minute; None if it never did."""
    with reading(database.engine) as connection:
        model_id = read_entry(connection, model).id
        query = sa.select(served_model.c.answered_at).where(served_model.c.model_id == model_id)
        return connection.execute(query).scalar()


def read_shadow_pairs(database: Catalogued, model: str, challenger: str, since: datetime, n: int = MOST_PAIRS) -> Pairs:
    """Count the requests since an instant whose label is known and that the challenger and another version scored.

    Only the first `n` requests count, whenever their labels come: the newest instead would be other rows at every look.
    """
    shadow = shadow_answer.c
    with reading_model(database, model) as opened:
        layout = opened.layout
        logged = layout.table.c
        if "label" not in logged or "prediction" not in logged:
            return Pairs(0, 0, 0)
        asked = sa.select(shadow_answer).where(*_of_trial(opened.entry.id, challenger, since))
        asked = asked.order_by(shadow.id).limit(n)
        both = asked.subquery()
        unheard = (both.c.version == challenger).label("unheard")
        each = (unheard, logged.label, logged.prediction, both.c.prediction)
        query = (
            sa.select(*each, sa.func.count())
            .join_from(both, layout.table, logged.request_id == both.c.request_id)
            .where(both.c.error.is_(None), logged.labelled_at.is_not(None), logged.label.is_not(None))
            .group_by(*each)
        )
        found = opened.connection.execute(query).all()
        dictionary = opened.dictionary
    right: Counter[tuple[bool, bool]] = Counter()
    for challenger_unheard, label, given, kept, n in found:
        truth, answered = (
            _text(dictionary, layout.coded, name, value) for name, value in (("label", label), ("prediction", given))
        )
        said = (kept == truth, answered == truth) if challenger_unheard else (answered == truth, kept == truth)
        right[said] += n
    return Pairs(sum(right.values()), n_lost=right[False, True], n_won=right[True, False])


def read_shadow_health(
    database: Catalogued, model: str, challenger: str, since: datetime, n: int = 5_000
) -> pd.DataFrame:
    """Return the newest requests since an instant that both versions were asked, the oldest first.

    Returns
    -------
    frame
        `at`; `is_canary` (the challenger's answer was given); `champion_score` and `challenger_score`;
        `champion_seconds` and `challenger_seconds`; `error`, the challenger's, None where it answered.
    """
    shadow = shadow_answer.c
    with reading_model(database, model) as opened:
        table = opened.layout.table
        logged_score = table.c.score if "score" in table.c else sa.null()
        query = (
            sa.select(shadow.at, shadow.version, shadow.score, logged_score, shadow.seconds, shadow.answered_seconds)
            .add_columns(shadow.error)
            .join_from(shadow_answer, table, table.c.request_id == shadow.request_id, isouter=True)
            .where(*_of_trial(opened.entry.id, challenger, since))
            .order_by(shadow.id.desc())
            .limit(n)
        )
        rows = opened.connection.execute(query).all()[::-1]
    names = ("at", "version", "kept", "given", "kept_seconds", "given_seconds", "error")
    frame = pd.DataFrame(dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(names, ()))
    unheard = frame["version"] == challenger
    numbers = {name: pd.to_numeric(frame[name]) for name in ("kept", "given", "kept_seconds", "given_seconds")}
    return pd.DataFrame(
        {
            "at": pd.to_datetime(frame["at"], utc=True),
            "is_canary": ~unheard,
            "champion_score": numbers["given"].where(unheard, numbers["kept"]),
            "challenger_score": numbers["kept"].where(unheard, numbers["given"]),
            "champion_seconds": numbers["given_seconds"].where(unheard, numbers["kept_seconds"]),
            "challenger_seconds": numbers["kept_seconds"].where(unheard, numbers["given_seconds"]),
            # The champion's own failure, as the one who is not heard, says nothing about the challenger.
            "error": frame["error"].astype(object).where(unheard & frame["error"].notna(), None),
        }
    )


def count_shadow(database: Database, model: str, challenger: str, since: datetime) -> tuple[int, int]:
    """Return how many requests since an instant both were asked, and how many of them the challenger answered."""
    shadow = shadow_answer.c
    with reading(database.engine) as connection:
        model_id = read_entry(connection, model).id
        given = sa.func.coalesce(sa.func.sum(sa.case((shadow.answered_by == challenger, 1), else_=0)), 0)
        query = sa.select(sa.func.count(), given).where(*_of_trial(model_id, challenger, since))
        n, n_canary = connection.execute(query).one()
    return int(n), int(n_canary)


def _of_trial(model_id: int, challenger: str, since: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    c = shadow_answer.c
    return c.model_id == model_id, sa.or_(c.version == challenger, c.answered_by == challenger), c.at >= since


def _row(model_id: int, answer: ShadowAnswer, at: datetime) -> dict[str, object]:
    score, error = answer.score, answer.error
    if score is not None and not math.isfinite(score):
        score, error = None, error or f"score must be a finite number; got {score}."
    return {
        "model_id": model_id,
        "request_id": answer.request_id,
        "version": answer.version,
        "answered_by": answer.answered_by,
        "prediction": None if answer.prediction is None else category_text(answer.prediction),
        "score": score,
        "error": error,
        "seconds": answer.seconds,
        "answered_seconds": answer.answered_seconds,
        "at": answer.at or at,
    }


def _text(dictionary: dict[str, tuple[str, ...]], coded: Sequence[str], name: str, value: object) -> str | None:
    if value is None:
        return None
    if name in coded:
        return dictionary[name][int(value)]  # type: ignore[call-overload]  # a coded column holds whole numbers
    return category_text(value)
