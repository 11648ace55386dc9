"""PostgreSQL reads what it is asked for and no more, before it knows anything of new rows and after."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from drift.data.windows import Column
from storage.upkeep.first_look import look_ahead

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

START = datetime(2026, 9, 1, tzinfo=UTC)
N = 20_000


@pytest.fixture
def frozen(log):
    log.register("m", [Column("x", "numeric")])
    at = pd.date_range(START, periods=N, freq="s")
    log.append("m", pd.DataFrame({"predicted_at": at, "x": np.arange(float(N))}))
    log.freeze_reference("m", "training", rows=500)
    return log


def test_new_rows_are_found_by_their_key_before_there_are_statistics(frozen):
    asked = []

    def note(connection, cursor, statement, parameters, context, many):
        if "count(*)" in statement:
            asked.append((statement, parameters))

    sa.event.listen(frozen.engine, "before_cursor_execute", note)
    assert frozen.stream("m", "training").n_after(None, 100) == 100
    sa.event.remove(frozen.engine, "before_cursor_execute", note)
    (statement, parameters) = asked[-1]
    with frozen.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars().all()
    assert any("prediction_m_pkey" in line for line in plan), plan
    assert not any("Seq Scan" in line or "Sort" in line for line in plan), plan


def test_an_import_leaves_statistics_behind(frozen):
    look_ahead(frozen, "m", lambda *_: None)
    with frozen.engine.connect() as connection:
        known = connection.execute(
            sa.text("SELECT reltuples FROM pg_class WHERE relname = 'prediction_m'")
        ).scalar_one()
    assert known == N
