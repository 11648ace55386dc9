"""Many writers at once, and writers that die: every accepted row is there, once."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drift.windows import Column, LastRows
from storage import open_log

ROOT = Path(__file__).parents[2]
START = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = (Column("amount", "numeric"), Column("channel", "categorical"))


def test_rows_of_many_writers_all_land_once_and_their_new_categories_too(database_url):
    log = open_log(database_url)
    log.register("m", COLUMNS)
    accepted, problems = [], []

    def write(writer):
        own = open_log(database_url)
        try:
            for batch in range(15):
                # Every request id is sent by two writers; each batch brings a category that nobody knows yet.
                ids = [f"r{writer // 2}-{batch}-{k}" for k in range(10)]
                rows = [
                    {"predicted_at": START + timedelta(seconds=batch), "amount": k, "channel": f"c{batch}"}
                    | {"request_id": request_id}
                    for k, request_id in enumerate(ids)
                ]
                accepted.append(own.append("m", rows).accepted)
        except Exception as error:
            problems.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert sum(accepted) == log.n_rows("m") == 2 * 15 * 10
    sample = log.read_window("m", LastRows(1_000), [COLUMNS[1]])["channel"]
    assert sorted(set(sample.categories)) == sorted(sample.categories)
    assert sample.counts().tolist() == [20] * 15
    log.close()


def test_an_import_that_is_killed_goes_on_and_stores_every_row_once(sqlite_url, tmp_path):
    n_rows = 10_000
    path = tmp_path / "many.csv"
    lines = (f"{START + timedelta(seconds=k):%Y-%m-%dT%H:%M:%S},{k},web" for k in range(n_rows))
    path.write_text("\n".join(["when,amount,channel", *lines]), encoding="utf-8")
    options = ["--model", "m", "--time", "when", "--batch", "200"]
    command = [sys.executable, "-m", "storage", "import", str(path), *options]
    environment = os.environ | {"DRIFT_DATABASE_URL": sqlite_url}
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        while log.n_rows("m") < 1_000 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    n_landed = log.n_rows("m")
    assert 1_000 <= n_landed < n_rows
    assert n_landed % 200 == 0  # whole transactions only
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"(went on at row {n_landed + 1:,})" in done.stdout
    values = log.read_window("m", LastRows(2 * n_rows), [COLUMNS[0]])["amount"].values
    assert values.tolist() == list(range(n_rows))
    log.close()
