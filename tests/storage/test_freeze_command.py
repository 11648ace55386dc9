import pytest

from storage import open_log
from storage.__main__ import main
from tests.retrain.conftest import COLUMNS, simulated


@pytest.fixture(autouse=True)
def _rows(log, monkeypatch, sqlite_url):
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    log.register("m", COLUMNS)
    log.append("m", simulated(2_000))


@pytest.fixture
def log(sqlite_url):
    opened = open_log(sqlite_url)
    yield opened
    opened.close()


def test_rows_are_frozen_by_number_or_by_time(log, capsys):
    assert main(["freeze", "--model", "m", "--name", "first", "--rows", "500"]) == 0
    assert "Reference 'first': 500 rows, 2026-11-01 00:00 to 2026-11-01 08:19 UTC." in capsys.readouterr().out
    assert (
        main(["freeze", "--model", "m", "--name", "second day", "--from", "2026-11-02", "--to", "2026-11-02T01:00"])
        == 0
    )
    assert [(reference.name, reference.n) for reference in log.references("m")] == [("first", 500), ("second day", 60)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rows", "5", "--from", "2026-11-02"], "--rows, or --from and --to; got both"),
        (["--from", "2026-11-02"], "must be given by start and end, or by rows"),
        (["--from", "2027-11-02", "--to", "2027-11-03"], "a reference must hold rows"),
    ],
)
def test_what_cannot_be_frozen_is_said(options, said, log, capsys):
    assert main(["freeze", "--model", "m", "--name", "n", *options]) == 2
    assert said in capsys.readouterr().err
    assert log.references("m") == ()
