"""The server as it is started, and a client for it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from dashboard.background.first_run import ROOT
from storage.database.settings import Settings
from tests.patience import PATIENCE, wait_for

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: list[str], settings: Settings, cwd: Path, **more: str
) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """Run a server, with more variables, until it answers; yield a client and the process, which ends cleanly."""
    port = free_port()
    environment = os.environ | {
        "DRIFT_DATABASE_URL": settings.database_url,
        "DRIFT_ARTIFACTS": str(settings.artifacts),
        "DRIFT_DEMO": "1" if settings.demo else "0",
        "DRIFT_WORKER": settings.worker,
        **more,
    }
    with (cwd / "server.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, str(port)], cwd=cwd, env=environment, stdout=output, stderr=output
        )
    try:
        with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", timeout=PATIENCE) as client:

            def health() -> object:
                assert process.poll() is None, (cwd / "server.log").read_text()
                try:
                    return client.get("/health").status_code == 200
                except httpx.TransportError:
                    return False

            wait_for(health)
            yield client, process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def api_command() -> list[str]:
    """Return what runs the API alone."""
    return ["uvicorn", "dashboard.api:api", "--app-dir", str(ROOT), "--host", LOOPBACK, "--port"]


def streamlit_command() -> list[str]:
    """Return what runs the whole product."""
    options = ["--server.headless", "true", "--server.address", LOOPBACK, "--browser.gatherUsageStats", "false"]
    return ["streamlit", "run", str(ROOT / "dashboard" / "app.py"), *options, "--server.port"]
