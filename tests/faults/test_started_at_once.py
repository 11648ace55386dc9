"""Processes that do the same on one PostgreSQL database, all of them at the moment that matters."""

import re

import pytest

from drift.windows import Column, LastRows
from storage import runs
from tests.at_once import held
from tests.patience import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

N_PROCESSES = 4
N_ROWS = 500
AMOUNT = Column("amount", "numeric")


@pytest.fixture
def command(tmp_path):
    """An import of rows without an id: nothing but its run tells that they are in already."""
    path = tmp_path / "rows.csv"
    lines = (f"2026-09-01T00:{k // 60:02}:{k % 60:02},{k}" for k in range(N_ROWS))
    path.write_text("\n".join(["when,amount", *lines]), encoding="utf-8")
    return ("storage", "import", path, "--model", "m", "--time", "when", "--batch", 100)


def told_by_all(start, url: str, table: str, command) -> list[tuple[int, str, str]]:
    """Start the processes, let them go on once all of them want to write into a table; return what each came to."""
    with held(url, table) as wait_for:
        processes = [start(url, *command) for _ in range(N_PROCESSES)]
        wait_for(N_PROCESSES)
    said = [process.communicate(timeout=PATIENCE) for process in processes]
    return [(process.returncode, *lines) for process, lines in zip(processes, said, strict=True)]


@pytest.mark.parametrize("known", [True, False], ids=["known model", "new model"])
def test_imports_of_one_file_store_every_row_once(log, postgres_url, start, verify, command, known):
    if known:
        log.register("m", [AMOUNT])
    told = told_by_all(start, postgres_url, "import_run" if known else "model", command)
    assert [code for code, _, _ in told if code not in (0, 2)] == [], told
    n_stored = [
        int(n.replace(",", "")) for _, said, _ in told for n in re.findall(r"^([\d,]+) rows imported", said, re.M)
    ]
    assert sum(n_stored) <= N_ROWS
    for code, _, complained in told:
        # Whoever comes second goes on with the same run, or hears who has it or that it is done.
        assert code == 0 or "by one process at a time" in complained or "was imported into" in complained, complained
    assert log.n_rows("m") == N_ROWS
    assert log.read_window("m", LastRows(9_999), [AMOUNT])["amount"].values.tolist() == list(range(N_ROWS))
    assert [run.state for run in runs.read_runs(log.engine)] == ["done"]
    verify(postgres_url)
