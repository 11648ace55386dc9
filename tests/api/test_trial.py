"""While a challenger is on trial: who answers, who is only listened to, and what happens when it fails."""

import dataclasses
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dashboard.serving.answers import Request, answer
from dashboard.serving.versions import Versions
from retrain.route import route
from storage.database.engine import writing
from storage.models import promotion, registry
from storage.models.shadow import count_shadow, read_last_served, read_shadow_health
from tests.api.conftest import add_champion
from tests.patience import wait_for

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def point(log, alias, version, share=1.0):
    """Let an alias name a version, as the steps of a rollout do."""
    with writing(log.engine) as connection:
        promotion.write_alias(connection, "reviews", alias, version, share)


@dataclasses.dataclass(frozen=True)
class Failing:
    """An estimator that fails on some requests, or on all."""

    estimator: object
    on: str

    def predict_proba(self, texts):
        if any(self.on in text for text in texts):
            raise RuntimeError("no kernel")
        return self.estimator.predict_proba(texts)


@dataclasses.dataclass(frozen=True)
class Silent:
    """An estimator whose scores are no numbers."""

    def predict_proba(self, texts):
        return np.full((len(texts), 2), np.nan)


@pytest.fixture
def challenger(reviews, settings, sentiment):
    """A second version that says the opposite of the champion."""
    turned = dataclasses.replace(sentiment, classes=("positive", "negative"))
    champion = registry.read_alias(reviews, "reviews", "champion")
    name = add_champion(reviews, settings, turned, "second")
    point(reviews, "champion", champion)
    return name


def ask(client, n, **more):
    answers = [client.post("/predict", json={"text": "great", "entity_id": f"e{k}", **more}) for k in range(n)]
    assert {one.status_code for one in answers} == {200}
    return [one.json() for one in answers]


def test_a_shadow_is_listened_to_and_never_heard(client, reviews, challenger):
    point(reviews, "shadow", challenger)
    answers = ask(client, 20)
    assert {(one["label"], one["model_version"], one["variant"]) for one in answers} == {("positive", "v1", "champion")}
    wait_for(lambda: count_shadow(reviews, "reviews", challenger, LONG_AGO) == (20, 0))
    found = read_shadow_health(reviews, "reviews", challenger, LONG_AGO)
    # It gives the opposite label, and so the score of the other class.
    assert found["challenger_score"].to_numpy() == pytest.approx(found["champion_score"].to_numpy())
    assert (found[["champion_seconds", "challenger_seconds"]] > 0).all().all()
    assert found["error"].isna().all()
    # Nothing of it is in the log that windows and training read.
    assert reviews.n_rows("reviews") == 20
    assert set(reviews.read_rows("reviews")["version"]) == {"v1"}
    assert read_last_served(reviews, "reviews") > datetime.now(UTC) - timedelta(minutes=1)


def test_a_canary_answers_its_share_and_the_same_people_every_time(client, reviews, challenger):
    point(reviews, "challenger", challenger, 0.3)
    first = ask(client, 60)
    aliases = registry.read_aliases(reviews, "reviews")
    for k, said in enumerate(first):
        expected = route(aliases, f"e{k}")
        assert (said["model_version"], said["variant"]) == (expected.version, expected.variant)
        assert said["label"] == ("negative" if said["variant"] == "canary" else "positive")
    canary = [one["variant"] == "canary" for one in first]
    assert 5 < sum(canary) < 35
    point(reviews, "challenger", challenger, 0.6)
    grown = [one["variant"] == "canary" for one in ask(client, 60)]
    assert all(after for before, after in zip(canary, grown, strict=True) if before)
    assert sum(grown) > sum(canary)
    rows = reviews.read_rows("reviews")
    assert (rows["variant"] == "canary").sum() == sum(canary) + sum(grown)
    assert set(rows.loc[rows["variant"] == "canary", "version"]) == {challenger}
    # Whichever of the two does not answer is listened to.
    wait_for(lambda: count_shadow(reviews, "reviews", challenger, LONG_AGO) == (120, sum(canary) + sum(grown)))


