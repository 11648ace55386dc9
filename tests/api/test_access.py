"""Who may call the API, how much may be sent, and what every answer carries."""

import dataclasses

import pytest

from dashboard.api.guard import content_security_policy, parse_tokens, role_of
from dashboard.api.limits import FailureLimit
from tests.api.conftest import client_of

TOKENS = "w-key:writer,o-key:operator"


@pytest.mark.parametrize("host", ["10.0.0.7", "192.168.1.2", "2001:db8::1", "::ffff:10.0.0.7", "not-an-address"])
def test_without_tokens_other_machines_are_refused(reviews, settings, host):
    with client_of(settings, host) as client:
        for path in ("/drift-check", "/health", "/openapi.json", "/nowhere"):
            answer = client.get(path)
            assert answer.status_code == 403
            assert "DRIFT_API_TOKENS" in answer.json()["error"]["message"]
        assert client.post("/predict", json={"text": "great"}).status_code == 403
    assert reviews.n_rows("reviews") == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1"])
def test_without_tokens_this_machine_is_served(reviews, settings, host):
    with client_of(settings, host) as client:
        assert client.get("/drift-check").status_code == 200


def test_a_page_whose_name_was_pointed_at_this_machine_is_refused(client, reviews):
    # However often it tries: it shares its address with whoever works at this machine.
    assert {client.get("/drift-check", headers={"Host": "evil.example"}).status_code for _ in range(25)} == {403, 429}
    assert client.get("/drift-check", headers={"Host": "localhost:8501"}).status_code == 200
    assert client.get("/drift-check", headers={"Host": "[::1]:8501"}).status_code == 200


def test_a_form_of_another_page_cannot_make_us_predict(client, reviews):
    # A browser sends text/plain to any host without asking first; JSON it does not.
    answer = client.post("/predict", content=b'{"text": "great"}', headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422
    assert reviews.n_rows("reviews") == 0


def test_with_tokens_a_caller_needs_one_wherever_it_is(reviews, settings):
    guarded = dataclasses.replace(settings, api_tokens=TOKENS)
    for host in ("127.0.0.1", "10.0.0.7"):
        with client_of(guarded, host) as client:
            for given in (None, "Bearer wrong", "Bearer ", "Basic w-key", "w-key", "Bearer w-key:writer", "Bearer é"):
                headers = {"Authorization": given.encode()} if given else {}
                answer = client.get("/drift-check", headers=headers)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
                assert "w-key" not in answer.text
            assert client.get("/drift-check", headers={"Authorization": "Bearer w-key"}).status_code == 200
            assert client.get("/health").status_code == 200


def test_who_fails_too_often_has_to_wait_and_others_do_not(reviews, settings):
    guarded = dataclasses.replace(settings, api_tokens=TOKENS)
    with client_of(guarded, "10.0.0.7") as client:
        right = {"Authorization": "Bearer w-key"}
        statuses = [client.get("/drift-check", headers={"Authorization": f"Bearer {k}"}).status_code for k in range(25)]
        assert statuses == [401] * 20 + [429] * 5
        # Guesses must not go on: the right token waits as well.
        answer = client.get("/drift-check", headers=right)
        assert (answer.status_code, answer.json()["error"]["code"]) == (429, "too_many_failures")
        assert 0 < int(answer.headers["retry-after"]) <= 60
        assert client.get("/health").status_code == 200
        client._transport.transport.client = ("10.0.0.8", 1)
        assert client.get("/drift-check", headers=right).status_code == 200


def test_failures_are_forgotten_with_time_and_few_addresses_are_remembered():
    now = [0.0]
    failures = FailureLimit(n_allowed=3, seconds=60, n_addresses=100, clock=lambda: now[0])
    for _ in range(3):
        assert failures.seconds_left("10.0.0.7") == 0
        failures.fail("10.0.0.7")
    assert failures.seconds_left("10.0.0.7") == 61
    # A whole IPv6 network is one caller.
    for k in range(3):
        failures.fail(f"2001:db8::{k}")
    assert failures.seconds_left("2001:db8::99") > 0
    now[0] = 60.0
    assert failures.seconds_left("10.0.0.7") == 0
    failures.fail("10.0.0.7")
    assert failures.seconds_left("10.0.0.7") == 0
    for k in range(1_000):
        failures.fail(f"10.1.{k // 256}.{k % 256}")
    assert len(failures) == 100


def test_only_an_operator_may_start_a_retrain(reviews, settings):
    body = {"model": "reviews", "reason": "drift"}
    with client_of(dataclasses.replace(settings, api_tokens=TOKENS)) as client:
        refused = client.post("/retrain", json=body, headers={"Authorization": "Bearer w-key"})
        assert refused.status_code == 403
        assert "operator" in refused.json()["error"]["message"]
        assert client.post("/retrain", json=body, headers={"Authorization": "Bearer o-key"}).status_code == 202


@pytest.mark.parametrize("text", ["secret", "secret:admin", ":writer", "good:writer,secret"])
def test_tokens_that_say_nothing_are_refused_without_showing_them(text):
    with pytest.raises(ValueError, match=r"DRIFT_API_TOKENS must be token:role") as caught:
        parse_tokens(text)
    assert "secret" not in str(caught.value)


def test_a_bad_setting_lets_nobody_in(reviews, settings):
    with client_of(dataclasses.replace(settings, api_tokens="secret:admin")) as client:
        answer = client.get("/drift-check")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


def test_a_token_may_hold_a_colon():
    assert role_of("bearer a:b", parse_tokens("a:b:operator")) == "operator"


def test_a_body_over_a_megabyte_is_refused(client, reviews):
    body = b'{"text": "' + b"x" * 1_000_000 + b'"}'
    answer = client.post("/predict", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"
    for path in ("/predictions", "/labels"):
        assert client.post(path, content=body, headers={"Content-Type": "application/json"}).status_code == 413


def test_every_answer_of_the_api_carries_the_security_headers(client, reviews):
    refused = client.get("/health", headers={"Host": "evil.example"})
    for answer in (client.get("/health"), client.get("/nowhere"), client.post("/predict", json={}), refused):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'; script-src 'self'; ")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_policy_allows_only_the_scripts_of_the_page_as_they_are():
    policy = content_security_policy("<script>a()</script><script src='x.js'></script>")
    scripts = next(rule for rule in policy.split("; ") if rule.startswith("script-src"))
    assert scripts.count("sha256-") == 1
    assert "unsafe" not in scripts


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/predict", 405, "method_not_allowed"),
        ("POST", "/drift-check", 405, "method_not_allowed"),
        ("GET", "/retrain/17", 404, "unknown_job"),
        ("GET", "/retrain/seventeen", 422, "invalid"),
        ("GET", f"/retrain/{2**70}", 422, "invalid"),
    ],
)
def test_what_is_not_there_is_said_in_the_one_shape(client, reviews, method, path, status, code):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code
