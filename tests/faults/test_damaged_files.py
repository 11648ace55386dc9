"""Files that are no database, or only part of one: refused with a sentence and left as they are."""

import pytest

from drift.__main__ import main as drift
from storage import open_log
from storage.__main__ import main as storage
from tests.faults.writer import COLUMNS, MODEL, START

pytestmark = pytest.mark.slow

COMMANDS = {
    "verify": (storage, ["verify"]),
    "import": (storage, ["import", "rows.csv", "--model", MODEL, "--time", "when"]),
    "check": (drift, ["check", "--model", MODEL]),
}


@pytest.fixture
def database(sqlite_url, tmp_path, monkeypatch):
    """Path of a database of 10,000 rows that the commands will open."""
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("when,amount\n2026-09-01,1\n", encoding="utf-8")
    log = open_log(sqlite_url)
    log.register(MODEL, COLUMNS)
    log.append(MODEL, [{"predicted_at": START, "amount": k, "channel": "web"} for k in range(10_000)])
    log.close()
    return tmp_path / "drift.db"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("share", [0.01, 0.4, 0.7, 0.95, 0.999])
def test_a_truncated_file_is_refused_with_a_sentence(database, share, command, capsys):
    part = database.read_bytes()[: int(database.stat().st_size * share)]
    database.write_bytes(part)
    run, arguments = COMMANDS[command]
    assert run(arguments) == 2
    assert "must be a whole SQLite database; it holds" in capsys.readouterr().err
    assert database.read_bytes() == part


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("content", [b"PK\x03\x04 a spreadsheet", b"hello", bytes(100_000)])
def test_a_foreign_file_is_refused_with_a_sentence(database, content, command, capsys):
    database.write_bytes(content)
    run, arguments = COMMANDS[command]
    assert run(arguments) == 2
    assert "must be an SQLite database" in capsys.readouterr().err
    assert database.read_bytes() == content
