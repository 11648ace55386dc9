"""One version, wherever it is told."""

import re
import subprocess
import sys

import pytest
from streamlit.testing.v1 import AppTest

from drift.version import __version__
from storage.settings import Settings
from tests.api.conftest import client_of
from tests.conftest import ROOT
from tests.dashboard.conftest import BOARD
from tests.patience import PATIENCE

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_version_is_semantic():
    assert re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", __version__)


@pytest.mark.parametrize("package", ["drift", "storage", "retrain", "seed"])
def test_every_command_line_tells_it(package):
    told = subprocess.run([sys.executable, "-m", package, "--version"], cwd=ROOT, capture_output=True, text=True)
    assert (told.returncode, told.stdout, told.stderr) == (0, f"Drift monitor {__version__}\n", "")


def test_health_and_the_openapi_document_tell_it(sqlite_url, tmp_path):
    settings = Settings(database_url=sqlite_url, artifacts=tmp_path / "models", worker="external", demo=False)
    with client_of(settings) as client:
        assert client.get("/health").json()["version"] == __version__
        assert client.get("/openapi.json").json()["info"]["version"] == __version__


def test_health_tells_it_while_the_database_is_away(tmp_path):
    away = Settings(database_url="postgresql://nobody@127.0.0.1:1/none", artifacts=tmp_path, worker="external")
    with client_of(away) as client:
        answer = client.get("/health")
    assert (answer.status_code, answer.json()["version"]) == (503, __version__)


def test_the_settings_page_tells_it(sqlite_url, tmp_path, monkeypatch):
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("DRIFT_ARTIFACTS", str(tmp_path / "models"))
    page = AppTest.from_file(str(BOARD), default_timeout=PATIENCE)
    page.switch_page("views/settings.py")
    page.run()
    assert not page.exception
    assert any(f"**Version** · {__version__}" in part.value.replace("\\", "") for part in page.markdown)


def test_the_changelog_begins_with_what_comes_and_then_with_it():
    first, second, *_ = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert first == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} - \d{{4}}-\d\d-\d\d", second)


def test_it_stands_in_one_place():
    holding = [
        path.relative_to(ROOT).as_posix()
        for package in ("drift", "storage", "retrain", "seed", "dashboard")
        for path in (ROOT / package).rglob("*.py")
        if re.search(rf"[\"']{re.escape(__version__)}[\"']", path.read_text(encoding="utf-8"))
    ]
    assert holding == ["drift/version.py"]