@pytest.mark.parametrize("kind", ["raises", "no number", "no file", "other input"])
def test_a_canary_that_fails_is_answered_for_by_the_champion_and_the_failure_is_noted(
    reviews, settings, sentiment, challenger, kind
):
    point(reviews, "challenger", challenger, 1.0)
    versions = Versions(reviews, settings)
    if kind == "no file":
        (settings.artifacts / "second.skops").unlink()
    elif kind == "other input":
        versions._loaded["reviews", challenger] = dataclasses.replace(sentiment, columns=("length",))
    else:
        broken = Failing(sentiment.estimator, "kaputt") if kind == "raises" else Silent()
        versions._loaded["reviews", challenger] = dataclasses.replace(sentiment, estimator=broken)
    asked = [Request(f"r{k}", text="kaputt" if k == 1 else "great") for k in range(3)]
    said = answer(reviews, versions, "reviews", asked)
    failed = [1] if kind == "raises" else [0, 1, 2]
    for k, one in enumerate(said):
        expected = ("v1", "champion") if k in failed else (challenger, "canary")
        assert (one.reply.model_version, one.reply.variant) == expected
        assert (one.row["version"], one.row["variant"]) == expected
        assert (one.trial.version, one.trial.answered_by) == ((challenger, "v1") if k in failed else ("v1", challenger))
        assert bool(one.trial.error) == (k in failed)


def test_a_request_that_the_champion_fails_on_does_not_spoil_those_beside_it(reviews, settings, sentiment):
    versions = Versions(reviews, settings)
    broken = dataclasses.replace(sentiment, estimator=Failing(sentiment.estimator, "kaputt"))
    versions._loaded["reviews", "v1"] = broken
    asked = [Request("a", "great"), Request("b", "kaputt"), Request("c"), Request("d", "awful")]
    said = answer(reviews, versions, "reviews", asked)
    assert [type(one).__name__ for one in said] == ["Scored", "NoAnswer", "BadField", "Scored"]
    alone = [answer(reviews, versions, "reviews", [one])[0] for one in (asked[0], asked[3])]
    assert [said[0].reply, said[3].reply] == [one.reply for one in alone]


def test_a_failed_shadow_costs_nothing_and_is_noted(client, reviews, settings, challenger):
    point(reviews, "shadow", challenger)
    (settings.artifacts / "second.skops").unlink()
    ask(client, 3)
    wait_for(lambda: count_shadow(reviews, "reviews", challenger, LONG_AGO) == (3, 0))
    assert "second.skops" in read_shadow_health(reviews, "reviews", challenger, LONG_AGO)["error"].iloc[0]


def test_no_request_fails_while_champions_change(client, reviews, settings, sentiment, challenger):
    ended = threading.Event()
    answers, failures = [], []

    def keep_asking():
        while not ended.is_set():
            said = client.post("/predict", json={"text": "great"})
            (answers if said.status_code == 200 else failures).append(said.json())

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    expected = {"v1": "positive", challenger: "negative"}
    for k in range(6):
        name = ("v1", challenger)[k % 2]
        if k == 4:
            name = add_champion(reviews, settings, dataclasses.replace(sentiment), "third")
            expected[name] = "positive"
        point(reviews, "champion", name)
        # Whoever asks after the change is answered by the new one.
        assert client.post("/predict", json={"text": "great"}).json()["model_version"] == name
        n_answers = len(answers)
        wait_for(lambda: any(one["model_version"] == name for one in answers[n_answers:]) or failures)  # noqa: B023  at once
    ended.set()
    for thread in threads:
        thread.join()
    assert not failures
    assert {one["model_version"] for one in answers} == set(expected)
    assert all(one["label"] == expected[one["model_version"]] for one in answers)
