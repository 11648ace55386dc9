"""README and its chapters say what is so, and lead to each other."""

import inspect
import pkgutil
import re
import shlex
import subprocess
import sys
from functools import cache
from itertools import takewhile

import pytest

from storage.settings import Settings
from tests.conftest import ROOT
from tests.documents.reading import (
    CHAPTERS,
    DOCUMENTS,
    anchors,
    inline_commands,
    links,
    target,
    text_of,
)
from tests.documents.test_commands import NOT_RUN

README = text_of("README.md")
# What is run is shown to work: these are not, so that at least their options are looked at.
LOOKED_AT = sorted({*NOT_RUN, *(command for name in DOCUMENTS for command in inline_commands(name))})
LINKS = [(name, link) for name in DOCUMENTS for link in links(name) if not link.startswith("https://")]


def requirements(name: str) -> set[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[\[~]", line)[0] for line in lines if line and line[0] not in "#-"}


def test_the_first_screen_holds_the_two_commands():
    first_screen = "\n".join(README.splitlines()[:16])
    assert "pip install -r requirements.txt && streamlit run dashboard/app.py" in first_screen
    assert "pip install -r requirements-dev.txt && pytest" in first_screen


def test_readme_is_two_screens_with_one_picture():
    assert len(README.splitlines()) <= 110
    assert len(re.findall(r"!\[", README)) == 1


def test_readme_leads_to_every_chapter():
    assert set(CHAPTERS) <= set(links("README.md"))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_begins_by_saying_for_whom_it_is(chapter):
    title, empty, first = text_of(chapter).splitlines()[:3]
    assert title.startswith("# ")
    assert empty == ""
    assert re.fullmatch(r"\*For whoever .+\.\*", first)


def test_every_requirement_is_named_with_its_reason():
    named = set(re.findall(r"[\w-]+", README.partition("## What it stands on")[2]))
    files = ("requirements.txt", "requirements-dev.txt", "requirements-dbos.txt")
    assert set().union(*map(requirements, files)) <= named


def test_every_setting_is_described():
    read = set(re.findall(r'"(DRIFT_\w+)"', inspect.getsource(inspect.getmodule(Settings))))
    assert read == set(re.findall(r"^\| `(DRIFT_\w+)`", text_of("docs/settings.md"), re.MULTILINE))


@cache
def options_of(module: str, named: tuple[str, ...]) -> frozenset[str]:
    """Return the options in the help of a module's command; of some of the words, where the last are arguments."""
    for n_named in range(len(named), -1, -1):
        asked = [sys.executable, "-m", module, *named[:n_named], "--help"]
        answer = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True)
        if answer.returncode == 0:
            return frozenset(re.findall(r"--[\w-]+", answer.stdout))
    raise AssertionError(f"python -m {module} --help ends with an error: {answer.stderr}")


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in LOOKED_AT if command.startswith("python -m ")])
def test_a_command_that_is_named_has_the_options_that_are_shown(command):
    words = shlex.split(command, comments=True)[2:]
    # The module, then its commands: some have two words, as in `schedule add`.
    named = tuple(takewhile(lambda word: not word.startswith("-"), words[1:3]))
    assert {word for word in words if word.startswith("--")} <= options_of(words[0], named)


@pytest.mark.parametrize(("document", "link"), LINKS)
def test_every_link_leads_somewhere(document, link):
    path, anchor = target(document, link)
    assert path.is_relative_to(ROOT), "a link must stay within the project."
    assert path.is_file()
    if anchor:
        assert anchor in anchors(path.relative_to(ROOT).as_posix())


def test_every_picture_is_shown_or_has_a_light_twin_that_is():
    shown = {target(document, link)[0] for document, link in LINKS}
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.with_name(picture.name.replace("_dark", "_light")) in shown, picture


def test_what_is_promised_to_stay_is_there():
    promised = text_of("docs/your_data.md").partition("## What stays where it is\n")[2].partition("\n## ")[0]
    names = re.findall(r"`((?:drift|storage|retrain|seed|dashboard)[.:\w]+)`", promised)
    assert len(names) >= 8
    for name in names:
        assert pkgutil.resolve_name(name.replace(":", ".")) is not None
