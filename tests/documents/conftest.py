"""The folders in which documents are tried, made once and copied."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.documents.reading import blocks, commands
from tests.documents.running import World, loans


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of loans, and a log with simulated reviews whose model serves."""
    folder = tmp_path_factory.mktemp("begun")
    loans().to_parquet(folder / "loans.parquet")
    World(folder).run("python -m seed --scenario vocabulary --rows 4000 --seed 7 --model reviews")
    return folder


@pytest.fixture(scope="session")
def _imported(_begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and the loans in the log as README brings them in."""
    folder = tmp_path_factory.mktemp("imported") / "world"
    shutil.copytree(_begun, folder)
    shell = next(block.text for block in blocks("README.md") if "storage import" in block.text)
    World(folder).run(commands(shell)[0])
    return folder


@pytest.fixture
def begun(_begun: Path, tmp_path: Path) -> World:
    """A folder in which nothing has been imported yet."""
    return World(shutil.copytree(_begun, tmp_path / "world"))


@pytest.fixture
def imported(_imported: Path, tmp_path: Path) -> World:
    """A folder in which the loans are in the log."""
    return World(shutil.copytree(_imported, tmp_path / "world"))


@pytest.fixture
def worked(imported: World):
    """The same, while a worker lives."""
    with imported.running("python -m retrain worker", signal.SIGTERM):
        yield imported
