"""What the first start of the product does: fill an empty database with the demo, in a process of its own."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from retrain.workers.processes import environment
from storage.database.settings import Settings
from storage.jobs.runs import read_runs
from storage.log import open_log

ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger(__name__)


def start_demo(settings: Settings, root: Path = ROOT) -> "subprocess.Popen[bytes] | None":
    """Start building the demo if the settings want one and the database is empty, or holds an unfinished one.

    Its progress is a run in `storage.jobs.runs`; what it says goes to `demo.log`, beside the worker's log.
    """
    if not settings.demo or not lacks_demo(settings.database_url):
        return None
    process = start_seed(settings, ["--demo"], "demo.log", root)
    _log.info("Process %s builds the demo.", process.pid)
    return process


def start_seed(
    settings: Settings, arguments: Sequence[str], log_name: str, root: Path = ROOT
) -> "subprocess.Popen[bytes]":
    """Start `python -m seed ...` on this database; what it says goes to a file beside the worker's log."""
    folder = root / settings.artifacts.parent / "log"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / log_name).open("ab") as output:
        command = [sys.executable, "-m", "seed", *arguments]
        return subprocess.Popen(
            command, cwd=root, env=environment(settings), stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )


def stop_demo(process: "subprocess.Popen[bytes]", patience: float = 5) -> None:
    """End the building of the demo, if it still goes on; the next start takes it up."""
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def lacks_demo(database_url: str) -> bool:
    """Tell whether no model is registered yet, or the building of the demo was cut short."""
    log = open_log(database_url)
    try:
        unfinished = any(run.source == "demo" and run.state in ("running", "stopped") for run in read_runs(log))
        return unfinished or not log.models()
    finally:
        log.close()
