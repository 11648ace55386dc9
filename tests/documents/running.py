"""A folder like a new user's, in which the commands of the documents are run as they stand."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from storage.settings import Settings
from tests.conftest import ROOT
from tests.patience import PATIENCE

N_LOANS, N_DRIFTED = 20_000, 6_000
# `python` of the documents is the one that runs the tests; an answer of curl that is an error ends it with one.
_SHELL = """
python() { "$PYTHON" "$@"; }
curl() { command curl --fail-with-body --show-error "$@"; }
"""


@dataclass
class World:
    """A user's folder, with a log and model files of its own; `written` says what stands there for a placeholder."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        """Where the commands find the log; a worker is started by whoever needs one."""
        url = f"sqlite:///{self.folder}/var/drift.db"
        return Settings(database_url=url, artifacts=self.folder / "var" / "models", worker="external", demo=False)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every command."""
        named = {"DRIFT_DATABASE_URL": self.settings.database_url, "DRIFT_ARTIFACTS": str(self.settings.artifacts)}
        ours = {"PYTHONPATH": str(ROOT), "PYTHON": sys.executable, "DRIFT_WORKER": "external"}
        return os.environ | named | ours | self.variables

    def as_it_runs(self, command: str) -> str:
        """Return a command with what a reader would write for its placeholders."""
        for placeholder, value in self.written.items():
            command = command.replace(placeholder, value)
        return command

    def run(self, command: str, expected: int = 0) -> str:
        """Run a command in the folder; return what it prints."""
        ended = subprocess.run(
            ["bash", "-c", _SHELL + self.as_it_runs(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert ended.returncode == expected, f"{command}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    @contextmanager
    def running(self, command: str, stop: signal.Signals) -> Iterator["subprocess.Popen[bytes]"]:
        """Run a command for as long as the block lasts, then stop it as a person would; it must end by itself."""
        # The shell becomes the command, so that whoever stops one stops the other.
        alone = self.as_it_runs(command).replace("python ", 'exec "$PYTHON" ', 1)
        process = subprocess.Popen(
            ["bash", "-c", alone],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process
        finally:
            process.send_signal(stop)
            process.wait(PATIENCE)


def run_python(code: str, **known: Any) -> dict[str, Any]:
    """Run Python as it stands in a document, where some names are known; return all names that are known then."""
    exec(code, known)  # noqa: S102  the code is ours, and to run it is the test
    return known


def loans(n: int = N_LOANS, n_drifted: int = N_DRIFTED) -> pd.DataFrame:
    """Return car loans whose cars become dearer at the end, and whose old model then errs more often."""
    rng = np.random.default_rng(7)
    is_late = np.arange(n) >= n - n_drifted
    income = rng.normal(3_000, 800, n)
    car_value = rng.gamma(4, 3_000, n) * np.where(is_late, 1.6, 1.0)
    burden = car_value / 12_000 - income / 3_000
    score = 1 / (1 + np.exp(-4 * burden))
    defaults = burden - np.where(is_late, 0.8, 0.0) + rng.logistic(0, 0.15, n) > 0
    return pd.DataFrame(
        {
            "ts": pd.date_range(end=datetime.now(UTC).replace(microsecond=0), periods=n, freq="2min"),
            "id": [f"loan-{k}" for k in range(n)],
            "customer": [f"customer-{k % 3_000}" for k in range(n)],
            "segment": rng.choice(["new", "known"], n),
            "income": income.round(2),
            "car_value": car_value.round(),
            "prediction": np.where(score > 0.5, "default", "paid"),
            "score": score.round(6),
            "label": np.where(defaults, "default", "paid"),
        }
    )
