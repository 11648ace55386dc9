"""What two versions say about the same requests, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from drift.data.windows import Column
from storage.models.shadow import (
    Pairs,
    ShadowAnswer,
    append_shadow,
    count_shadow,
    note_served,
    read_last_served,
    read_shadow_health,
    read_shadow_pairs,
)

pytestmark = pytest.mark.each_database

START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def registered(log):
    log.register(
        "m",
        [
            Column("prediction", "categorical", "prediction"),
            Column("score", "numeric", "score"),
            Column("label", "categorical", "label"),
        ],
    )
    return log


def answered(log, request_id, version, said, other, other_said, label=None, score=0.5, other_score=0.25, **more):
    """Log what one version answered, and what the other one would have."""
    row = {"predicted_at": START, "request_id": request_id, "version": version, "prediction": said, "score": score}
    log.append("m", [row])
    kept = {"request_id": request_id, "version": other, "answered_by": version, "prediction": other_said}
    append_shadow(log, "m", [ShadowAnswer(**kept, score=other_score, at=START, **more)])
    if label:
        log.label("m", [request_id], [label])


def test_rows_are_paired_whoever_of_the_two_answered(registered):
    answered(registered, "a", "v1", "good", "v2", "good", label="good")
    answered(registered, "b", "v1", "good", "v2", "bad", label="bad")
    answered(registered, "c", "v2", "bad", "v1", "good", label="bad")
    answered(registered, "d", "v2", "good", "v1", "bad", label="bad")
    answered(registered, "e", "v1", "good", "v2", "bad", label="great")
    answered(registered, "f", "v1", "good", "v2", "bad")
    assert read_shadow_pairs(registered, "m", "v2", START) == Pairs(n=5, n_lost=1, n_won=2)
    assert read_shadow_pairs(registered, "m", "v2", START + timedelta(seconds=1)) == Pairs(0, 0, 0)
    assert read_shadow_pairs(registered, "m", "v3", START) == Pairs(0, 0, 0)
    assert count_shadow(registered, "m", "v2", START) == (6, 2)


def test_scores_and_times_are_told_by_model_and_not_by_who_answered(registered):
    answered(
        registered, "a", "v1", "good", "v2", "bad", score=0.9, other_score=0.2, seconds=0.02, answered_seconds=0.01
    )
    answered(
        registered, "b", "v2", "bad", "v1", "good", score=0.3, other_score=0.8, seconds=0.01, answered_seconds=0.03
    )
    health = read_shadow_health(registered, "m", "v2", START)
    assert health["is_canary"].tolist() == [False, True]
    assert health["champion_score"].tolist() == [0.9, 0.8]
    assert health["challenger_score"].tolist() == [0.2, 0.3]
    assert health["champion_seconds"].tolist() == [0.01, 0.01]
    assert health["challenger_seconds"].tolist() == [0.02, 0.03]
    assert len(read_shadow_health(registered, "m", "v2", START, n=1)) == 1


def test_a_request_is_kept_once(registered):
    one = ShadowAnswer(request_id="a", version="v2", answered_by="v1", prediction="good", score=0.5)
    assert append_shadow(registered, "m", [one, one]) == 1
    assert append_shadow(registered, "m", [one]) == 0
    assert append_shadow(registered, "m", []) == 0


def test_a_score_that_is_no_number_is_an_error_of_whoever_gave_it(registered):
    answered(registered, "a", "v1", "good", "v2", "bad", label="good", other_score=float("nan"))
    answered(registered, "b", "v2", "good", "v1", None, label="good", other_score=None, error="KeyError: 'x'")
    health = read_shadow_health(registered, "m", "v2", START)
    assert health["error"].tolist() == ["score must be a finite number; got nan.", None]
    # Neither says which of the two is right more often.
    assert read_shadow_pairs(registered, "m", "v2", START).n == 0


def test_when_a_model_last_answered_is_known(registered):
    assert read_last_served(registered, "m") is None
    note_served(registered, "m")
    first = read_last_served(registered, "m")
    note_served(registered, "m")
    assert read_last_served(registered, "m") >= first


def test_shadow_answers_are_no_rows_of_the_model(registered):
    answered(registered, "a", "v1", "good", "v2", "bad")
    assert registered.n_rows("m") == 1
    assert registered.read_rows("m")["version"].tolist() == ["v1"]


def test_only_the_first_requests_count_whenever_their_labels_come(registered):
    for k, label in enumerate(["good", None, "good"]):
        answered(registered, f"r{k}", "v1", "good", "v2", "bad", label=label)
    assert read_shadow_pairs(registered, "m", "v2", START, n=2) == Pairs(1, 1, 0)
    registered.label("m", ["r1"], ["bad"])
    assert read_shadow_pairs(registered, "m", "v2", START, n=2) == Pairs(2, 1, 1)
