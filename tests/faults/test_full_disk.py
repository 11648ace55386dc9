"""A disk without room: a sentence, nothing half stored, and the same command goes on when there is room again."""

import os
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from drift.data.windows import Column, LastRows
from storage import open_log

pytestmark = pytest.mark.slow

N_ROWS = 120_000
START = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = (Column("amount", "numeric"), Column("channel", "categorical"))


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of its own that has room for half of the rows."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk; the test beside this one limits the file instead")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_an_import_onto_a_full_disk_says_so_and_goes_on_when_there_is_room(small_disk, tmp_path, run, verify):
    url = f"sqlite:///{small_disk}/drift.db"
    path = tmp_path / "rows.csv"
    times = (f"{START + timedelta(seconds=k):%Y-%m-%dT%H:%M:%S}" for k in range(N_ROWS))
    lines = (f"{at},{k},{k % 5}" for k, at in enumerate(times))
    path.write_text("\n".join(["when,amount,channel", *lines]), encoding="utf-8")
    command = (url, "storage", "import", path, "--model", "m", "--time", "when", "--batch", "2000")
    code, _, complained = run(*command)
    assert code == 2
    assert "error: The disk that holds the database is full" in complained
    assert "the same command goes on from there" in complained
    assert "Traceback" not in complained
    log = open_log(url)
    n_landed = log.n_rows("m")
    assert 0 < n_landed < N_ROWS
    assert n_landed % 2_000 == 0
    assert log.extent("m", LastRows(N_ROWS)).n == n_landed
    log.close()
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    code, said, complained = run(*command)
    assert code == 0, complained
    assert f"went on at row {n_landed + 1:,}" in said
    log = open_log(url)
    assert log.read_window("m", LastRows(2 * N_ROWS), COLUMNS[:1])["amount"].values.tolist() == list(range(N_ROWS))
    log.close()
    verify(url)


def test_an_append_that_finds_no_room_leaves_nothing_and_the_file_can_be_used(log, sqlite_url, verify):
    log.register("m", COLUMNS)
    with log.engine.connect() as connection:  # room for some rows beside the empty tables
        limit = {"pages": connection.execute(sa.text("PRAGMA page_count")).scalar_one() + 30}

    @sa.event.listens_for(log.engine, "checkout")
    def set_limit(connection, _record, _proxy):
        connection.execute(f"PRAGMA max_page_count = {limit['pages']}")

    def rows(first, n):
        return [{"predicted_at": START + timedelta(seconds=k), "amount": k, "channel": "web"} for k in range(first, n)]

    def append_until_it_fails():
        for first in range(0, N_ROWS, 1_000):
            log.append("m", rows(first, first + 1_000))

    with pytest.raises(sa.exc.OperationalError, match="database or disk is full"):
        append_until_it_fails()
    n_landed = log.n_rows("m")
    assert n_landed > 0
    assert n_landed % 1_000 == 0
    assert log.extent("m", LastRows(10**6)).n == n_landed
    limit["pages"] = 100_000
    assert log.append("m", rows(n_landed, n_landed + 1_000)).accepted == 1_000
    verify(sqlite_url)
