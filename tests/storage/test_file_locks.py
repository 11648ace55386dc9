"""Several openings of one SQLite file in one process, and other processes that come and go."""

import subprocess
import sys

import pytest

from drift.data.windows import Column
from storage import open_log
from storage.database.engine import DatabaseFault, open_engine
from storage.models import registration, registry
from tests.conftest import ROOT

ADD_VERSION = """
import sys
from storage import open_log
from storage.models import registration
log = open_log(sys.argv[1])
registration.register_version(log, "m", uri=None, sha256=None, created_by="other")
log.close()
"""


def test_what_other_processes_write_is_seen_however_often_this_one_opens_the_file(sqlite_url, tmp_path):
    """A second opening once dropped the locks of the first: others then deleted the write-ahead log under it."""
    first = open_log(sqlite_url)
    first.register("m", [Column("x", "numeric")])
    second = open_log(sqlite_url)
    third = open_log(sqlite_url.replace("drift.db", "./drift.db"))
    for n in (1, 2):
        subprocess.run([sys.executable, "-c", ADD_VERSION, sqlite_url], cwd=ROOT, check=True)
        third.close()
        assert [len(registry.read_versions(log, "m")) for log in (first, second)] == [n, n]
        assert (tmp_path / "drift.db-wal").exists()
        third = open_log(sqlite_url)
    registration.register_version(first, "m", uri=None, sha256=None, created_by="this one")
    for log in (first, second, third):
        log.close()
    again = open_log(sqlite_url)
    assert len(registry.read_versions(again, "m")) == 3
    again.close()


def test_a_file_that_nobody_here_holds_any_more_is_looked_at_again(sqlite_url, tmp_path):
    open_log(sqlite_url).close()
    (tmp_path / "drift.db").write_bytes(b"something else altogether")
    with pytest.raises(DatabaseFault, match="must be an SQLite database"):
        open_engine(sqlite_url)
