"""A person who promotes a version while a job is about to promote another one."""

import threading

from retrain.steps.pipeline import advance
from storage import open_log
from storage.database.engine import writing
from storage.jobs import queue
from storage.models import promotion, registration, registry
from tests.at_once import wait_until_held_up
from tests.retrain.conftest import fill, run

PARAMS = {"window_rows": 1500, "holdout_share": 0.25, "needs_approval": False, "rollout": "direct"}


def test_a_job_does_not_replace_a_champion_that_it_was_not_compared_with(postgres_url, artifacts):
    log, other = open_log(postgres_url), open_log(postgres_url)
    fill(log, artifacts)
    job_id = queue.start(log, "m", "red turned bad", "ana", params=PARAMS).job_id
    while queue.read_job(log, job_id).step != "promote":
        assert advance(log, artifacts, "test", job_id), queue.read_job(log, job_id).note
    by_hand = registration.register_version(log, "m", uri=None, sha256=None, created_by="ben")
    step = threading.Thread(target=advance, args=(log, artifacts, "test", job_id))
    with writing(other.engine) as connection:
        promotion.promote(connection, "m", by_hand, "ben")
        step.start()  # it sees the old champion, and waits for the promotion by hand
        wait_until_held_up(other.engine, 1)
    step.join()
    assert registry.read_alias(log, "m", "champion") == by_hand
    job = queue.read_job(log, job_id)
    assert "v2 was compared with v1, but v3 serves by now" in job.note
    while not queue.read_job(log, job_id).is_final:
        run(log, artifacts, job_id)
    assert queue.read_job(log, job_id).state == "rejected"
    assert registry.read_alias(log, "m", "champion") == by_hand
    assert registry.read_version(log, "m", "v2").stage == "withdrawn"
    for each in (log, other):
        each.close()
