"""A challenger on trial: requests are answered and scored as the API does, and looks are taken at every stage."""

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
import sqlalchemy as sa

from drift.data.windows import Column, LastRows
from retrain.models import artifacts as model_files
from retrain.route import position, route
from retrain.steps.pipeline import advance
from storage.database.audit import read_audit
from storage.database.schema import retrain_job
from storage.jobs import decisions, queue
from storage.models import promotion, registration, registry
from storage.models.shadow import ShadowAnswer, append_shadow, note_served
from tests.retrain.conftest import COLUMNS, fill, run, simulated

PARAMS = {"window_rows": 1500, "holdout_share": 0.25, "look_seconds": 0, "min_answers": 100}


@dataclass
class Alias:
    version: str
    share: float = 1.0
    sha256: str | None = "5f1d"


def test_a_canary_keeps_whom_it_has_answered_while_its_share_grows():
    keys = [f"customer {k}" for k in range(5_000)]
    answered = set()
    for share in (0.1, 0.5, 1.0):
        trial = {"champion": Alias("v1"), "challenger": Alias("v2", share)}
        canary = {key for key in keys if route(trial, key).variant == "canary"}
        assert answered <= canary
        assert len(canary) / len(keys) == pytest.approx(share, abs=0.02)
        answered = canary


def test_every_challenger_has_an_order_of_its_own_that_its_file_decides():
    keys = [str(k) for k in range(2_000)]
    one, other = ([position(key, secret) for key in keys] for secret in ("5f1d", "77aa"))
    # 0.07 is three standard errors.
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.07
    sides = [
        [route({"champion": Alias("v1"), "challenger": Alias("v2", 0.5, sha256)}, key).variant for key in keys]
        for sha256 in ("5f1d", "77aa", "5f1d")
    ]
    assert sides[0] == sides[2] != sides[1]


def test_who_scores_unseen():
    champion = {"champion": Alias("v1")}
    assert route({}, "a").version is None
    assert route(champion, "a").shadow_version is None
    assert route(champion | {"shadow": Alias("v2")}, "a").shadow_version == "v2"
    whole = route(champion | {"challenger": Alias("v2", 1.0)}, "a")
    assert (whole.version, whole.variant, whole.shadow_version) == ("v2", "canary", "v1")


class Served:
    """A model behind an API: answers requests by the aliases, and logs what each version said."""

    def __init__(self, log, artifacts, *, broken=None):
        self.log, self.artifacts, self.n, self.broken = log, artifacts, 0, broken or {}
        note_served(log, "m")

    def answer(self, n, *, turned=True, labelled=True):
        """Answer n requests."""
        rows = simulated(n, turned=turned, seed=100 + self.n, start=datetime.now(UTC))
        rows["request_id"] = [f"r{self.n + k}" for k in range(n)]
        self.n += n
        aliases = registry.read_aliases(self.log, "m")
        routes = [route(aliases, key) for key in rows["request_id"]]
        said = {name: self._say(name, rows) for name in {x for r in routes for x in (r.version, r.shadow_version) if x}}
        rows["version"], rows["variant"] = [r.version for r in routes], [r.variant for r in routes]
        rows["prediction"] = [said[r.version][0][k] for k, r in enumerate(routes)]
        rows["score"] = [said[r.version][1][k] for k, r in enumerate(routes)]
        report = self.log.append("m", rows if labelled else rows.drop(columns="label"))
        assert report.accepted == n
        seconds = {"v1": 0.010, "v2": self.broken.get("seconds", 0.010)}
        append_shadow(
            self.log,
            "m",
            [
                ShadowAnswer(
                    request_id=rows["request_id"][k],
                    version=r.shadow_version,
                    answered_by=r.version,
                    prediction=said[r.shadow_version][0][k],
                    score=said[r.shadow_version][1][k],
                    error=self.broken.get("error") if r.shadow_version == "v2" else None,
                    seconds=seconds[r.shadow_version],
                    answered_seconds=seconds[r.version],
                )
                for k, r in enumerate(routes)
                if r.shadow_version
            ],
        )
        return Counter(r.variant for r in routes)

    def _say(self, name, rows):
        version = registry.read_version(self.log, "m", name)
        answers = model_files.load(self.artifacts, version.uri, version.sha256).predict(rows)
        scores = answers.scores if name == "v1" else self.broken.get("scores", lambda s: s)(answers.scores)
        return answers.labels, scores


