import pytest

from drift.data.windows import LastRows
from storage.__main__ import main
from storage.database.audit import read_audit
from tests.retrain.conftest import COLUMNS, simulated

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture
def filled(log, environment):
    log.register("m", COLUMNS)
    log.append("m", simulated(2_000))
    return log


def test_rows_are_frozen_by_number_or_by_time(filled, capsys):
    assert main(["freeze", "--model", "m", "--name", "first", "--rows", "500"]) == 0
    assert "Reference 'first': 500 rows, 2026-11-01 00:00 to 2026-11-01 08:19 UTC." in capsys.readouterr().out
    assert (
        main(["freeze", "--model", "m", "--name", "second day", "--from", "2026-11-02", "--to", "2026-11-02T01:00"])
        == 0
    )
    assert [(reference.name, reference.n) for reference in filled.references("m")] == [
        ("first", 500),
        ("second day", 60),
    ]


def test_the_newest_rows_are_frozen_and_the_audit_list_says_by_whom(filled):
    assert main(["freeze", "--model", "m", "--name", "autumn", "--newest", "300", "--by", "ana"]) == 0
    (frozen,) = filled.references("m")
    newest = filled.extent("m", LastRows(300))
    assert (frozen.n, frozen.start, frozen.end) == (300, newest.start, newest.end)
    assert filled.read_reference("m", "autumn", COLUMNS[:1])[COLUMNS[0].name].values.tolist() == (
        filled.read_window("m", LastRows(300), COLUMNS[:1])[COLUMNS[0].name].values.tolist()
    )
    (entry,) = read_audit(filled, "m")
    assert (entry.actor, entry.action, dict(entry.detail)) == ("ana", "freeze", {"reference": "autumn", "n_rows": 300})


def test_a_reference_that_is_refused_is_not_in_the_audit_list(filled):
    assert main(["freeze", "--model", "m", "--name", "previous", "--newest", "300", "--by", "ana"]) == 2
    assert read_audit(filled, "m") == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rows", "5", "--from", "2026-11-02"], "--rows, or --from and --to; got both"),
        (["--rows", "5", "--newest", "5"], "or by rows, or by the newest rows"),
        (["--newest", "5", "--from", "2026-11-02"], "or by rows, or by the newest rows"),
        ([], "or by rows, or by the newest rows"),
        (["--from", "2026-11-02"], "must be given by start and end, or by rows"),
        (["--from", "2027-11-02", "--to", "2027-11-03"], "a reference must hold rows"),
    ],
)
def test_what_cannot_be_frozen_is_said(options, said, filled, capsys):
    assert main(["freeze", "--model", "m", "--name", "n", *options]) == 2
    assert said in capsys.readouterr().err
    assert filled.references("m") == ()
