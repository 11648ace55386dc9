"""What tests of several packages share: real databases, an open log, and the rule that nothing is silently skipped."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest

from storage import PredictionLog, open_log
from storage.database.settings import Settings
from tests.retrain.fake_channel import FakeChannel

ROOT = Path(__file__).parents[1]
# Real data lies beside a developer's checkout and is not shipped: without it, there are no tests of it.
collect_ignore = [] if (ROOT.parent / "shared" / "data").is_dir() else ["test_car_loans.py"]
REQUIRE_ALL = os.environ.get("DRIFT_REQUIRE_ALL") == "1"
# Before scikit-learn is imported, and for every process that a test starts: threads that spin make small fits a
# hundred times slower on a busy machine, and tests run side by side.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# An example, and making one up, may take as long as a busy machine needs.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time try more requests on the API."""
    parser.addoption("--api-cases", type=int, default=320, help="requests made up from the API's own document")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Share tests out among as many processes as there are cores; files that are named run in this one, at once."""
    if all(".py" in argument for argument in config.args):
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let a test run on each database if it is marked so, or asks for the URL where no `settings` stand between."""
    chosen = any("database_url" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize"))
    if "database_url" not in metafunc.fixturenames or chosen:
        return
    if "settings" not in metafunc.fixturenames or metafunc.definition.get_closest_marker("each_database"):
        metafunc.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


def require(present: object, what: str) -> None:
    """Skip a test that needs an absent program; fail instead where everything must be there."""
    if not present:
        message = f"{what} is missing: install it (Debian: apt install {what}) to run this test."
        if REQUIRE_ALL:
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("DRIFT_") and name != "DRIFT_REQUIRE_ALL"]:
        monkeypatch.delenv(name)


@pytest.fixture
def log(settings: Settings) -> Iterator[PredictionLog]:
    """An open log without models."""
    opened = open_log(settings.database_url)
    yield opened
    opened.close()


@pytest.fixture
def settings(database_url: str, artifacts: Path) -> Settings:
    """Settings of a product of its own, which starts neither a worker nor the demo."""
    return Settings(database_url=database_url, artifacts=artifacts, worker="external", demo=False)


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of commands and pages, which names what `settings` name."""
    monkeypatch.setenv("DRIFT_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("DRIFT_ARTIFACTS", str(settings.artifacts))
    monkeypatch.setenv("DRIFT_WORKER", settings.worker)
    monkeypatch.setenv("DRIFT_DEMO", "0")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """Where the models of `settings` lie; the folder is not there yet."""
    return tmp_path / "models"


@pytest.fixture
def hook() -> Iterator[FakeChannel]:
    """A channel for alerts: an HTTP server that records what it is sent."""
    opened = FakeChannel()
    yield opened
    opened.close()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of a database that holds no rows: an SQLite file, or PostgreSQL where a test runs on each."""
    kind = getattr(request, "param", "sqlite")
    url: str = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without tables: no file, or nothing in PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    with postgres_database(request.getfixturevalue("postgres_server"), database_name(request)) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """URL of an SQLite file with the tables of this release and nothing in them."""
    shutil.copy(sqlite_template, tmp_path / "drift.db")
    return f"sqlite:///{tmp_path}/drift.db"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the tables of this release, to be copied: to make them takes twelve times as long."""
    file = tmp_path_factory.mktemp("template") / "drift.db"
    open_log(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a PostgreSQL database with the tables of this release and nothing in them."""
    with postgres_database(postgres_server, database_name(request), postgres_template) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[str]:
    """Name of a database with the tables of this release, to be copied."""
    with postgres_database(postgres_server, "with_tables") as url:
        open_log(url).close()
        yield "with_tables"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of our own; its base URL."""
    with postgres_process() as base_url:
        yield base_url


def database_name(request: pytest.FixtureRequest) -> str:
    """Return a name that no other test of this process has."""
    return f"t{abs(hash(request.node.nodeid)):x}"


@contextmanager
def postgres_process() -> Iterator[str]:
    """Run a PostgreSQL server on a socket in a temporary folder; yield its base URL."""
    programs = _postgres_programs()
    require(programs, "postgresql")
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="drift-pg-"))
    # The server refuses to run as root.
    as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "nobody", "nogroup")
    environment = os.environ | {"LC_ALL": "C", "HOME": str(folder)}

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL)

    data = folder / "data"
    run(str(programs / "initdb"), "-D", str(data), "-U", "drift", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=100"
    run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://drift@/{{database}}?host={folder}"
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_database(server: str, database: str, template: str = "template1") -> Iterator[str]:
    """Make a database, empty or like another one, for as long as the block lasts; yield its URL."""
    import psycopg
    from psycopg import sql

    name = sql.Identifier(database)
    admin = server.format(database="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
    yield server.format(database=database)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _postgres_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl; Debian keeps them off the path, one folder per version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None
