"""The README says what is so."""

import re
import shlex
import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)).replace("\\\n", " ")
COMMANDS = [line.partition(" # ")[0].strip() for line in SHELL.splitlines() if line.startswith("python -m")]


def requirements(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[~]", line)[0] for line in lines if line and line[0] not in "#-"}


def test_the_first_screen_holds_the_two_commands():
    first_screen = "\n".join(README.splitlines()[:16])
    assert "pip install -r requirements.txt && streamlit run dashboard/app.py" in first_screen
    assert "pip install -r requirements-dev.txt && pytest" in first_screen


def test_every_requirement_is_named_with_its_reason():
    named = set(re.findall(r"[\w-]+", README.partition("## What it stands on")[2]))
    assert requirements("requirements.txt") | requirements("requirements-dev.txt") <= named


def test_every_setting_is_described():
    read = set(re.findall(r'"(DRIFT_\w+)"', (ROOT / "storage/settings.py").read_text(encoding="utf-8")))
    assert read == set(re.findall(r"^\| `(DRIFT_\w+)`", README, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_options_that_are_shown(command):
    words = shlex.split(command, comments=True)[2:]
    # The module, then its commands: some have two words, as in `schedule add`.
    named = list(takewhile(lambda word: not word.startswith("-"), words[1:3]))
    shown = ""
    for n_named in range(len(named), -1, -1):
        asked = [sys.executable, "-m", words[0], *named[:n_named], "--help"]
        answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
        if answer.returncode == 0:
            shown = answer.stdout
            break
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[\w-]+", shown))


@pytest.mark.parametrize("path", re.findall(r"\]\(([\w/.]+)\)", README))
def test_every_picture_and_page_is_there(path):
    assert (ROOT / Path(path)).is_file()
