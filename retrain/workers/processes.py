"""Our own child processes: each leads a process group, writes its own log file and is ended as a group."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import retrain
from storage.database.settings import Settings

_ROOT = Path(retrain.__path__[0]).resolve().parent
_GRACE = 5.0
_SECRET = ("DRIFT_LAUNCHER", "DRIFT_GITHUB_", "DRIFT_API_TOKENS", "DRIFT_ALERT_URL")


def start(settings: Settings, arguments: Sequence[str], log_file: Path) -> subprocess.Popen[bytes]:
    """Start `python -m retrain ...` in a session of its own; what it prints goes to the log file."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "retrain", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(settings, secrets=arguments[0] != "step"),
            start_new_session=True,
        )


def environment(settings: Settings, *, secrets: bool = False) -> dict[str, str]:
    """Return the environment of a process of ours; without `secrets`, no token or channel is handed to it."""
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    own = {"DRIFT_DATABASE_URL": settings.database_url, "DRIFT_ARTIFACTS": str(settings.artifacts)}
    # Threads that spin while they wait made training ten times slower on a busy machine.
    calm = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    # A step runs what a user's recipe says: tokens are none of its business.
    kept = {name: value for name, value in os.environ.items() if secrets or not name.startswith(_SECRET)}
    return kept | own | calm | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def end(process: subprocess.Popen[bytes], grace: float = _GRACE) -> None:
    """Ask a process and its group to end, and kill whoever is left after some seconds."""
    _signal(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    # A grandchild may have outlived its parent, so the group is killed in any case.
    _signal(process, signal.SIGKILL)
    process.wait()


def tail(path: Path, n_bytes: int = 8_000) -> str:
    """Return the end of a log file."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - n_bytes))
        # PostgreSQL takes no NUL character in a text.
        return file.read().decode("utf-8", "replace").replace("\x00", "")


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        os.killpg(process.pid, number)