def on_trial(log, artifacts, **params):
    """Start a job and approve it; return its number."""
    job_id = queue.start(log, "m", "red turned bad", "ana", params=PARAMS | params).job_id
    waiting = run(log, artifacts, job_id)
    assert waiting.state == "waiting_approval", waiting.note
    decisions.approve(log, job_id, "ben")
    return job_id


def look(log, artifacts, job_id):
    """Take one look at a trial."""
    assert advance(log, artifacts, "test", job_id)
    return queue.read_job(log, job_id)


def test_a_better_challenger_is_shadowed_then_answers_for_more_and_more_and_serves(log, artifacts):
    fill(log, artifacts)
    served = Served(log, artifacts)
    job_id = on_trial(log, artifacts)
    job = look(log, artifacts, job_id)
    assert (job.state, job.step, job.lease_owner) == ("canary", "shadow", None)
    assert registry.read_aliases(log, "m")["shadow"].version == "v2"
    assert served.answer(60) == {"champion": 60}
    job = look(log, artifacts, job_id)
    assert job.note == "Shadow: 60 of at least 100 requests were scored unseen."
    served.answer(60)
    job = look(log, artifacts, job_id)
    assert (job.step, registry.read_aliases(log, "m")["challenger"].share) == ("canary", 0.1)
    shares = []
    for _ in range(12):
        variants = served.answer(400)
        job = look(log, artifacts, job_id)
        if job.step == "promote":
            break
        shares.append((variants["canary"] / 400, job.result["canary"]["share"]))
    assert [share for _, share in shares][-1] == 1.0
    assert {share for _, share in shares} == {0.1, 0.5, 1.0}
    assert job.result["canary"]["difference"] > 0.3
    job = run(log, artifacts, job_id)
    assert (job.state, job.note) == ("promoted", "v2 serves, approved by ben.")
    assert {name: a.version for name, a in registry.read_aliases(log, "m").items()} == {
        "champion": "v2",
        "previous": "v1",
    }
    assert {(row.version, row.variant) for row in log.read_rows("m", labelled_only=True).itertuples()} >= {
        ("v1", "champion"),
        ("v2", "canary"),
    }


def test_the_share_does_not_grow_before_the_labels_have_spoken(log, artifacts):
    fill(log, artifacts)
    served = Served(log, artifacts)
    job_id = on_trial(log, artifacts)
    look(log, artifacts, job_id)
    served.answer(120, labelled=False)
    look(log, artifacts, job_id)
    for _ in range(3):
        served.answer(800, labelled=False)
        job = look(log, artifacts, job_id)
    assert (job.state, job.step) == ("canary", "canary")
    assert job.result["canary"]["share"] == 0.1
    assert "of at least 100 answers. No labelled rows yet: needs about 5,000 of them." in job.note
    # A person may know more than the labels.
    assert decisions.promote_now(log, job_id, "ana", "labels take a month").accepted
    assert run(log, artifacts, job_id).state == "promoted"
    assert "promote early" in [entry.action for entry in read_audit(log, "m")]


