"""An importer that is killed without warning, again and again."""

import re
import subprocess
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from drift.data.windows import Column, LastRows
from storage.jobs import runs

pytestmark = pytest.mark.slow

N_KILLS = 20
N_ROWS = 200_000
BAD_EVERY = 1_000
START = datetime(2026, 9, 1, tzinfo=UTC)


def write_file(path):
    """Row k holds the number k; every thousandth has no readable time."""
    times = (
        "soon" if k % BAD_EVERY == 7 else f"{START + timedelta(seconds=k):%Y-%m-%dT%H:%M:%S}" for k in range(N_ROWS)
    )
    lines = (f"{at},{k},{k % 5}" for k, at in enumerate(times))
    path.write_text("\n".join(["when,amount,channel", *lines]), encoding="utf-8")


def test_a_killed_import_loses_no_acknowledged_row_stores_none_twice_and_goes_on(
    log, sqlite_url, start, run, verify, tmp_path
):
    path = tmp_path / "rows.csv"
    write_file(path)
    command = ("storage", "import", path, "--model", "m", "--time", "when", "--categorical", "channel")
    rng = np.random.default_rng(20)
    n_before = 0
    for kill in range(N_KILLS):
        process = start(sqlite_url, *command, "--batch", 500)
        process.stderr.readline()  # rows begin to go in
        try:
            process.wait(timeout=float(rng.uniform(0, 0.15)))
        except subprocess.TimeoutExpired:
            process.kill()
        said = process.communicate()[1]
        assert process.returncode == -9, f"the import ended before kill {kill}: {said}"
        (of_file,) = runs.read_runs(log)
        told = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) of", said)]
        # What it said is in, whole transactions only, and it never went back.
        assert of_file.n_done >= max([n_before, *told])
        assert of_file.n_done % 500 == 0
        assert log.n_rows("m") == of_file.n_done - of_file.n_rejected
        n_before = of_file.n_done
        verify(sqlite_url)
    assert 0 < n_before < N_ROWS
    code, said, complained = run(sqlite_url, *command)
    assert code == 0, complained
    assert f"went on at row {n_before + 1:,}" in said
    values = log.read_window("m", LastRows(2 * N_ROWS), [Column("amount", "numeric")])["amount"].values
    assert values.tolist() == [k for k in range(N_ROWS) if k % BAD_EVERY != 7]
    verify(sqlite_url)
