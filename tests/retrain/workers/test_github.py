"""Jobs that GitHub runs, against a local server that answers as GitHub does."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retrain.workers import external, github, launchers, processes
from retrain.workers.github import GitHubFault
from storage.database.audit import read_audit
from storage.database.engine import writing
from storage.database.settings import Settings
from storage.jobs import decisions, dispatches, leases, queue
from storage.jobs.job_rows import set_job
from storage.models import registry
from tests.retrain.conftest import fill, run
from tests.retrain.fake_github import DOCUMENTATION, REPOSITORY, TOKEN, Answer, FakeGitHub

RUN_URL = "https://github.com/acme/reviews/actions/runs/9000"


def refusal(status: int, message: str, **headers: str) -> Answer:
    body = {"message": message, "documentation_url": DOCUMENTATION, "status": str(status)}
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    fake = FakeGitHub()
    yield fake
    fake.close()


@pytest.fixture
def with_hub(settings: Settings, hub: FakeGitHub) -> Settings:
    """Settings whose jobs run on GitHub."""
    return replace(
        settings,
        launcher="github",
        github_repository=REPOSITORY,
        github_token=TOKEN,
        github_api=hub.url,
    )


@pytest.fixture
def job_id(log, artifacts) -> int:
    fill(log, artifacts)
    return queue.start(log, "m", "red turned bad", "ana", params={"window_rows": 1500}).job_id


def be_due(log, job_id: int) -> None:
    with writing(log.engine) as connection:
        set_job(connection, job_id, not_before=queue.read_job(log, job_id).created_at)


def test_a_new_job_becomes_a_run_and_no_worker_of_ours_touches_it(log, with_hub, hub, job_id):
    assert launchers.ask_next(log, with_hub, "w")
    assert hub.dispatched == [
        {
            "ref": "main",
            "inputs": {"reason": "red turned bad", "model": "m", "job_id": str(job_id)},
            "return_run_details": True,
        }
    ]
    method, path, headers, _ = hub.requests[-1]
    assert (method, path) == ("POST", "/repos/acme/reviews/actions/workflows/retrain.yml/dispatches")
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == "2022-11-28"
    job = queue.read_job(log, job_id)
    assert (job.state, job.external_ref, job.lease_owner) == ("queued", RUN_URL, None)
    assert job.note == f"GitHub has accepted the run: {RUN_URL}."
    assert leases.claim(log, "w") is None
    assert not launchers.ask_next(log, with_hub, "w")


def test_an_older_server_starts_the_run_and_does_not_say_which(log, with_hub, hub, job_id):
    hub.tells_run = False
    launchers.ask_next(log, with_hub, "w")
    assert [("return_run_details" in body) for body in hub.dispatched] == [True, False]
    job = queue.read_job(log, job_id)
    assert job.external_ref == dispatches.ACCEPTED
    assert job.note == "GitHub has accepted the run: the Actions page of acme/reviews."


FOR_GOOD = [
    (refusal(401, "Bad credentials"), "401: DRIFT_GITHUB_TOKEN is wrong, revoked or expired"),
    (
        refusal(403, "Resource not accessible by personal access token"),
        "403: the token lacks 'Actions: write' on acme/reviews, or its organisation has not approved it",
    ),
    (refusal(404, "Not Found"), "404: acme/reviews or its retrain.yml is not there, or the token may not see it"),
    (refusal(422, "No ref found for: main"), "422: DRIFT_GITHUB_REF names no branch or tag: main"),
    (
        refusal(422, "Workflow does not have 'workflow_dispatch' trigger"),
        "422: retrain.yml has no workflow_dispatch trigger on the default branch",
    ),
    (
        refusal(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow"),
        "422: retrain.yml is disabled in acme/reviews",
    ),
    (refusal(422, 'Unexpected inputs provided: ["job_id"]'), "422: the inputs are not those of retrain.yml"),
    (refusal(301, "Moved Permanently", location="http://192.0.2.1/"), "301: acme/reviews was renamed or moved"),
    (Answer(418, "<html>a proxy</html>"), "418: GitHub gave an answer that is not known here."),
]


@pytest.mark.parametrize(("answer", "said"), FOR_GOOD, ids=lambda value: value[:40] if isinstance(value, str) else "")
def test_an_answer_that_stays_ends_the_job_with_the_reason_and_frees_the_model(
    answer, said, log, with_hub, hub, job_id
):
    hub.next_answers = [answer]
    launchers.ask_next(log, with_hub, "w")
    job = queue.read_job(log, job_id)
    assert (job.state, job.active_model) == ("failed", None)
    assert job.note.startswith(f"No run was started: {said}")
    if isinstance(answer.body, dict):
        assert answer.body["message"] in job.note
    assert len(hub.dispatched) == 1


PASSING = [
    (
        refusal(429, "API rate limit exceeded", retry_after="90"),
        "429: the rate limit of the token is used up for 2 min",
        90,
    ),
    (
        refusal(403, "You have exceeded a secondary rate limit", retry_after="61"),
        "403: the rate limit of the token is used up for 2 min",
        61,
    ),
    (refusal(403, "You have exceeded a secondary rate limit. Please wait a few minutes."), "403: the rate limit", 60),
    (
        refusal(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="in ten minutes"),
        "403: the rate limit",
        590,
    ),
    (refusal(429, "Too many", retry_after="999999"), "429: the rate limit of the token is used up for 60 min", 3600),
    (refusal(502, "Server Error"), "502: GitHub has a fault; the run may have started", 5),
    (Answer(503, "<html>Unicorn</html>"), "503: GitHub has a fault; the run may have started.", 5),
]


@pytest.mark.parametrize(("answer", "said", "seconds"), PASSING, ids=range(len(PASSING)))
def test_an_answer_that_passes_is_noted_and_asked_again_later(answer, said, seconds, log, with_hub, hub, job_id):
    if "x-ratelimit-reset" in answer.headers:
        answer = replace(answer, headers=answer.headers | {"x-ratelimit-reset": str(int(time.time()) + 600)})
    hub.next_answers = [answer]
    launchers.ask_next(log, with_hub, "w")
    job = queue.read_job(log, job_id)
    assert (job.state, job.external_ref, job.lease_owner) == ("queued", dispatches.ASKED, None)
    assert said in job.note
    assert job.note.startswith("Tried 1 of 8 times, again in ")
    assert (job.not_before - datetime.now(UTC)).total_seconds() == pytest.approx(seconds, abs=12)
    assert leases.claim(log, "w") is None, "no worker of ours may take it meanwhile"
    assert not launchers.ask_next(log, with_hub, "w"), "not before its time"
    be_due(log, job_id)
    launchers.ask_next(log, with_hub, "w")
    assert queue.read_job(log, job_id).external_ref == RUN_URL


def test_a_run_that_started_though_no_answer_came_is_found_and_not_started_twice(
    log, with_hub, hub, job_id, monkeypatch
):
    monkeypatch.setattr(github, "_TIMEOUT_SECONDS", 0.3)
    hub.next_answers = [Answer(200, {}, starts=True, after_seconds=0.8)]
    launchers.ask_next(log, with_hub, "w")
    job = queue.read_job(log, job_id)
    assert "GitHub did not answer in time; the run may have started" in job.note
    assert (job.state, job.external_ref) == ("queued", dispatches.ASKED)
    be_due(log, job_id)
    launchers.ask_next(log, with_hub, "other")
    assert len(hub.runs) == len(hub.dispatched) == 1
    assert queue.read_job(log, job_id).external_ref == RUN_URL


def test_a_worker_that_died_before_it_wrote_the_answer_down_makes_no_second_run(log, with_hub, hub, job_id):
    taken = dispatches.take(log, "dead")
    assert github.dispatch(with_hub, "m", job_id, taken.reason) == RUN_URL
    with writing(log.engine) as connection:
        set_job(connection, job_id, lease_until=taken.created_at)
    launchers.ask_next(log, with_hub, "other")
    assert len(hub.runs) == 1
    assert queue.read_job(log, job_id).external_ref == RUN_URL
    dispatches.accept(log, taken, "http://late", "late")
    assert queue.read_job(log, job_id).external_ref == RUN_URL, "who lost the job writes nothing"


def test_a_server_that_is_away_is_tried_eight_times_and_then_the_job_fails(log, with_hub, job_id):
    nobody = replace(with_hub, github_api="http://127.0.0.1:9")
    for _ in range(dispatches.MAX_TRIES):
        be_due(log, job_id)
        assert launchers.ask_next(log, nobody, "w")
    job = queue.read_job(log, job_id)
    assert job.state == "failed"
    assert job.note.startswith("No run was started after 8 tries; the last: GitHub cannot be reached (")


def test_two_workers_ask_for_one_run(log, with_hub, hub, job_id):
    asked = [threading.Thread(target=launchers.ask_next, args=(log, with_hub, f"w{k}")) for k in range(4)]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join()
    assert len(hub.runs) == 1


def test_a_cancel_while_the_run_is_asked_for_ends_the_job(log, with_hub, job_id):
    taken = dispatches.take(log, "w")
    assert decisions.cancel(log, job_id, "ben").message == f"job {job_id} is being cancelled"
    dispatches.accept(log, taken, RUN_URL, "accepted")
    assert queue.read_job(log, job_id).state == "cancelled"
    with pytest.raises(ValueError, match=f"job must be an open one; job {job_id} is cancelled"):
        external.begin(log, "", "why", "ana", str(job_id), RUN_URL)


def test_the_token_stays_in_the_environment(log, with_hub, hub, job_id, monkeypatch, tmp_path):
    hub.next_answers = [refusal(403, f"no access for {REPOSITORY}")]
    launchers.ask_next(log, with_hub, "w")
    assert TOKEN not in repr(with_hub)
    assert TOKEN not in f"{queue.read_job(log, job_id)} {read_audit(log)}"
    monkeypatch.setenv("DRIFT_GITHUB_TOKEN", TOKEN)
    assert TOKEN not in processes.environment(with_hub, secrets=False).values()
    assert TOKEN in processes.environment(with_hub, secrets=True).values()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"github_token": ""}, "DRIFT_GITHUB_TOKEN must be a token"),
        ({"github_repository": "reviews"}, "DRIFT_GITHUB_REPOSITORY must be owner/name; got 'reviews'"),
        ({"launcher": "jenkins"}, "DRIFT_LAUNCHER must be local or github; got 'jenkins'"),
        ({"github_api": "http://example.com"}, "DRIFT_GITHUB_API must begin with https://"),
    ],
)
def test_settings_that_cannot_work_are_said_at_once(wrong, said, with_hub):
    with pytest.raises(ValueError, match=said):
        replace(with_hub, **wrong)


def test_settings_come_from_the_environment(hub):
    found = Settings.from_environment(
        {
            "DRIFT_LAUNCHER": "github",
            "DRIFT_GITHUB_REPOSITORY": REPOSITORY,
            "DRIFT_GITHUB_TOKEN": TOKEN,
            "DRIFT_GITHUB_REF": "release",
            "DRIFT_GITHUB_API": f"{hub.url}/",
        }
    )
    assert (found.launcher, found.github_ref, found.github_api) == ("github", "release", hub.url)


def test_a_run_that_a_person_began_makes_its_own_job(log, artifacts, with_hub):
    fill(log, artifacts)
    number = external.begin(log, "", "complaints", "octocat", "", RUN_URL)
    job = queue.read_job(log, number)
    assert (job.model, job.reason, job.requested_by, job.external_ref) == ("m", "complaints", "octocat", RUN_URL)
    # The same run tried again, such as by "re-run failed jobs".
    assert external.begin(log, "m", "complaints", "octocat", "", RUN_URL) == number
    assert external.begin(log, "m", "complaints", "octocat", str(number), RUN_URL) == number
    with pytest.raises(ValueError, match=f"already running: job {number}, started by octocat"):
        external.begin(log, "m", "me too", "ben", "", f"{RUN_URL}1")
    with pytest.raises(ValueError, match=f"job {number} is at precheck, run by {RUN_URL}"):
        external.begin(log, "m", "me too", "ben", str(number), f"{RUN_URL}1")
    with pytest.raises(ValueError, match="job must be the number of a retrain job; got '7; rm'"):
        external.begin(log, "m", "me too", "ben", "7; rm", RUN_URL)


def waiting(log, artifacts, job_id: int) -> None:
    external.begin(log, "", "", "octocat", str(job_id), RUN_URL)
    assert run(log, artifacts, job_id).state == "waiting_approval"


def test_what_the_reviewers_of_the_environment_decide_is_taken_over_with_their_name(
    log, artifacts, with_hub, hub, job_id
):
    waiting(log, artifacts, job_id)
    hub.review("approved", "grace", "recall is fine")
    assert external.gate(with_hub, log, job_id, "9000").accepted
    job = queue.read_job(log, job_id)
    assert (job.decision, job.decided_by, job.decision_note) == ("approve", "grace", "recall is fine")
    assert job.external_ref is None, "our own worker goes on with the rollout"
    # Twice, or after somebody decided in the dashboard: the first decision stays.
    hub.review("rejected", "linus")
    again = external.gate(with_hub, log, job_id, "9000")
    assert (again.accepted, again.message) == (True, f"job {job_id} was approved already, by grace")


def test_a_run_that_nobody_was_asked_about_is_not_approved(log, artifacts, with_hub, hub, job_id):
    waiting(log, artifacts, job_id)
    hub.review("approved", "grace", environment="staging")
    answer = external.gate(with_hub, log, job_id, "9000")
    assert not answer.accepted
    assert "give the environment production required reviewers, or decide in the dashboard" in answer.message
    assert queue.read_job(log, job_id).state == "waiting_approval"


def test_a_rejection_on_github_ends_the_job(log, artifacts, with_hub, hub, job_id):
    waiting(log, artifacts, job_id)
    hub.review("rejected", "grace", "not before Friday")
    assert external.end(with_hub, log, job_id, "octocat", "9000").message == f"job {job_id} is refused"
    job = queue.read_job(log, job_id)
    assert (job.state, job.decided_by, job.note) == ("rejected", "grace", "Refused by grace. not before Friday")
    assert registry.read_version(log, "m", "v2").stage == "withdrawn"


def test_a_run_that_was_cut_off_leaves_no_job_open(log, with_hub, job_id):
    external.begin(log, "", "", "octocat", str(job_id), RUN_URL)
    assert external.end(with_hub, log, job_id, "octocat", "9000").accepted
    assert queue.read_job(log, job_id).state == "cancelled"


def test_only_the_next_step_runs_and_one_that_is_done_is_not_repeated(log, with_hub, job_id):
    external.begin(log, "", "", "octocat", str(job_id), RUN_URL)
    with pytest.raises(ValueError, match=f"step must be the next one of job {job_id}, precheck; got 'train'"):
        external.run_step(with_hub, log, job_id, "train")
    with pytest.raises(ValueError, match="step must be one of precheck"):
        external.run_step(with_hub, log, job_id, "prechek")
    for _ in range(2):
        assert external.run_step(with_hub, log, job_id, "precheck").step == "collect"
    assert [(step.name, step.attempt) for step in queue.read_steps(log, job_id)] == [("precheck", 1)]


def test_a_fault_while_the_reviewers_are_asked_is_a_sentence(with_hub, log, job_id):
    with pytest.raises(GitHubFault, match="401: DRIFT_GITHUB_TOKEN is wrong"):
        external.gate(replace(with_hub, github_token="other"), log, job_id, "9000")


def test_old_runs_of_the_same_number_are_not_taken_for_this_one(with_hub, hub):
    github.dispatch(with_hub, "m", 1, "why")
    assert github.find_run(with_hub, "m", 1, datetime.now(UTC) - timedelta(minutes=1)) == RUN_URL
    assert github.find_run(with_hub, "m", 1, datetime.now(UTC) + timedelta(minutes=1)) is None
    assert github.find_run(with_hub, "m", 11, datetime.now(UTC) - timedelta(minutes=1)) is None
    assert os.environ.get("DRIFT_GITHUB_TOKEN") is None
