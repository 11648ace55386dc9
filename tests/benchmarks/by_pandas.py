"""What one would write without this product: pandas.read_sql by primary key, and one SciPy test per column."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from scipy import stats

from storage import open_log
from tests.benchmarks.answers import Answer
from tests.benchmarks.logs import CATEGORICAL, MODEL, NUMERIC, REFERENCE_ROWS
from tests.benchmarks.questions import rows_asked, timeline_windows

_SELECT = f'SELECT {", ".join((*NUMERIC, *CATEGORICAL))} FROM "prediction_{MODEL}" ORDER BY id'  # noqa: S608  of constants
_LAST = _SELECT + " DESC LIMIT {}"
_PART_ROWS = 100_000
_FIRST = _SELECT + " LIMIT {}"


@contextmanager
def opened(url: str) -> Iterator[Callable[[str, int], list[Answer]]]:
    """Open the database and read the reference; yield what answers questions."""
    log = open_log(url)
    spans = timeline_windows(log)
    log.close()
    with _connected(url) as connection:
        reference = _read(connection, _FIRST.format(REFERENCE_ROWS))

        def ask(question: str, n_rows: int) -> list[Answer]:
            if question == "timeline":
                # In parts: the rows of ten million as Python objects would not fit into memory.
                parts = pd.read_sql(_statement(connection, _SELECT), connection, chunksize=_PART_ROWS)
                whole = pd.concat(list(parts), ignore_index=True)
                return [_tested(reference, whole[span.first : span.last]) for span in spans]
            return [_tested(reference, _read(connection, _LAST.format(rows_asked(question, n_rows).n)))]

        yield ask


@contextmanager
def _connected(url: str) -> Iterator[Any]:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        # Straight through the standard library: faster for pandas than through SQLAlchemy.
        connection = sqlite3.connect(f"file:{parsed.database}?mode=ro", uri=True)
        try:
            yield connection
        finally:
            connection.close()
    else:
        engine = sa.create_engine(parsed.set(drivername="postgresql+psycopg"))
        with engine.connect().execution_options(stream_results=True) as stream:
            yield stream
        engine.dispose()


def _statement(connection: Any, sql: str) -> Any:
    return sql if isinstance(connection, sqlite3.Connection) else sa.text(sql)


def _read(connection: Any, sql: str) -> pd.DataFrame:
    return pd.read_sql(_statement(connection, sql), connection)


def _tested(reference: pd.DataFrame, current: pd.DataFrame) -> Answer:
    found: dict[str, dict[str, float]] = {}
    for name in NUMERIC:
        result = stats.ks_2samp(reference[name].dropna(), current[name].dropna())
        found[name] = {"distance": float(result.statistic), "p_value": float(result.pvalue)}
    for name in CATEGORICAL:
        sides = (reference[name].dropna().astype(int), current[name].dropna().astype(int))
        n = max(int(side.max()) for side in sides) + 1
        table = np.array([np.bincount(side, minlength=n) for side in sides])
        result = stats.chi2_contingency(table[:, table.sum(axis=0) > 0], correction=False)
        # Without the distance: the product pools rare categories before it compares shares.
        found[name] = {"p_value": float(result.pvalue)}
    return found
