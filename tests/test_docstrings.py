"""Where arrays, samples, frames and counts pass, the docstring says of what shape they are."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
# The packages that hold to it; a name is all that another one needs to be held.
HELD = ("drift", "storage", "retrain", "seed", "dashboard")
# What has a shape, and what of drift/ holds columns of it.
ARRAYS = {"ndarray", "ArrayLike"}
FRAMES = {"DataFrame", "Series"}
SAMPLES = {"Sample", "NumericSample", "CategoricalSample"}
COUNTS = {"Reference", "NumericReference", "CategoricalReference", "ColumnCounts", "ReferenceGrid", "Table"}
ROWS = {"Rows", "Buckets", "Outcomes"}
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


class Public(NamedTuple):
    """A function, method or property that others may call, and where it stands."""

    where: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    shaped: frozenset[str]  # the types of its module that have a shape

    @property
    def doc(self) -> str:
        return ast.get_docstring(self.node) or ""

    @property
    def is_property(self) -> bool:
        names = {ast.unparse(decorator).split(".")[-1] for decorator in self.node.decorator_list}
        return bool(names & {"property", "cached_property"})

    @property
    def parameters(self) -> dict[str, set[str]]:
        """The types that the annotation of each parameter names."""
        said = self.node.args
        every = [*said.posonlyargs, *said.args, *said.kwonlyargs, said.vararg, said.kwarg]
        return {part.arg: names_in(part.annotation) for part in every if part is not None}

    @property
    def returned(self) -> set[str]:
        """The types that the annotation of what is returned names; nothing for None."""
        return names_in(self.node.returns) - {"None"}


def names_in(annotation: ast.expr | None) -> set[str]:
    """Return the names in an annotation, of dotted ones the last; strings are read as code."""
    if annotation is None:
        return set()
    found = set()
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= set(re.findall(r"\w+", node.value))
        elif isinstance(node, ast.Constant) and node.value is None:
            found.add("None")
        elif isinstance(node, ast.Name | ast.Attribute):
            found.add(ast.unparse(node).split(".")[-1])
    return found


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def sections(doc: str) -> dict[str, str]:
    """Return the numpydoc sections of a docstring, the summary under an empty name."""
    found, name = {"": []}, ""
    lines = doc.splitlines()
    for at, line in enumerate(lines):
        if at + 1 < len(lines) and line and re.fullmatch("-{3,}", lines[at + 1]):
            name = line.strip()
            found[name] = []
        elif not re.fullmatch("-{3,}", line):
            found[name].append(line)
    return {name: "\n".join(body) for name, body in found.items()}


def named(section: str) -> set[str]:
    """Return the names that a section of a docstring describes: `a, b : of this kind`."""
    heads = (line.split(" : ")[0] for line in section.splitlines() if line and not line.startswith(" "))
    return {name.strip(" *`") for head in heads for name in head.split(",")}


def python_of(package: str) -> list[Path]:
    """Return the modules of a package, but not the scripts and the command lines."""
    return sorted(path for path in (ROOT / package).rglob("*.py") if path.name != "__main__.py")


def shaped_in(path: Path) -> frozenset[str]:
    """Return the types that have a shape in a module: `Reference` is another one where it does not come from drift/."""
    of_drift = SAMPLES | COUNTS | ROWS
    if path.relative_to(ROOT).parts[0] != "drift":
        lent = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom)]
        of_drift &= {alias.name for node in lent if (node.module or "").startswith("drift.") for alias in node.names}
    return frozenset(ARRAYS | FRAMES | of_drift)


def classes_of(package: str) -> Iterator[tuple[Path, ast.ClassDef]]:
    """Yield the public classes of a package and where they stand."""
    for path in python_of(package):
        for node in parsed(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield path, node


def place(path: Path, node: ast.stmt, name: str) -> str:
    """Return where something stands, as an editor reads it."""
    return f"{path.relative_to(ROOT)}:{node.lineno} {name}"


def public_of(package: str) -> Iterator[Public]:
    """Yield the public functions of a package, and the public methods and properties of its public classes."""
    for path in python_of(package):
        for node in parsed(path).body:
            if isinstance(node, FUNCTION) and not node.name.startswith("_"):
                yield Public(place(path, node, node.name), node, shaped_in(path))
    for path, owner in classes_of(package):
        for node in owner.body:
            if isinstance(node, FUNCTION) and not node.name.startswith("_"):
                yield Public(place(path, node, f"{owner.name}.{node.name}"), node, shaped_in(path))


def unsaid(public: Public) -> Iterator[str]:
    """Yield what the docstring of a function leaves to be guessed about the arrays that pass through it."""
    shaped = {name for name, types in public.parameters.items() if types & public.shaped}
    found = sections(public.doc)
    if public.is_property:
        if public.returned & ARRAYS and "shape" not in public.doc:
            yield "the shape of what it is"
        return
    if missing := shaped - named(found.get("Parameters", "")):
        yield f"Parameters: {', '.join(sorted(missing))}"
    raw = {name for name, types in public.parameters.items() if types & ARRAYS}
    if raw and not shaped - named(found.get("Parameters", "")) and "shape" not in found.get("Parameters", ""):
        yield "the shapes of Parameters"
    if (shaped and public.returned) or public.returned & public.shaped:
        if "Returns" not in found:
            yield "Returns"
        elif public.returned & ARRAYS and "shape" not in found["Returns"]:
            yield "the shape of what it Returns"


@pytest.mark.parametrize("package", HELD)
def test_what_takes_or_returns_an_array_says_of_what_shape(package):
    assert [f"{public.where} must say {what}" for public in public_of(package) for what in unsaid(public)] == []


@pytest.mark.parametrize("package", HELD)
def test_a_class_that_holds_arrays_says_of_what_shape(package):
    silent = []
    for path, owner in classes_of(package):
        fields = [node for node in owner.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
        arrays = {node.target.id for node in fields if names_in(node.annotation) & ARRAYS}
        found = sections(ast.get_docstring(owner) or "")
        said = found.get("Attributes", "")
        if arrays - named(said) or (arrays and "shape" not in said):
            silent.append(f"{place(path, owner, owner.name)} must say under Attributes: {', '.join(sorted(arrays))}")
    assert silent == []


def said_badly(code: str) -> list[str]:
    """Return what the docstring of the first function in some code leaves to be guessed."""
    node = ast.parse(code).body[0]
    assert isinstance(node, FUNCTION)
    return list(unsaid(Public("code", node, frozenset(ARRAYS))))


def test_what_is_left_to_be_guessed_is_found():
    doc = '"""Sum.\n\n    Parameters\n    ----------\n    a, b : arrays{}\n    {}"""'
    head = "def f(a: np.ndarray, b: 'np.ndarray | None', n: int) -> np.ndarray:\n    "
    assert said_badly(f"{head}pass") == ["Parameters: a, b", "Returns"]
    assert said_badly(head + doc.format("", "")) == ["the shapes of Parameters", "Returns"]
    assert said_badly(head + doc.format(", shape (n,)", "")) == ["Returns"]
    returns = "\n    Returns\n    -------\n    float array"
    assert said_badly(head + doc.format(", shape (n,)", returns)) == ["the shape of what it Returns"]
    assert said_badly(head + doc.format(", shape (n,)", returns + ", shape (n,)")) == []
