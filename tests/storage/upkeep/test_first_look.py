"""After an import, or a new reference, the first page has nothing left to take in."""

import pytest

from drift.life.rule import RULE
from drift.monitor.references import prepare
from drift.monitor.source import monitored
from drift.monitor.watch import watch
from storage import open_log
from storage.__main__ import main
from storage.upkeep.first_look import look_ahead
from tests.retrain.conftest import COLUMNS, simulated


@pytest.fixture
def registered(log, environment):
    log.register("m", COLUMNS)
    return log


def is_up_to_date(log, reference):
    kept = log.ledger("m", reference).read()
    watched = {progress.mark.row_id for name, progress in kept.progress.items() if name in kept.phi}
    assert len(watched) == 1
    return log.stream("m", reference).n_after(watched.pop(), RULE.stride) < RULE.stride


def test_a_new_reference_is_watched_up_to_now(registered, capsys):
    registered.append("m", simulated(2_050))
    assert main(["freeze", "--model", "m", "--name", "training", "--rows", "500"]) == 0
    printed = capsys.readouterr()
    assert "rows since the reference are looked at for drift." in printed.out
    assert "1,550 of 1,550 rows looked at for drift" in printed.err
    assert is_up_to_date(registered, "training")


def test_an_import_is_watched_up_to_its_last_row(registered, tmp_path, capsys):
    frame = simulated(3_000)
    frame.to_parquet(tmp_path / "rows.parquet")
    given = {"--prediction": "prediction", "--label": "label", "--labelled-at": "labelled_at", "--score": "score"}
    named = [part for option, column in given.items() if column in frame for part in (option, column)]
    spare = [name for name in ("request_id", "entity_id", "version", "variant", "text") if name in frame]
    options = [*named, "--time", "predicted_at", *(["--ignore", ",".join(spare)] if spare else [])]
    assert main(["import", str(tmp_path / "rows.parquet"), "--model", "m", *options, "--reference-rows", "1000"]) == 0
    assert "2,000 rows since the reference are looked at for drift." in capsys.readouterr().out
    assert is_up_to_date(registered, "training")


def test_without_a_reference_there_is_nothing_to_look_at(registered):
    registered.append("m", simulated(200))
    assert look_ahead(registered, "m", lambda *_: pytest.fail("nothing was to be read")) == 0


def test_looking_ahead_leaves_what_a_look_would_have_left(registered, sqlite_url):
    registered.append("m", simulated(2_000))
    registered.freeze_reference("m", "training", rows=500)
    look_ahead(registered, "m", lambda *_: None)
    ahead = registered.ledger("m", "training").read(states=True)
    columns = monitored(registered, "m")
    other = open_log(sqlite_url)
    watch(other, "m", prepare(other, "m", "training", columns), columns)
    assert other.ledger("m", "training").read(states=True) == ahead
    other.close()
