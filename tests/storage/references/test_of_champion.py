"""A champion brings its own reference, on both databases."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from drift.data.windows import Column, LastRows
from storage.checking.frames import batch_from_frame
from storage.database.engine import writing
from storage.models import promotion, registration, registry
from storage.references.of_champion import MIN_ROWS, adopt_reference
from tests.retrain.conftest import COLUMNS, START, simulated

pytestmark = pytest.mark.each_database

N_ROWS = 600
END = START + timedelta(minutes=N_ROWS - 1, microseconds=1)


@pytest.fixture
def trained(log):
    """A log of a model with two versions."""
    log.register("m", COLUMNS)
    log.append("m", simulated(N_ROWS))
    for _ in range(2):
        registration.register_version(log, "m", uri=None, sha256=None, created_by="ana", params={"recipe": "tabular"})
    return log


def accepted(n, first=0):
    """Return rows of the log with the answers of a model that always says `good`, which the log does not hold."""
    rows = simulated(N_ROWS).iloc[first : first + n].drop(columns="text")
    return batch_from_frame(COLUMNS, rows.assign(prediction="good", score=0.9))


def serve(log, version, rows):
    with writing(log.engine) as connection:
        promotion.promote(connection, "m", version, "ana")
        return adopt_reference(connection, "m", version, rows)


def adopt_and_fail(connection):
    adopt_reference(connection, "m", "v1", accepted(240))
    promotion.promote(connection, "m", "v9", "ana")


def test_the_first_reference_counts_until_a_champion_brings_its_own(trained):
    assert trained.default_reference("m") is None
    trained.freeze_reference("m", "training", rows=100)
    assert trained.default_reference("m").name == "training"
    revision = trained.revision("m")
    assert serve(trained, "v1", accepted(120)) == "accepted-v1"
    assert trained.default_reference("m").n == 120
    assert trained.revision("m") > revision
    assert registry.read_version(trained, "m", "v1").params == {"recipe": "tabular", "reference": "accepted-v1"}
    # The next one was accepted on too few rows: the first reference is the best there is.
    assert serve(trained, "v2", accepted(MIN_ROWS - 1)) is None
    assert trained.default_reference("m").name == "training"
    assert promotion.promote_version(trained, "m", "v1", "ana", "the better one") == "v2"
    assert trained.default_reference("m").name == "accepted-v1"


def test_a_reference_holds_what_the_new_champion_says_and_not_what_the_log_holds(trained):
    serve(trained, "v1", accepted(120, first=100))
    samples = trained.read_reference("m", "accepted-v1", COLUMNS)
    rows = simulated(N_ROWS).iloc[100:220]
    assert samples["x"].values.tolist() == rows["x"].tolist()
    for name, expected in {"colour": rows["colour"], "label": rows["label"], "prediction": ["good"] * 120}.items():
        sample = samples[name]
        assert [sample.categories[code] for code in sample.codes] == list(expected)
    assert np.all(samples["score"].values == 0.9)
    # `good` is a new category of the column: rows that come later share its code.
    trained.append("m", simulated(3, start=END).assign(prediction=["bad", "good", None]))
    sample = trained.read_window("m", LastRows(3), COLUMNS)["prediction"]
    assert (sample.codes.tolist(), sample.categories) == ([1, 0, -1], ("good", "bad"))


def test_a_column_that_was_registered_later_is_missing_throughout(trained):
    rows = accepted(60)
    trained.register("m", [Column("y", "numeric"), Column("shape", "categorical")])
    serve(trained, "v1", rows)
    samples = trained.read_reference("m", "accepted-v1", trained.columns("m"))
    assert np.isnan(samples["y"].values).all()
    assert set(samples["shape"].codes) == {-1}


def test_what_was_answered_before_the_promotion_is_no_evidence(trained):
    serve(trained, "v1", accepted(120))
    reference = trained.default_reference("m")
    assert (reference.start, reference.end) == (START, END)
    after = trained.stream("m", "accepted-v1")
    assert after.n_after(None, 1_000) == 0
    trained.append("m", simulated(7, start=END))
    assert after.n_after(None, 1_000) == 7


def test_a_row_dated_into_the_future_does_not_put_off_the_evidence(trained):
    trained.append("m", simulated(1, start=datetime(2200, 1, 1, tzinfo=UTC)))
    serve(trained, "v1", accepted(120))
    assert trained.default_reference("m").end <= datetime.now(UTC)


def test_a_reference_is_adopted_once(trained):
    assert serve(trained, "v1", accepted(240)) == "accepted-v1"
    assert serve(trained, "v1", accepted(540)) == "accepted-v1"
    assert [(reference.name, reference.n) for reference in trained.references("m")] == [("accepted-v1", 240)]


def test_a_promotion_that_fails_leaves_no_reference(trained):
    with pytest.raises(ValueError, match="version must be one of"), writing(trained.engine) as connection:
        adopt_and_fail(connection)
    assert trained.references("m") == ()
    assert registry.read_version(trained, "m", "v1").params == {"recipe": "tabular"}
