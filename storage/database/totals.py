"""Sums over the whole database, for whoever watches the product itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from storage.database.engine import Database, reading
from storage.database.schema import model, retrain_job


@dataclass(frozen=True)
class Totals:
    """How many rows each model's log holds, and how many retrain jobs are in each state."""

    rows: Mapping[str, int]
    jobs: Mapping[str, int]


def read_totals(database: Database, n_models: int) -> Totals:
    """Return the sums, those of the first models registered."""
    state = retrain_job.c.state
    with reading(database.engine) as connection:
        rows = connection.execute(sa.select(model.c.name, model.c.n_rows).order_by(model.c.id).limit(n_models))
        jobs = connection.execute(sa.select(state, sa.func.count().label("n")).group_by(state).order_by(state))
        return Totals({row.name: row.n_rows for row in rows}, {row.state: row.n for row in jobs})
