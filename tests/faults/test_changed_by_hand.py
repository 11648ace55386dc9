"""Bytes of derived tables that something else has changed: verify finds and names them, rebuild mends them."""

import sqlite3

import numpy as np
import pandas as pd
import pytest

from storage.__main__ import main
from tests.faults.writer import COLUMNS, MODEL, START

pytestmark = pytest.mark.slow

N_ROWS = 30_000
CHANGES = {
    "a value of a segment": (
        "UPDATE segment_values SET data = zeroblob(length(data)) WHERE k = 1 AND position = 0",
        "model 'm': segment 1, column 'amount': the stored values are not those of the log.",
    ),
    "a segment cut short": (
        "UPDATE segment_values SET data = substr(data, 1, length(data) - 3) WHERE k = 2 AND position = 0",
        "model 'm': segment 2, column 'amount': the stored values cannot be read.",
    ),
    "the times of a segment": (
        "UPDATE segment_values SET data = x'00' WHERE k = 0 AND position = -1",
        "model 'm': segment 0, times: the stored values cannot be read.",
    ),
    "the counts of a segment": (
        "UPDATE segment_histogram SET data = zeroblob(length(data)) WHERE k = 1 AND position = 1",
        "model 'm': segment 1, column 'channel': the counts for reference 1 are not those of its values.",
    ),
    "a row of the log": (
        "DELETE FROM prediction_m WHERE id = (SELECT min(id) FROM prediction_m)",
        "model 'm': segment 0, number of rows: 8,192 are noted, the log holds 8,191.",
    ),
    "a row of the log's values": (
        "UPDATE prediction_m SET amount = 77 WHERE id = (SELECT min(id) FROM prediction_m)",
        "model 'm': segment 0, column 'amount': the stored values are not those of the log.",
    ),
    "a segment that is gone": (
        "DELETE FROM segment WHERE k = 2",
        "model 'm': the last segment does not end at the watermark.",
    ),
}


@pytest.fixture
def database(log, tmp_path, sqlite_url, monkeypatch):
    """Path of a database of three segments that are counted for a reference."""
    log.register(MODEL, COLUMNS)
    rng = np.random.default_rng(5)
    at = pd.date_range(START, periods=N_ROWS, freq="s").as_unit("us")
    rows = {"predicted_at": at, "amount": rng.normal(size=N_ROWS), "channel": rng.choice(["web", "app"], N_ROWS)}
    log.append(MODEL, pd.DataFrame(rows))
    log.freeze_reference(MODEL, "training", rows=5_000)
    log.catch_up(MODEL)
    log.close()
    monkeypatch.setenv("DRIFT_DATABASE_URL", sqlite_url)
    return tmp_path / "drift.db"


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_by_hand_is_found_and_named_and_built_again(database, change, capsys):
    statement, said = CHANGES[change]
    assert main(["verify"]) == 0
    assert "Model 'm': all that is derived from its 30,000 rows agrees with them." in capsys.readouterr().out
    connection = sqlite3.connect(database)
    with connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()
    assert main(["verify"]) == 1
    assert said in capsys.readouterr().out.splitlines()
    assert main(["rebuild", "--model", MODEL]) == 0
    assert main(["verify", "--model", MODEL]) == 0
