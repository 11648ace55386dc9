"""Keeps the process alive that makes the alert passes, for as long as its worker lives and a channel is set."""

import os
import subprocess
import time
from dataclasses import dataclass

from retrain.workers import processes
from storage.database.settings import Settings

# One that cannot live is not started over and over.
_PAUSE_SECONDS = 15.0


@dataclass
class AlertProcess:
    """The process of one worker; none where no channel is set."""

    _process: subprocess.Popen[bytes] | None = None
    _not_before: float = 0.0

    def keep(self, settings: Settings) -> str | None:
        """Start the process if it is to run and does not; return what to say of it."""
        if not settings.alert_url or time.monotonic() < self._not_before:
            return None
        if self._process is not None and self._process.poll() is None:
            return None
        said = "looks for alerts" if self._process is None else f"looks again: it ended ({self._process.returncode})"
        arguments = ["alert-pass", f"--parent={os.getpid()}"]
        self._process = processes.start(settings, arguments, settings.artifacts.parent / "log" / "alerts.log")
        self._not_before = time.monotonic() + _PAUSE_SECONDS
        return f"process {self._process.pid} {said}"

    def end(self) -> None:
        """End the process; what it was about to send another one sends."""
        if self._process is not None:
            processes.end(self._process)
            self._process = None
