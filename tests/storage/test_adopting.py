"""A champion brings its own reference, on both databases."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from drift.windows import Column, LastRows
from storage import open_log, registry
from storage.adopting import MIN_ROWS, adopt_reference
from storage.engine import writing
from storage.frames import batch_from_frame
from tests.retrain.conftest import COLUMNS, START, simulated

N_ROWS = 600
END = START + timedelta(minutes=N_ROWS - 1, microseconds=1)


@pytest.fixture
def log(database_url):
    opened = open_log(database_url)
    opened.register("m", COLUMNS)
    opened.append("m", simulated(N_ROWS))
    for _ in range(2):
        registry.register_version(opened, "m", uri=None, sha256=None, created_by="ana", params={"recipe": "tabular"})
    yield opened
    opened.close()


def accepted(n, first=0):
    """Return rows of the log with the answers of a model that always says `good`, which the log does not hold."""
    rows = simulated(N_ROWS).iloc[first : first + n].drop(columns="text")
    return batch_from_frame(COLUMNS, rows.assign(prediction="good", score=0.9))


def serve(log, version, rows):
    with writing(log.engine) as connection:
        registry.promote(connection, "m", version, "ana")
        return adopt_reference(connection, "m", version, rows)


def adopt_and_fail(connection):
    adopt_reference(connection, "m", "v1", accepted(240))
    registry.promote(connection, "m", "v9", "ana")


def test_the_first_reference_counts_until_a_champion_brings_its_own(log):
    assert log.default_reference("m") is None
    log.freeze_reference("m", "training", rows=100)
    assert log.default_reference("m").name == "training"
    revision = log.revision("m")
    assert serve(log, "v1", accepted(120)) == "accepted-v1"
    assert log.default_reference("m").n == 120
    assert log.revision("m") > revision
    assert registry.version(log, "m", "v1").params == {"recipe": "tabular", "reference": "accepted-v1"}
    # The next one was accepted on too few rows: the first reference is the best there is.
    assert serve(log, "v2", accepted(MIN_ROWS - 1)) is None
    assert log.default_reference("m").name == "training"
    assert registry.promote_version(log, "m", "v1", "ana", "the better one") == "v2"
    assert log.default_reference("m").name == "accepted-v1"


def test_a_reference_holds_what_the_new_champion_says_and_not_what_the_log_holds(log):
    serve(log, "v1", accepted(120, first=100))
    samples = log.read_reference("m", "accepted-v1", COLUMNS)
    rows = simulated(N_ROWS).iloc[100:220]
    assert samples["x"].values.tolist() == rows["x"].tolist()
    for name, expected in {"colour": rows["colour"], "label": rows["label"], "prediction": ["good"] * 120}.items():
        sample = samples[name]
        assert [sample.categories[code] for code in sample.codes] == list(expected)
    assert np.all(samples["score"].values == 0.9)
    # `good` is a new category of the column: rows that come later share its code.
    log.append("m", simulated(3, start=END).assign(prediction=["bad", "good", None]))
    sample = log.read_window("m", LastRows(3), COLUMNS)["prediction"]
    assert (sample.codes.tolist(), sample.categories) == ([1, 0, -1], ("good", "bad"))


def test_a_column_that_was_registered_later_is_missing_throughout(log):
    rows = accepted(60)
    log.register("m", [Column("y", "numeric"), Column("shape", "categorical")])
    serve(log, "v1", rows)
    samples = log.read_reference("m", "accepted-v1", log.columns("m"))
    assert np.isnan(samples["y"].values).all()
    assert set(samples["shape"].codes) == {-1}


def test_what_was_answered_before_the_promotion_is_no_evidence(log):
    serve(log, "v1", accepted(120))
    reference = log.default_reference("m")
    assert (reference.start, reference.end) == (START, END)
    after = log.stream("m", "accepted-v1")
    assert after.n_after(None, 1_000) == 0
    log.append("m", simulated(7, start=END))
    assert after.n_after(None, 1_000) == 7


def test_a_row_dated_into_the_future_does_not_put_off_the_evidence(log):
    log.append("m", simulated(1, start=datetime(2200, 1, 1, tzinfo=UTC)))
    serve(log, "v1", accepted(120))
    assert log.default_reference("m").end <= datetime.now(UTC)


def test_a_reference_is_adopted_once(log):
    assert serve(log, "v1", accepted(240)) == "accepted-v1"
    assert serve(log, "v1", accepted(540)) == "accepted-v1"
    assert [(reference.name, reference.n) for reference in log.references("m")] == [("accepted-v1", 240)]


def test_a_promotion_that_fails_leaves_no_reference(log):
    with pytest.raises(ValueError, match="version must be one of"), writing(log.engine) as connection:
        adopt_and_fail(connection)
    assert log.references("m") == ()
    assert registry.version(log, "m", "v1").params == {"recipe": "tabular"}
