"""README and its chapters as they stand: their blocks, the commands in them, their links and headings."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

CHAPTERS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md"))
# What people read to use the product; its blocks are run.
GUIDE = ["README.md", *CHAPTERS]
DOCUMENTS = [*GUIDE, "CONTRIBUTING.md", "CHANGELOG.md"]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    text: str


def text_of(document: str) -> str:
    """Return a document's text."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """Return the fenced blocks of a document, from top to bottom."""
    return [Block(language, text) for language, text in _FENCE.findall(text_of(document))]


def prose(document: str) -> str:
    """Return a document without its fenced blocks."""
    return _FENCE.sub("", text_of(document))


def commands(shell: str) -> list[str]:
    r"""Return the commands of a shell block: lines that go on are one command, and so are lines within quotes.

    Examples
    --------
    >>> commands("python -m drift \\\n  check   # one\ncurl -d '{\n}' host\n")
    ['python -m drift   check', "curl -d '{\n}' host"]
    """
    found, begun = [], ""
    for line in shell.replace("\\\n", " ").splitlines():
        begun = f"{begun}\n{line}" if begun else line
        try:
            shlex.split(begun, comments=True)
        except ValueError:  # a quote is still open
            continue
        found.append(re.sub(r"\s+#\s[^\n]*\Z", "", begun).replace("  ", " ").strip())
        begun = ""
    assert not begun, f"a quote is never closed: {begun!r}"
    return [command for command in found if command]


def inline_commands(document: str) -> list[str]:
    """Return the commands that stand in the middle of a sentence."""
    return [code for code in re.findall(r"`([^`]+)`", prose(document)) if code.startswith("python -m ")]


def links(document: str) -> list[str]:
    """Return where the links and pictures of a document lead to."""
    return _LINK.findall(prose(document))


def anchors(document: str) -> set[str]:
    """Return the anchors that GitHub gives to a document's headings.

    Examples
    --------
    >>> "the-two-databases-and-the-log" in anchors("README.md")
    False
    """
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(document)))
    return {heading.strip().replace(" ", "-") for heading in kept}


def target(document: str, link: str) -> tuple[Path, str]:
    """Return the file that a link leads to, and the anchor in it, which may be empty."""
    place, _, anchor = link.partition("#")
    return ((ROOT / document).parent / place if place else ROOT / document).resolve(), anchor
