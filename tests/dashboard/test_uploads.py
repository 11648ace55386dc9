"""Uploaded files on the server's disk: under its own names, and gone when nobody needs them."""

import os
import shutil
import stat
import subprocess
import sys
import threading
import time

import pytest

from dashboard import uploads
from dashboard.uploads import Request, Upload, folder_of, keep, sweep

CSV = b"ts,a\n2026-09-01,1\n"


def request(**changed):
    asked = {"called": "loans.csv", "model": "m", "by": "ana", "fingerprint": "f", "arguments": ("--model=m",)}
    return Request(**{**asked, "reference": ("rows", "10"), "asked_at": uploads.asked_now(), **changed})


def age(upload, days):
    then = time.time() - days * 86_400
    os.utime(upload.folder, (then, then))


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x.csv", "C:\\x\\..\\y.csv", "/etc/passwd.csv", ".csv.csv", "a\x00.csv"]
)
def test_whatever_the_client_calls_a_file_the_server_names_it(settings, name):
    upload = keep(settings, memoryview(CSV), name)
    assert upload.file == upload.folder / "upload.csv"
    assert upload.folder.parent == folder_of(settings)
    assert upload.file.read_bytes() == CSV
    assert all(letter in "0123456789abcdef" for letter in upload.folder.name)
    assert stat.S_IMODE(upload.folder.stat().st_mode) == 0o700


def test_two_uploads_of_one_file_are_two(settings):
    assert keep(settings, memoryview(CSV), "a.csv").folder != keep(settings, memoryview(CSV), "a.csv").folder


@pytest.mark.parametrize(("content", "name", "must"), [(CSV, "a.exe", ".csv or .parquet"), (b"", "a.csv", "hold rows")])
def test_what_is_no_file_of_rows_is_refused_and_nothing_stays(settings, content, name, must):
    with pytest.raises(ValueError, match=must):
        keep(settings, memoryview(content), name)
    assert not folder_of(settings).exists()


def test_a_parquet_file_is_known_by_its_content(settings):
    assert keep(settings, memoryview(b"PAR1 and more"), "loans.csv").file.suffix == ".parquet"


def test_what_is_remembered_of_an_import_outlives_the_server(settings):
    upload = keep(settings, memoryview(CSV), "a.csv")
    assert uploads.uploads(settings) == ()
    upload.remember(request())
    (found,) = uploads.uploads(settings)
    assert found.request == request(asked_at=found.request.asked_at)


def test_a_file_that_nobody_came_back_for_is_swept_away(settings):
    forgotten, fresh, imported, old = (keep(settings, memoryview(CSV), "a.csv") for _ in range(4))
    for upload, days in ((imported, 5), (old, 40), (forgotten, 2)):
        if upload is not forgotten:
            upload.remember(request())
        age(upload, days)
    sweep(settings)
    assert [upload.folder.exists() for upload in (forgotten, fresh, imported, old)] == [False, True, True, False]


def test_a_lock_goes_with_the_process_that_holds_it_however_it_ends(settings):
    upload = keep(settings, memoryview(CSV), "a.csv")
    assert not upload.is_worked_on
    with upload.log.open("ab") as log:
        assert upload.lock(log)
        holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(6_000)"], stdout=log)
    assert upload.is_worked_on
    with upload.log.open("ab") as log:
        assert not upload.lock(log, patience=0.1)
    upload.discard()
    assert upload.file is not None, "what is worked on cannot be removed"
    holder.kill()
    holder.wait()
    assert not upload.is_worked_on
    upload.discard()
    assert not upload.folder.exists()
    assert Upload(upload.folder).request is None


def test_what_another_session_removes_meanwhile_is_passed_over(settings):
    """One thread takes uploads in and removes them, another lists and sweeps."""
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            upload = keep(settings, memoryview(CSV), "a.csv")
            upload.remember(request())
            shutil.rmtree(upload.folder)

    threads = [threading.Thread(target=come_and_go) for _ in range(2)]
    keep(settings, memoryview(CSV), "stays.csv").remember(request())
    for thread in threads:
        thread.start()
    try:
        for _ in range(1_500):
            assert len(uploads.uploads(settings)) >= 1
            sweep(settings)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
