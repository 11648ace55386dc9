"""The rooms and the arrows between them: read from CONTRIBUTING, held against the imports themselves."""

import ast
import importlib
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
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
NO_STATE = {"Lock", "RLock", "WeakKeyDictionary", "WeakValueDictionary", "lru_cache", "cache"}
# Import paths that outside users rely on; a name may be taken from them although they do not define it.
PROMISED = {
    "drift": "check",
    "drift.detector": "detect_prediction_drift",
    "drift.windows": "Column",
    "drift.monitor": "check",
    "storage": "open_log",
    "retrain.models": "FittedModel",
    "dashboard.api": "api",
}
# What a function of storage takes first, where it is handed something open, and the rooms where something else may.
FIRST = {"Database", "Catalogued", "sa.Connection"}
FIRST_IN = {
    # Below everything: what opens the transactions, and what brings an empty database its tables.
    "sa.Engine": {"database"},
    # A `Database` with its caches of segments, and a model as a connection sees it through them.
    "Shelf": {"segments"},
    "View": {"segments", "evidence"},
    # Above the log: what asks it whole questions. It is a `Database` too.
    "PredictionLog": {"importing", "upkeep"},
}
MOST_MODULES = 15
MODULES = sorted(path.relative_to(ROOT).as_posix() for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
WITHOUT_ROOTS = [module for module in MODULES if not module.endswith("__main__.py")]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


class Import(NamedTuple):
    """A name taken from a module; `name` is empty for `import module`."""

    module: str
    name: str
    line: int


@cache
def parsed(module: str) -> ast.Module:
    """Return the syntax tree of a module, given by its path from the root."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


@cache
def imports(module: str) -> tuple[Import, ...]:
    """Return what a module imports, wherever the statement stands."""
    found = []
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, "", node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; imports are absolute, from the repository root."
            found += [Import(node.module or "", alias.name, node.lineno) for alias in node.names]
    return tuple(found)


def dotted(module: str) -> str:
    """Return the name under which a file is imported."""
    return module.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


BY_NAME = {dotted(module): module for module in MODULES}


def target(imported: Import) -> str | None:
    """Return the module of ours that an import reads, None for a library."""
    whole = f"{imported.module}.{imported.name}"
    return whole if whole in BY_NAME else imported.module if imported.module in BY_NAME else None


def floors() -> dict[str, dict[str, int]]:
    """Return the floor of every room and lone module of a package, as CONTRIBUTING draws them."""
    block = re.search(r"```rooms\n(.*?)```", GUIDE, re.DOTALL)
    assert block, "CONTRIBUTING.md must hold a block ```rooms with a line a package; got none."
    found = {}
    for line in block[1].splitlines():
        package, drawn = line.split(maxsplit=1)
        found[package] = {room: k for k, floor in enumerate(drawn.split(" < ")) for room in floor.split(", ")}
    return found


def rooms() -> set[str]:
    """Return the folders that CONTRIBUTING says a sentence about."""
    found = set()
    for row in re.findall(r"^\| (`\w+/\w+`(?:, `\w+`)*) \|", GUIDE, re.MULTILINE):
        first, *more = re.findall(r"`([\w/]+)`", row)
        found |= {first, *(f"{first.split('/')[0]}/{name}" for name in more)}
    return found


FLOORS = floors()


def room_of(name: str) -> str:
    """Return the room of a dotted module of ours, or the module itself where it stands alone in its package."""
    return name.split(".")[1] if "." in name else ""


def test_every_folder_is_a_room_of_the_guide_and_has_its_floor():
    folders = {Path(module).parent.as_posix() for module in MODULES}
    inner = {folder for folder in folders if "/" in folder and "migrations" not in folder}
    assert inner == rooms()
    drawn = {f"{package}/{room}" for package, level in FLOORS.items() for room in level if f"{package}/{room}" in inner}
    assert drawn == inner


def climbing(module: str) -> Iterator[str]:
    """Yield the imports of a module that do not run down from floor to floor."""
    package, own = module.split("/")[0], room_of(dotted(module))
    level = FLOORS.get(package, {})
    if not level or not own or "migrations" in module:
        return  # a package without rooms, or the face of a package
    for imported in imports(module):
        other = target(imported)
        if other is None or not other.startswith(f"{package}.") or room_of(other) == own:
            continue
        if level[room_of(other)] >= level[own]:
            yield f"{module}:{imported.line} climbs from {own} to {other}."


def test_imports_run_down_from_floor_to_floor():
    assert [said for module in WITHOUT_ROOTS for said in climbing(module)] == []


def test_no_modules_import_each_other_in_a_circle():
    known = {name: module for name, module in BY_NAME.items() if not module.endswith("__init__.py")}
    graph = {name: {t for i in imports(module) if (t := target(i)) in known} - {name} for name, module in known.items()}
    assert list(TopologicalSorter(graph).static_order())  # a circle is an error that names its members


def test_no_folder_holds_more_modules_than_one_can_read():
    sizes = Counter(Path(m).parent.as_posix() for m in MODULES if not m.endswith("__init__.py") and "versions" not in m)
    assert {folder: n for folder, n in sizes.items() if n > MOST_MODULES} == {}


def defined_in(name: str) -> set[str]:
    """Return the names that a module defines at its top."""
    found = set()
    for node in parsed(BY_NAME[name]).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        found |= {part.id for each in targets for part in ast.walk(each) if isinstance(part, ast.Name)}
    return found


def borrowed(module: str) -> Iterator[str]:
    """Yield the names that a module takes from one that does not define them."""
    for imported in imports(module):
        lent = imported.module in BY_NAME and imported.name and target(imported) == imported.module
        if lent and imported.module not in PROMISED and imported.name not in defined_in(imported.module):
            yield f"{module}:{imported.line} {imported.module}.{imported.name}"


def test_a_name_is_taken_from_the_module_that_defines_it():
    assert [said for module in MODULES for said in borrowed(module)] == []


@pytest.mark.parametrize(("path", "name"), PROMISED.items())
def test_promised_import_paths_hold(path, name):
    assert hasattr(importlib.import_module(path), name)


def test_imports_follow_the_arrows_between_packages():
    for module in WITHOUT_ROOTS:
        package = module.split("/")[0]
        ours = {imported.module.split(".")[0] for imported in imports(module)} & set(MAY_IMPORT)
        allowed = MAY_IMPORT[package] | {package}
        assert ours <= allowed, f"{module} may import {sorted(allowed)}; it imports {sorted(ours)}."


def test_libraries_stay_in_their_package():
    for module in MODULES:
        package = module.split("/")[0]
        for library in {imported.module.split(".")[0] for imported in imports(module)} & set(ONLY_IN):
            if module not in MAY_ALSO.get(library, set()):
                assert package in ONLY_IN[library], f"{module} imports {library}; only {sorted(ONLY_IN[library])} may."


def attributes(module: str) -> set[str]:
    """Return the names and dotted names that a module uses."""
    return {ast.unparse(node) for node in ast.walk(parsed(module)) if isinstance(node, ast.Attribute | ast.Name)}


def test_drift_reads_no_clock_file_or_environment():
    for module in [m for m in WITHOUT_ROOTS if m.startswith("drift/")]:
        used = attributes(module) & NO_CLOCK
        assert not used, f"{module} must compute only; it uses {sorted(used)}."


def test_drift_remembers_nothing_between_calls():
    for module in [m for m in MODULES if m.startswith("drift/")]:
        for node in parsed(module).body:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                called = {ast.unparse(n.func).split(".")[-1] for n in ast.walk(node) if isinstance(n, ast.Call)}
                assert not called & NO_STATE, f"{module}:{node.lineno} keeps state in the module; hand it in."
        assert not [n for n in ast.walk(parsed(module)) if isinstance(n, ast.Global)], module


def test_only_the_monitor_names_the_source():
    users = {m for m in MODULES if m.startswith("drift/") and any(i.name == "Source" for i in imports(m))}
    assert {m for m in users if not m.startswith("drift/monitor/")} <= {"drift/__init__.py", "drift/__main__.py"}


def test_only_storage_opens_the_engine():
    for module in [m for m in MODULES if not m.startswith("storage/")]:
        used = {name for name in attributes(module) if name.endswith(".engine")}
        # An option of the command line is called so too.
        assert used <= {"storage.database.engine", "options.engine"}, f"{module} must hand the Database on; got {used}."


def public_functions(module: str) -> Iterator[ast.FunctionDef]:
    """Yield the public functions of a module and the public methods of its classes, but for what builds an object."""
    for node in parsed(module).body:
        for part in node.body if isinstance(node, ast.ClassDef) else [node]:
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("_"):
                yield part


def test_storage_asks_for_the_database_outside_a_transaction_and_for_the_connection_inside_one():
    wrong = []
    for module in [m for m in WITHOUT_ROOTS if m.startswith("storage/") and "migrations" not in m]:
        known = FIRST | {name for name, places in FIRST_IN.items() if room_of(dotted(module)) in places}
        for function in public_functions(module):
            taken = [a for a in function.args.args + function.args.kwonlyargs if a.arg not in ("self", "cls")]
            kinds = [ast.unparse(a.annotation) if a.annotation else "" for a in taken]
            if set(kinds) & (FIRST | FIRST_IN.keys()):
                named = kinds[0] not in ("Database", "Catalogued") or taken[0].arg == "database"
                if kinds[0] not in known or not named:
                    wrong.append(f"{module}:{function.lineno} {function.name}({taken[0].arg}: {kinds[0]}, ...)")
    assert wrong == []


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
        outside = {imported.module.split(".")[0] for imported in imports(module)}
        outside -= set(MAY_IMPORT) | set(sys.stdlib_module_names) | known
        # Streamlit and FastAPI both stand on starlette; FastAPI on pydantic; scikit-learn on threadpoolctl.
        assert outside <= {"starlette", "pydantic", "threadpoolctl"}, (
            f"{module}: {sorted(outside)} is not in requirements.txt."
        )
