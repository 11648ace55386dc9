"""Evidently and NannyML beside us, each in the environment that it needs."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.benchmarks.logs import CATEGORICAL, MODEL, NUMERIC, REFERENCE_ROWS

_SCRIPT = Path(__file__).with_name("peer_process.py")


def compared(pythons: Sequence[Path], url: str, n_rows: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Ask the peers of every environment the questions; one that fails is said and left out."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        say("peers are measured on an SQLite file only")
        return []
    asked = [parsed.database or "", f"prediction_{MODEL}", ",".join(NUMERIC), ",".join(CATEGORICAL)]
    found: list[dict[str, Any]] = []
    for python in pythons:
        command = [str(python), str(_SCRIPT), *asked, str(REFERENCE_ROWS), str(n_rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"{python}: {done.stderr.strip().splitlines()[-1]}")
            continue
        measured = json.loads(done.stdout.strip().splitlines()[-1])
        if not measured:
            say(f"{python} has neither Evidently nor NannyML")
        for figure in measured:
            say(f"{figure['peer']} {figure['version']}, {figure['question']}: {figure['seconds']:,.2f} s")
        found += measured
    return found