def test_a_challenger_that_does_worse_on_live_rows_is_rolled_back_by_itself(log, artifacts):
    fill(log, artifacts)
    served = Served(log, artifacts)
    job_id = on_trial(log, artifacts)
    look(log, artifacts, job_id)
    served.answer(120, turned=False)  # the world has turned back
    job = look(log, artifacts, job_id)
    assert job.state == "rolled_back"
    assert job.note.startswith("v2 was rolled back by itself. -")
    assert "surely worse" in job.note
    assert set(registry.read_aliases(log, "m")) == {"champion"}
    assert registry.read_version(log, "m", "v2").stage == "withdrawn"
    assert queue.start(log, "m", "again", "ana").started


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"error": "KeyError: 'x'"}, "The challenger failed on 250 of 250 requests. The last error: KeyError: 'x'"),
        ({"scores": lambda s: np.full(len(s), np.nan)}, "score must be a finite number; got nan."),
        ({"scores": lambda s: np.full(len(s), 0.7)}, "The challenger's score was 0.7 on all of 250 requests."),
        ({"scores": lambda s: 0.5 + s / 10}, "population stability index of the challenger's scores is"),
        ({"seconds": 0.020}, "95 % of the challenger's answers took at most 20.0 ms, of the champion's 10.0 ms."),
    ],
)
def test_a_broken_challenger_is_rolled_back_at_once_and_without_labels(broken, said, log, artifacts):
    fill(log, artifacts)
    served = Served(log, artifacts, broken=broken)
    job_id = on_trial(log, artifacts)
    look(log, artifacts, job_id)
    served.answer(250, labelled=False)
    job = look(log, artifacts, job_id)
    assert job.state == "rolled_back", job.note
    assert said in job.note
    assert set(registry.read_aliases(log, "m")) == {"champion"}


@pytest.mark.parametrize("act", ["roll back", "cancel"])
def test_a_person_ends_a_trial_at_any_time(act, log, artifacts):
    fill(log, artifacts)
    served = Served(log, artifacts)
    job_id = on_trial(log, artifacts)
    look(log, artifacts, job_id)
    served.answer(120)
    look(log, artifacts, job_id)
    ended = decisions.rollback(log, "m", "cem", "odd") if act == "roll back" else decisions.cancel(log, job_id, "cem")
    assert ended.accepted
    assert queue.read_job(log, job_id).state == "rolled_back"
    assert set(registry.read_aliases(log, "m")) == {"champion"}
    assert {step.state for step in queue.read_steps(log, job_id)} <= {"done", "cancelled"}
    assert not decisions.promote_now(log, job_id, "cem").accepted


def test_a_trial_ends_when_another_version_has_come_to_serve(log, artifacts):
    fill(log, artifacts)
    Served(log, artifacts)
    job_id = on_trial(log, artifacts)
    look(log, artifacts, job_id)
    registration.register_version(log, "m", uri=None, sha256=None, created_by="ben", champion=True)
    job = look(log, artifacts, job_id)
    assert job.state == "rolled_back"
    assert "v2 was compared with v1, but v3 serves now" in job.note


def test_a_model_without_traffic_of_ours_is_promoted_at_once_and_the_precheck_says_why(log, artifacts):
    fill(log, artifacts)
    job_id = on_trial(log, artifacts)
    assert run(log, artifacts, job_id).state == "promoted"
    precheck = next(step.output for step in queue.read_steps(log, job_id) if step.name == "precheck")
    assert precheck["rollout"] == "direct"
    assert "No request was answered through POST /predict within a day" in precheck["rollout_why"]


def test_a_trial_that_nobody_asks_says_what_to_do(log, artifacts):
    fill(log, artifacts)
    job_id = on_trial(log, artifacts, rollout="canary")
    look(log, artifacts, job_id)
    assert "No request" not in look(log, artifacts, job_id).note
    job = queue.read_job(log, job_id)
    long_ago = {**job.result["canary"], "since": "2026-11-01T00:00:00+00:00"}
    with log.engine.begin() as connection:
        earlier = sa.update(retrain_job).where(retrain_job.c.id == job_id)
        connection.execute(earlier.values(result={**job.result, "canary": long_ago}))
    assert look(log, artifacts, job_id).note == (
        "Shadow: 0 of at least 100 requests were scored unseen. "
        "No request has come since 2026-11-01 00:00 UTC: promote or roll back by hand if none will."
    )


def test_a_rollout_may_be_chosen(log, artifacts):
    fill(log, artifacts)
    Served(log, artifacts)
    job_id = on_trial(log, artifacts, rollout="direct")
    assert run(log, artifacts, job_id).state == "promoted"


def test_a_job_may_be_set_up_to_need_no_approval(log, artifacts):
    fill(log, artifacts)
    job_id = queue.start(log, "m", "each night", "the schedule", params=PARAMS | {"needs_approval": False}).job_id
    job = run(log, artifacts, job_id)
    assert (job.state, job.note) == ("promoted", "v2 serves, asked for by the schedule without an approval.")
    assert registry.read_alias(log, "m", "champion") == "v2"


