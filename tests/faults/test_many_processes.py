"""Several processes write and read at once; DRIFT_FAULT_SECONDS makes it last longer than it does by default."""

import os

import pytest

from tests.faults.writer import COLUMNS, MODEL
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("DRIFT_FAULT_SECONDS", "6"))
BATCHES = (1, 1, 20, 100)
N_READERS = 2


@pytest.mark.each_database
def test_four_writers_and_two_readers_never_meet_a_lock_error(log, database_url, start, verify):
    log.register(MODEL, COLUMNS)
    writers = [start(database_url, "tests.faults.writer", f"w{k}", size, SECONDS) for k, size in enumerate(BATCHES)]
    readers = [start(database_url, "tests.faults.reader", SECONDS) for _ in range(N_READERS)]
    told = [process.communicate(timeout=SECONDS + PATIENCE) for process in [*writers, *readers]]
    for process, (_, complained) in zip([*writers, *readers], told, strict=True):
        assert process.returncode == 0, complained
    accepted = [len(said.split()) for said, _ in told[: len(writers)]]
    n_looks = [int(said) for said, _ in told[len(writers) :]]
    assert min(accepted) > 0
    assert min(n_looks) > 0
    assert log.n_rows(MODEL) == len(log.read_rows(MODEL)) == sum(accepted)
    verify(database_url)
