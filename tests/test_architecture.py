"""The arrows between the packages, read from the imports themselves."""

import ast
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

MAY_IMPORT = {
    "drift": set(),
    "storage": {"drift"},
    "retrain": {"drift", "storage"},
    "seed": {"drift", "storage", "retrain"},
    "dashboard": {"drift", "storage", "retrain"},
}
ONLY_IN = {
    "streamlit": {"dashboard"},
    "plotly": {"dashboard"},
    "fastapi": {"dashboard"},
    "sqlalchemy": {"storage"},
    "alembic": {"storage"},
    "sklearn": {"retrain", "seed"},
    "skops": {"retrain"},
}
# The two modules of drift/ that fit something, and only when they are asked to.
MAY_ALSO = {"sklearn": {"drift/text/joint.py", "drift/text/meaning.py"}}
NO_CLOCK = {"time.time", "datetime.now", "datetime.utcnow", "os.environ", "open"}
MODULES = sorted(path.relative_to(ROOT).as_posix() for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def imported_names(module: str) -> set[str]:
    """Return the dotted names that a module imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; imports are absolute, from the repository root."
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("module", MODULES)
def test_imports_follow_the_arrows(module):
    package = module.split("/")[0]
    if module.endswith("__main__.py"):
        return  # composition roots
    ours = {name.split(".")[0] for name in imported_names(module)} & set(MAY_IMPORT)
    allowed = MAY_IMPORT[package] | {package}
    assert ours <= allowed, f"{module} may import {sorted(allowed)}; it imports {sorted(ours)}."


@pytest.mark.parametrize("module", MODULES)
def test_libraries_stay_in_their_package(module):
    package = module.split("/")[0]
    for library in {name.split(".")[0] for name in imported_names(module)} & set(ONLY_IN):
        if module in MAY_ALSO.get(library, set()):
            continue
        assert package in ONLY_IN[library], f"{module} imports {library}; only {sorted(ONLY_IN[library])} may."


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("drift/") and not m.endswith("__main__.py")])
def test_drift_reads_no_clock_file_or_environment(module):
    source = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    calls = {ast.unparse(node) for node in ast.walk(source) if isinstance(node, ast.Attribute | ast.Name)}
    assert not calls & NO_CLOCK, f"{module} must compute only; it uses {sorted(calls & NO_CLOCK)}."


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("drift/")])
def test_no_module_of_drift_remembers_anything(module):
    # What is remembered has an owner: a source and a prepared reference carry a `drift.monitor.memory.Memory`.
    makes_state = ("WeakKeyDictionary", "WeakSet", "Lock", "RLock", "OrderedDict", "defaultdict", "deque", "Memory")
    for node in ast.parse((ROOT / module).read_text(encoding="utf-8")).body:
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
        made = ast.unparse(value.func).split(".")[-1] if isinstance(value, ast.Call) else ""
        empty = isinstance(value, ast.Dict | ast.List) and not ast.unparse(value).strip("[]{}")
        keeps = made in makes_state or empty
        assert not keeps, f"{module} keeps state of its own: {ast.unparse(node)}."


def test_no_file_of_the_dashboard_is_named_like_a_package():
    # Streamlit puts a page's own folder first on the path: dashboard/drift.py would hide drift/.
    names = {path.stem for path in (ROOT / "dashboard").rglob("*.py")}
    assert not names & set(MAY_IMPORT)


def test_no_module_is_named_for_nothing():
    names = {Path(module).stem for module in MODULES}
    assert not names & {"utils", "helpers", "common", "base"}


def test_every_third_party_import_is_a_requirement():
    files = ("requirements.txt", "requirements-dbos.txt")
    lines = [line for name in files for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    required = {line.split("~=")[0].split("[")[0].strip().lower() for line in lines if line and line[0] not in "#-"}
    module_of = {"scikit-learn": "sklearn"}
    known = {module_of.get(name, name) for name in required}
    for module in MODULES:
        outside = {name.split(".")[0] for name in imported_names(module)}
        outside -= set(MAY_IMPORT) | set(sys.stdlib_module_names) | known
        # Streamlit and FastAPI both stand on starlette; FastAPI on pydantic; scikit-learn on threadpoolctl.
        assert outside <= {"starlette", "pydantic", "threadpoolctl"}, (
            f"{module}: {sorted(outside)} is not in requirements.txt."
        )
