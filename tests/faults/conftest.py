"""Real faults: processes that are killed, disks that are full, files that are damaged."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from storage.__main__ import main
from tests.conftest import ROOT
from tests.patience import PATIENCE

Started = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Started:
    """Start `python -m MODULE ...` as a process that talks over pipes; the rest are arguments."""
    started: list[subprocess.Popen[str]] = []

    def start(url: str, module: str, *arguments: object) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env=os.environ | {"DRIFT_DATABASE_URL": url},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def run(start):
    """Run `python -m MODULE ...` to its end; return its exit code and what it said."""

    def run(url: str, module: str, *arguments: object) -> tuple[int, str, str]:
        process = start(url, module, *arguments)
        said, complained = process.communicate(timeout=PATIENCE)
        return process.returncode, said, complained

    return run


@pytest.fixture
def verify(monkeypatch, capsys):
    """Recompute all that is derived from a log, as `python -m storage verify` does: no difference may be left."""

    def verify(url: str) -> None:
        monkeypatch.setenv("DRIFT_DATABASE_URL", url)
        assert main(["verify"]) == 0, capsys.readouterr()

    return verify
