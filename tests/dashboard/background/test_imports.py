"""Imports in processes of their own: watched, killed, taken up again."""

import csv
import io
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.background import imports, uploads
from drift.data.windows import Column, LastRows
from storage.database.audit import read_audit
from storage.importing.plan import ColumnMapping, plan_import
from storage.importing.rejected_file import read_rejected
from tests.patience import wait_for

pytestmark = pytest.mark.slow

N_ROWS, BAD_EVERY = 400_000, 1_000
START = datetime(2026, 9, 1, tzinfo=UTC)


def lines(n, bad_every=BAD_EVERY):
    times = ("soon" if k % bad_every == 7 else f"{START + timedelta(seconds=k):%Y-%m-%dT%H:%M:%S}" for k in range(n))
    return "\n".join(["when,-a,b", *(f"{at},{k},{k % 7}" for k, at in enumerate(times))]).encode()


def asked(settings, log, content, reference=None):
    """Upload a file and ask for its import, as the page does."""
    upload = uploads.keep(settings, memoryview(content), "rows of may.csv")
    plan = plan_import(
        log, upload.file, "m", ColumnMapping(predicted_at="when"), ignore=("-a",), called="rows of may.csv"
    )
    return upload, imports.request_of(plan, by="ana", ignore=("-a",), reference=reference)


def ended(log, upload):
    return wait_for(lambda: (found := imports.progress(log, upload)).state != "running" and found)


def worker_of(upload):
    """Return the id of the process that works on an upload; a new one may not show its arguments yet."""

    def found():
        for entry in Path("/proc").iterdir():
            with suppress(OSError):  # it has just ended
                if entry.name.isdecimal() and str(upload.folder).encode() in (entry / "cmdline").read_bytes():
                    return int(entry.name)
        return None

    return wait_for(found, "a process that works on the upload")


@pytest.mark.each_database
def test_an_import_runs_by_itself_and_leaves_rows_reference_list_and_audit_but_no_file(settings, log):
    upload, request = asked(settings, log, lines(5_000), ("rows", "1000"))
    assert imports.begin(settings, upload, request)
    found = ended(log, upload)
    assert (found.state, found.n_accepted, found.run.n_rejected) == ("done", 4_995, 5)
    assert found.run.source == "rows of may.csv"
    assert [row.row for row in read_rejected(upload.rejected)] == [7, 1_007, 2_007, 3_007, 4_007]
    assert log.references("m")[0].n == 1_000
    assert log.columns("m") == (Column("b", "numeric"),)
    assert {(entry.actor, entry.action) for entry in read_audit(log, "m")} == {("ana", "import"), ("ana", "freeze")}
    assert upload.file is None
    assert not imports.begin(settings, upload, request), "the file is gone"


def test_a_killed_import_goes_on_and_lists_every_rejected_row(settings, log):
    upload, request = asked(settings, log, lines(N_ROWS), ("rows", "1000"))
    assert imports.begin(settings, upload, request)
    assert imports.is_worked_on(settings, request.fingerprint)
    wait_for(lambda: (now := imports.progress(log, upload)).run is not None and now.run.n_done)
    assert not imports.begin(settings, upload, request), "one process at a time"
    os.kill(worker_of(upload), signal.SIGKILL)
    killed = ended(log, upload)
    assert killed.state == "interrupted"
    assert 0 < killed.run.n_done < N_ROWS
    assert upload.file is not None
    assert imports.go_on(settings, log, upload)
    found = ended(log, upload)
    assert (found.state, found.run.n_done) == ("done", N_ROWS)
    values = log.read_window("m", LastRows(2 * N_ROWS), [Column("b", "numeric")])["b"].values
    assert values.tolist() == [k % 7 for k in range(N_ROWS) if k % BAD_EVERY != 7]
    # At most the rows of the one transaction that was committed in the instant of the kill are not listed.
    listed = [row.row for row in read_rejected(upload.rejected)]
    assert listed == sorted(set(listed))
    assert found.run.n_rejected - len(listed) in (0, 20)


def test_an_import_killed_before_it_froze_the_reference_goes_on_there(settings, log):
    upload, request = asked(settings, log, lines(3_000), ("until", "2026-09-01T00:10:00+00:00"))
    without = uploads.Request(**{**vars(request), "arguments": tuple(a for a in request.arguments if "until" not in a)})
    assert imports.begin(settings, upload, without)
    ended(log, upload)
    upload.remember(request)  # as if the process had been killed right after the last row
    found = imports.progress(log, upload)
    assert (found.state, found.lacks_reference) == ("interrupted", True)
    assert imports.go_on(settings, log, upload)
    found = ended(log, upload)
    assert found.state == "done"
    (reference,) = log.references("m")
    assert (reference.name, reference.n) == ("training", 599)
    assert not imports.go_on(settings, log, upload), "it has ended"


def test_a_file_of_which_no_row_can_be_read_is_a_failure_and_goes(settings, log):
    upload, request = asked(settings, log, b"when,-a,b\n" + b"1066-10-14,1,2\n" * 9)
    assert imports.begin(settings, upload, request)
    found = ended(log, upload)
    assert (found.state, found.n_accepted) == ("failed", 0)
    assert upload.file is None
    assert len(read_rejected(upload.rejected)) == 9


def test_an_import_that_cannot_begin_says_why(settings, log):
    upload, request = asked(settings, log, lines(20, bad_every=99))
    log.register("m", [Column("B", "numeric")])
    log.append("m", [{"predicted_at": START, "B": 1.0}])
    assert imports.begin(settings, upload, request)
    found = ended(log, upload)
    assert (found.state, found.run) == ("interrupted", None)
    assert "b must stay numeric feature 'B' in model 'm'" in found.said


def test_the_process_gets_no_tokens(settings, log, monkeypatch):
    monkeypatch.setenv("DRIFT_API_TOKENS", "k3y:operator")
    monkeypatch.setenv("DRIFT_GITHUB_TOKEN", "s3cret")
    upload, request = asked(settings, log, lines(300_000, bad_every=10**9))
    assert imports.begin(settings, upload, request)
    environment = (Path("/proc") / str(worker_of(upload)) / "environ").read_bytes()
    ended(log, upload)
    assert b"k3y" not in environment
    assert b"s3cret" not in environment
    assert settings.database_url.encode() in environment


@pytest.mark.parametrize("odd", ["", " x", '"', "a,b", "x "])
def test_a_column_of_any_name_can_be_left_out(settings, log, odd):
    text = io.StringIO()
    csv.writer(text).writerows([["when", odd, "b"], *([f"2026-09-01T00:00:{k:02}", k, k % 7] for k in range(30))])
    upload = uploads.keep(settings, memoryview(text.getvalue().encode()), "odd.csv")
    plan = plan_import(log, upload.file, "m", ColumnMapping(predicted_at="when"), ignore=(odd,))
    assert imports.begin(settings, upload, imports.request_of(plan, by="ana", ignore=(odd,)))
    found = ended(log, upload)
    assert found.state == "done", found.said
    assert log.columns("m") == (Column("b", "numeric"),)
