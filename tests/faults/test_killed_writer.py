"""A service that is killed while it writes: what it was told is stored, is stored."""

import time

import numpy as np
import pandas as pd
import pytest

from tests.faults.writer import COLUMNS, MODEL

pytestmark = pytest.mark.slow

N_KILLS = 4
SIZES = (1, 50)


@pytest.mark.parametrize("size", SIZES)
def test_a_killed_writer_loses_no_acknowledged_row_and_stores_none_twice(log, sqlite_url, start, verify, size):
    log.register(MODEL, COLUMNS)
    rng = np.random.default_rng(size)
    acknowledged: set[str] = set()
    for kill in range(N_KILLS):
        process = start(sqlite_url, "tests.faults.writer", f"w{kill}", size, 60)
        acknowledged.update(process.stdout.readline().split())
        time.sleep(float(rng.uniform(0, 0.5)))
        process.kill()
        # Not communicate(): it would lose the lines that readline() has read ahead.
        said = process.stdout.read()
        whole = said if said.endswith("\n") else said[: said.rfind("\n") + 1]  # the last line may be cut
        acknowledged.update(whole.split())
    stored = log.read_rows(MODEL)["request_id"]
    assert acknowledged <= set(stored)
    assert stored.is_unique
    assert len(stored) == log.n_rows(MODEL)
    # Beyond what was said there is at most the batch in flight of each, and it is whole.
    beyond = pd.Series(sorted(set(stored) - acknowledged), dtype=str).str.rsplit("-", n=1).str[0].value_counts()
    assert len(beyond) <= N_KILLS
    assert set(beyond) <= {size}
    verify(sqlite_url)