def test_a_new_champion_brings_its_answers_to_the_held_out_rows_as_the_reference(log, artifacts):
    fill(log, artifacts)
    log.freeze_reference("m", "training", rows=1000)
    assert log.default_reference("m").name == "training"
    job_id = on_trial(log, artifacts)
    run(log, artifacts, job_id)
    reference = log.default_reference("m")
    (promoted,) = (step.output for step in queue.read_steps(log, job_id) if step.name == "promote")
    assert promoted == {"version": "v2", "reference": "accepted-v2", "n_reference": 375, "n_held_out": 375}
    assert (reference.name, reference.n) == ("accepted-v2", 375)
    # It begins where the training ended, and ends with the newest row: the evidence is what v2 answers itself.
    assert reference.start.isoformat() >= registry.read_version(log, "m", "v2").params["data_end"]
    assert reference.end == log.extent("m", LastRows(1)).end
    samples = log.read_reference("m", "accepted-v2", COLUMNS)
    said, true = (samples[name] for name in ("prediction", "label"))
    texts = [[sample.categories[code] for code in sample.codes] for sample in (said, true)]
    right = np.mean(np.array(texts[0]) == np.array(texts[1]))
    assert right == queue.read_job(log, job_id).result["challenger"]["accuracy"] > 0.9
    decisions.rollback(log, "m", "ana")
    assert log.default_reference("m").name == "training"


def test_a_text_model_brings_the_words_that_it_knows_itself(log, artifacts):
    log.register("m", [Column("oov_share", "numeric")])
    fill(log, artifacts, recipe="text")
    run(log, artifacts, on_trial(log, artifacts))
    sample = log.read_reference("m", "accepted-v2", log.columns("m"))["oov_share"]
    assert set(sample.values) == {0.0}


def test_too_few_held_out_rows_are_filled_up_and_it_is_said(log, artifacts, monkeypatch):
    fill(log, artifacts)
    monkeypatch.setattr("retrain.steps.accepted.MIN_HELD_OUT", 400)
    job = run(log, artifacts, on_trial(log, artifacts))
    assert log.default_reference("m").n == 500
    assert job.note == (
        "v2 serves, approved by ben. "
        "It was trained on 125 of the 500 rows of its reference: what it says of them is optimistic."
    )
    newest = next(entry for entry in read_audit(log, model="m") if entry.action == "promote")
    assert (newest.detail["n_reference"], newest.detail["n_held_out"]) == (500, 375)


def test_a_champion_whose_rows_are_gone_brings_no_reference(log, artifacts):
    fill(log, artifacts)
    log.freeze_reference("m", "training", rows=1000)
    job_id = on_trial(log, artifacts)
    shutil.rmtree(artifacts / "jobs")
    job = run(log, artifacts, job_id)
    assert job.state == "promoted"
    assert "It brings no reference of its own" in job.note
    assert log.default_reference("m").name == "training"


def test_a_roll_back_is_undone_by_promoting_the_version_again(log, artifacts):
    fill(log, artifacts)
    run(log, artifacts, on_trial(log, artifacts))
    decisions.rollback(log, "m", "ana", "too soon")
    assert promotion.promote_version(log, "m", "v2", "ana", "it was the network") == "v1"
    assert registry.read_alias(log, "m", "champion") == "v2"
    assert decisions.rollback(log, "m", "ana").accepted
    for name, said in {"v1": "another than the one that serves", "v9": "must be one of model"}.items():
        with pytest.raises(ValueError, match=said):
            promotion.promote_version(log, "m", name, "ana", "why")
    with pytest.raises(ValueError, match="note must be given"):
        promotion.promote_version(log, "m", "v2", "ana", " ")


def test_a_version_whose_job_is_open_is_promoted_by_that_job_only(log, artifacts):
    fill(log, artifacts)
    on_trial(log, artifacts)
    with pytest.raises(ValueError, match="must not be that of an open job"):
        promotion.promote_version(log, "m", "v2", "ana", "in a hurry")
