"""Where a rule of ruff or mypy is switched off, the line says why."""

import io
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("drift", "storage", "retrain", "seed", "dashboard", "tests")
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore)\b")
# The rule, and of the reason two words at least.
REASONED = re.compile(r"#\s*(noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|type: ignore\[[a-z, -]+\]) +(# )?\w+[^\w#]+\w+")


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the comments of a module with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_every_suppression_names_its_rule_and_its_reason():
    bare = []
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        for line, comment in comments(path.read_text(encoding="utf-8")):
            if SUPPRESSION.search(comment) and not REASONED.search(comment):
                bare.append(f"{path.relative_to(ROOT)}:{line} {comment}")
    assert bare == []


def test_every_rule_that_is_ignored_throughout_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ignored = tomllib.loads(text)["tool"]["ruff"]["lint"]["ignore"]
    assert ignored
    for rule in ignored:
        assert re.search(rf'^ *"{rule}", # \w+ \w+', text, re.MULTILINE), f"{rule} must have a reason in its line."


def test_a_suppression_without_a_reason_is_seen():
    for bare in ("# noqa", "# noqa: S608", "# type: ignore", "# type: ignore[index]", "# noqa: E402  late"):
        assert SUPPRESSION.search(bare)
        assert not REASONED.search(bare)
