"""The channel against a real HTTP server that answers, refuses, redirects and hangs."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from retrain.alerts.channel import post
from tests.patience import PATIENCE
from tests.retrain.fake_channel import SECRET, FakeChannel, Reply

BODY = {"text": "Drift alarm on m: x", "kind": "alarm", "columns": ["x", "größe"]}


def test_a_message_is_posted_as_json(hook):
    answer = post(hook.url, BODY)
    assert (answer.delivered, answer.said) == (True, "the channel answered 200")
    assert hook.messages == [BODY]
    ((method, path, headers),) = hook.requests
    assert (method, path) == ("POST", f"/hooks/{SECRET}")
    assert headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("status", "said", "only_this"),
    [
        (500, "the channel answered 500 Internal Server Error", False),
        (404, "the channel answered 404: DRIFT_ALERT_URL is wrong, or was revoked", False),
        (410, "the channel answered 410: DRIFT_ALERT_URL is wrong, or was revoked", False),
        (400, "the channel answered 400 Bad Request", True),
        (799, "the channel answered 799", False),
    ],
)
def test_a_refusal_is_told_with_its_meaning(hook, status, said, only_this):
    hook.usual = Reply(status, body="")
    answer = post(hook.url, BODY)
    assert (answer.delivered, answer.said, answer.only_this) == (False, said, only_this)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(hook, status):
    elsewhere = FakeChannel()
    hook.usual = Reply(status, headers={"Location": elsewhere.url})
    answer = post(hook.url, BODY)
    elsewhere.close()
    assert not answer.delivered
    assert "a redirect, which is not followed" in answer.said
    assert elsewhere.requests == []


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("120", 120),
        ("99999999999999", 6 * 3600),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("soon", 0),
        ("", 0),
    ],
)
def test_a_channel_that_asks_to_be_left_alone_is_understood(hook, after, seconds):
    hook.usual = Reply(429, headers={"Retry-After": after})
    answer = post(hook.url, BODY)
    assert answer.said.startswith("the channel answered 429 Too Many Requests")
    assert answer.wait == timedelta(seconds=seconds)


def test_a_channel_may_name_an_instant(hook):
    until = datetime.now(UTC) + timedelta(minutes=5)
    hook.usual = Reply(503, headers={"Retry-After": format_datetime(until, usegmt=True)})
    assert timedelta(minutes=4) < post(hook.url, BODY).wait <= timedelta(minutes=5)


@pytest.mark.parametrize("hanging", [Reply(after_seconds=PATIENCE), Reply(drips=True)])
def test_a_channel_that_hangs_is_given_five_seconds(hook, hanging):
    hook.usual = hanging
    began = time.monotonic()
    answer = post(hook.url, BODY)
    assert (answer.delivered, answer.said) == (False, "the channel did not answer within 5 s")
    assert 4 < time.monotonic() - began < PATIENCE / 2


def test_a_channel_that_is_not_there_is_told(hook):
    hook.close()
    assert post(hook.url, BODY).said == "the channel cannot be reached (Connection refused)"


def test_the_words_of_a_channel_help_and_never_hold_its_address(hook):
    hook.usual = Reply(404, body="no_service")
    assert post(hook.url, BODY).said.endswith("was revoked (no_service)")
    for body in (f"Cannot POST /hooks/{SECRET}", f"unknown token {SECRET}", "<html>no</html>", "a\nb", "x" * 150):
        hook.usual = Reply(404, body=body)
        assert post(hook.url, BODY).said == "the channel answered 404: DRIFT_ALERT_URL is wrong, or was revoked"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/{}", "http://no-such-host.invalid/{}", "http://[::1/{}", "x:{}"])
def test_whatever_goes_wrong_the_address_is_not_told(url):
    answer = post(url.format(SECRET), BODY)
    assert not answer.delivered
    assert SECRET not in answer.said


def test_a_channel_that_refuses_unknown_fields_gets_the_text_alone(hook, monkeypatch):
    # Google Chat answers 400 to every field that it does not know. Its name is resolved to this machine here.
    import socket

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *more, **named: real("127.0.0.1", *more, **named) if host else []
    )
    answer = post(f"http://chat.googleapis.com:{hook.port}/v1/spaces/AAAA/messages?key=k&token=t", BODY)
    assert answer.delivered
    assert hook.messages == [{"text": BODY["text"]}]
