"""Questions on demand, on a real log and from the command line: all columns at once, and what the texts say."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from drift.__main__ import main
from drift.data.windows import Column, LastRows, RowSpan
from drift.monitor.questions import joint, words
from storage import open_log

START = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = (Column("x", "numeric"), Column("y", "numeric"), Column("prediction", "categorical", "prediction"))
OLD, NEW = ["good", "bad", "tea", "cup", "price", "shop", "fine", "slow"], ["sick", "lit", "bruh"]
N, N_REFERENCE, CHANGE = 900, 300, 600


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """A log whose two columns turn their correlation, and whose texts turn to new words, at row 600."""
    url = f"sqlite:///{tmp_path_factory.mktemp('ask')}/drift.db"
    rng = np.random.default_rng(15)
    rows = []
    for k in range(N):
        x = rng.normal()
        said = rng.choice(OLD if k < CHANGE else OLD[:4] + NEW, 6)
        rows.append(
            {
                "predicted_at": START + timedelta(minutes=k),
                "x": x,
                "y": (0.9 if k < CHANGE else -0.9) * x + 0.4 * rng.normal(),
                "prediction": "a",
                "text": " ".join(said),
            }
        )
    log = open_log(url)
    log.register("m", COLUMNS)
    log.append("m", rows)
    log.freeze_reference("m", "training", rows=N_REFERENCE)
    log.close()
    return url


@pytest.fixture
def explored(url):
    log = open_log(url)
    yield log
    log.close()


def test_columns_that_changed_together_are_found(explored):
    found = joint(explored, "m", LastRows(250), None)
    assert found.p_value < 1e-6
    assert (found.n_reference, found.n) == (N_REFERENCE, 250)
    assert {name for name, _ in found.importances} == {"x", "y"}


def test_the_words_of_a_window_are_held_against_those_of_the_reference(explored):
    found = words(explored, "m", LastRows(250), "training")
    assert {new.word for new in found.words.top} == set(NEW)
    assert found.distance.p_value <= 0.01
    assert found.words.n_reference_texts == N_REFERENCE


def test_few_texts_have_words_and_no_distance(explored):
    found = words(explored, "m", LastRows(30), None)
    assert found.distance is None
    assert "must be at least 100 in the reference and 50 in the window" in found.said


@pytest.mark.parametrize("command", ["joint", "words"])
def test_both_are_asked_on_the_command_line(url, monkeypatch, capsys, command):
    monkeypatch.setenv("DRIFT_DATABASE_URL", url)
    assert main([command, "--model", "m", "--last", "250", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sentence"]
    assert main([command, "--model", "m", "--last", "250"]) == 0
    assert told["sentence"] in capsys.readouterr().out


def test_a_reference_that_is_not_there_is_named(url, monkeypatch, capsys):
    monkeypatch.setenv("DRIFT_DATABASE_URL", url)
    assert main(["joint", "--model", "m", "--reference", "other"]) == 2
    assert "reference must be a frozen one (training); got 'other'" in capsys.readouterr().err


def test_the_columns_and_words_of_two_windows_are_compared_without_a_reference(explored):
    first, last = RowSpan(0, 250), LastRows(250)
    assert joint(explored, "m", last, first).p_value < 1e-6
    assert joint(explored, "m", RowSpan(250, 500), first).p_value > 1e-3
    assert {new.word for new in words(explored, "m", last, first).words.top} == set(NEW)
