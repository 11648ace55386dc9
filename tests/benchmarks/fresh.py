"""One question, one way, in a process of its own: cold (nothing read yet), then warm, with its peak memory.

`python -m tests.benchmarks.fresh WAY URL QUESTION N_ROWS` writes what it measured as JSON.
"""

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

ROOT = Path(__file__).parents[2]
WAYS = {"ours": "tests.benchmarks.by_monitor", "pandas": "tests.benchmarks.by_pandas"}
_WARM_SECONDS = 2.0
_WARM_TIMES = 15


def measured(way: str, url: str, question: str, n_rows: int) -> dict[str, Any]:
    """Ask in a fresh process, the database file dropped from the cache where the system lets us."""
    dropped = _drop_from_cache(url)
    command = [sys.executable, "-m", __spec__.name, way, url, question, str(n_rows)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{way} could not answer {question}: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout) | {"file_dropped": dropped}


def database_files(url: str) -> list[Path]:
    """Return the files of an SQLite database, none of a server."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return []
    return [path for suffix in ("", "-wal") if (path := Path(parsed.database + suffix)).exists()]


def _drop_from_cache(url: str) -> bool:
    files = database_files(url)
    if not files or not hasattr(os, "posix_fadvise"):
        return False
    # This process has no connection to the database now: closing a descriptor would drop the locks of all of them.
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # only pages that are on the disk can be dropped
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    return True


def peak_memory() -> float:
    """Return the most memory this process has held, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count what the parent held before it started us
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _measure(way: str, url: str, question: str, n_rows: int) -> dict[str, Any]:
    module = importlib.import_module(WAYS[way])
    imported = peak_memory()
    begun = time.perf_counter()
    with module.opened(url) as ask:
        answers = ask(question, n_rows)
        cold = time.perf_counter() - begun
        warm: list[float] = []
        while not warm or (len(warm) < _WARM_TIMES and sum(warm) < _WARM_SECONDS):
            begun = time.perf_counter()
            ask(question, n_rows)
            warm.append(time.perf_counter() - begun)
    return {
        "cold_s": cold,
        "warm_s": statistics.median(warm),
        "n_warm": len(warm),
        "peak_mb": peak_memory(),
        "imported_mb": imported,
        "read_mb": resource.getrusage(resource.RUSAGE_SELF).ru_inblock * 512 / 2**20,
        "answers": answers,
    }


if __name__ == "__main__":
    _, way, url, question, n_rows = sys.argv
    print(json.dumps(_measure(way, url, question, int(n_rows))))
