"""What tests of several packages share: real databases, and the rule that nothing is silently skipped."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Real data lies beside a developer's checkout and is not shipped: without it, there are no tests of it.
collect_ignore = [] if (Path(__file__).parents[2] / "shared" / "data").is_dir() else ["test_car_loans.py"]
REQUIRE_ALL = os.environ.get("DRIFT_REQUIRE_ALL") == "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let whoever has the time try more requests on the API."""
    parser.addoption("--api-cases", type=int, default=320, help="requests made up from the API's own document")


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
def sqlite_url(tmp_path: Path) -> str:
    """URL of an SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path}/drift.db"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server of our own; its base URL."""
    with postgres_process() as base_url:
        yield base_url


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


@pytest.fixture
def postgres_url(postgres_server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a new, empty PostgreSQL database."""
    with postgres_database(postgres_server, f"t{abs(hash(request.node.nodeid)):x}") as url:
        yield url


@contextmanager
def postgres_database(server: str, database: str) -> Iterator[str]:
    """Make an empty database for as long as the block lasts; yield its URL."""
    import psycopg
    from psycopg import sql

    name = sql.Identifier(database)
    admin = server.format(database="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty database: the storage contract is the same on both."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url
