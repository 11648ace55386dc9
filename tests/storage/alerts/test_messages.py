"""Alerts on both databases: one message tells of an event, and what is not delivered is not lost."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from storage.alerts import events, messages
from storage.alerts.events import OVER, follow
from storage.alerts.messages import KEPT, LEASE, TOO_OLD
from storage.database.audit import read_audit
from storage.database.schema import alert, alert_channel, alert_event

pytestmark = pytest.mark.each_database

BODY = {"text": "Drift alarm on m: x", "kind": "alarm"}
NO_WAIT = timedelta(0)


def tell(log, *subjects, model="m"):
    untold = {subject: key for subject, key in follow(log, "alarm", subjects, model).items() if subject in subjects}
    return events.tell(log, "alarm", untold, model, "alarm", BODY)


def age(log, table, number, **ages):
    """Let instants of a row lie so far back."""
    with log.engine.begin() as connection:
        at = {name: datetime.now(UTC) - ago for name, ago in ages.items()}
        connection.execute(sa.update(table).where(table.c.id == number).values(at))


def end_since(log, ago):
    """Let what has ended have ended so long ago."""
    with log.engine.begin() as connection:
        ended = sa.update(alert_event).where(alert_event.c.ended_at.is_not(None))
        connection.execute(ended.values(ended_at=datetime.now(UTC) - ago))


def states(log):
    return [one.state for one in reversed(messages.read_alerts(log))]


def test_an_event_is_told_once_however_often_it_is_seen(log):
    assert follow(log, "alarm", ["m:x", "m:y"], "m") == {"m:x": "alarm:m:x#1", "m:y": "alarm:m:y#1"}
    assert tell(log, "m:x", "m:y") == 1
    assert follow(log, "alarm", ["m:x", "m:y"], "m") == {}
    assert list(follow(log, "alarm", ["m:x", "m:y", "m:z"], "m")) == ["m:z"]
    (told,) = messages.read_alerts(log)
    assert (told.model, told.kind, told.state, told.attempts, told.body) == ("m", "alarm", "pending", 0, BODY)


def test_of_many_who_see_an_event_at_once_one_tells(log):
    seen = [follow(log, "alarm", ["m:x", "m:y"], "m") for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(lambda keys: events.tell(log, "alarm", keys, "m", "alarm", BODY), seen))
    assert sum(number is not None for number in told) == 1
    assert len(messages.read_alerts(log)) == 1


def test_who_sees_one_event_more_tells_of_the_rest_with_the_next_look(log):
    mine = follow(log, "alarm", ["m:x", "m:y"], "m")
    assert tell(log, "m:x") is not None
    assert events.tell(log, "alarm", mine, "m", "alarm", BODY) is None
    assert list(follow(log, "alarm", ["m:x", "m:y"], "m")) == ["m:y"]
    assert len(messages.read_alerts(log)) == 1


def test_what_stops_for_a_moment_is_not_told_again_and_what_comes_back_later_is(log):
    tell(log, "m:x")
    messages.mark_sent(log, 1)
    assert follow(log, "alarm", [], "m") == {}
    assert follow(log, "alarm", ["m:x"], "m") == {}
    follow(log, "alarm", [], "m")
    end_since(log, timedelta(hours=2))
    assert follow(log, "alarm", ["m:x"], "m") == {"m:x": "alarm:m:x#2"}
    assert tell(log, "m:x") == 2
    follow(log, "alarm", [], "m")
    assert follow(log, "alarm", ["m:x"], "m") == {}


def test_other_models_and_other_kinds_of_events_go_on(log):
    tell(log, "m:x")
    tell(log, "n:x", model="n")
    follow(log, "alarm", [], "m")
    follow(log, "check", [], "n")
    follow(log, "job", [])
    end_since(log, timedelta(hours=2))
    assert list(follow(log, "alarm", ["m:x"], "m")) == ["m:x"]
    assert follow(log, "alarm", ["n:x"], "n") == {}


def test_a_message_is_given_up_once_all_that_it_tells_of_is_over(log):
    tell(log, "m:x", "m:y")
    follow(log, "alarm", ["m:y"], "m")
    assert states(log) == ["pending"]
    follow(log, "alarm", [], "m")
    assert states(log) == ["given up"]
    assert messages.read_alerts(log)[0].last_error == OVER
    assert messages.take(log) is None
    assert messages.read_delivery(log).failing_since is None, "nobody has to mend anything"


def test_a_message_that_was_given_up_waits_again_if_what_it_tells_of_goes_on(log):
    tell(log, "m:x", "m:y")
    messages.postpone(log, messages.take(log), "the channel answered 503", timedelta(hours=1), others_too=False)
    follow(log, "alarm", [], "m")
    assert states(log) == ["given up"]
    assert follow(log, "alarm", ["m:y"], "m") == {}
    (waiting,) = messages.read_alerts(log)
    assert (waiting.state, waiting.last_error, waiting.attempts) == ("pending", None, 1)
    assert messages.take(log).id == 1
    messages.mark_sent(log, 1)
    assert follow(log, "alarm", ["m:x", "m:y"], "m") == {}
    assert states(log) == ["sent"], "both are told of"


@pytest.mark.parametrize("state", ["sent", "given up"])
def test_what_was_sent_or_refused_for_days_does_not_wait_again_when_it_goes_on(log, state):
    tell(log, "m:x")
    taken = messages.take(log)
    if state == "sent":
        follow(log, "alarm", [], "m")
        messages.mark_sent(log, taken.id)
    else:
        taken = replace(taken, created_at=taken.created_at - KEPT)
        messages.postpone(log, taken, "the channel answered 404", NO_WAIT, others_too=False)
        follow(log, "alarm", [], "m")
    assert follow(log, "alarm", ["m:x"], "m") == {}
    assert states(log) == [state]


def test_what_was_sent_stays_sent_though_it_is_over(log):
    tell(log, "m:x")
    taken = messages.take(log)
    follow(log, "alarm", [], "m")
    messages.mark_sent(log, taken.id)
    follow(log, "alarm", [], "m")
    assert states(log) == ["sent"]


def test_many_senders_at_once_take_a_message_once(log):
    for name in "abc":
        tell(log, f"m:{name}", model=name)
    with ThreadPoolExecutor(8) as pool:
        taken = [one.id for one in pool.map(lambda _: messages.take(log), range(8)) if one]
    assert sorted(taken) == [1, 2, 3]
    assert not messages.is_due(log)


def test_a_message_whose_sender_died_is_due_again_after_its_lease(log):
    tell(log, "m:x")
    assert messages.take(log).attempts == 1
    assert messages.take(log) is None
    age(log, alert, 1, next_at=-LEASE / 2)
    assert messages.take(log) is None
    age(log, alert, 1, next_at=timedelta(0))
    assert messages.take(log).attempts == 2


def test_a_message_that_is_refused_waits_longer_each_time_and_keeps_when_it_began(log):
    tell(log, "m:x")
    pauses = []
    for n in range(9):
        age(log, alert, 1, next_at=timedelta(0))
        messages.postpone(log, messages.take(log), f"the channel answered {500 + n}", NO_WAIT, others_too=False)
        pauses.append((messages.read_alerts(log)[0].next_at - datetime.now(UTC)).total_seconds())
    assert pauses == pytest.approx([10, 20, 40, 80, 160, 320, 600, 600, 600], abs=2)
    found = messages.read_delivery(log)
    assert (found.n_pending, found.why) == (1, "the channel answered 508")
    assert datetime.now(UTC) - found.failing_since < timedelta(seconds=20)
    began = found.failing_since
    messages.mark_sent(log, 1)
    assert messages.read_alerts(log)[0].failing_since == began
    assert messages.read_delivery(log).failing_since is None


def test_a_channel_that_asks_to_be_left_alone_is_left_alone_by_all(log):
    tell(log, "m:x")
    tell(log, "n:x", model="n")
    messages.postpone(log, messages.take(log), "the channel answered 429", timedelta(minutes=30), others_too=True)
    tell(log, "o:x", model="o")
    assert not messages.is_due(log)
    assert messages.take(log) is None
    until = messages.read_alerts(log)[-1].next_at
    assert (until - datetime.now(UTC)).total_seconds() == pytest.approx(1800, abs=5)
    with log.engine.begin() as connection:
        assert connection.execute(sa.select(alert_channel.c.not_before)).scalar_one() == until
    messages.note_test(log, "ana", "m", delivered=False, said="the channel answered 429")
    assert not messages.is_due(log)
    messages.note_test(log, "ana", "m", delivered=True, said="the channel answered 200")
    assert sorted(messages.take(log).id for _ in range(3)) == [1, 2, 3]
    entry = read_audit(log, "m")[0]
    assert (entry.actor, entry.action, entry.detail) == ("ana", "test alerts", {"answer": "the channel answered 200"})


def test_a_message_that_is_at_fault_itself_keeps_no_other_waiting(log):
    tell(log, "m:x")
    tell(log, "n:x", model="n")
    messages.postpone(log, messages.take(log), "the channel answered 400", NO_WAIT, others_too=False)
    assert messages.take(log).id == 2


def test_old_news_is_given_up_and_told_as_a_fault_until_something_is_delivered(log):
    tell(log, "m:x")
    taken = messages.take(log)
    taken = replace(taken, created_at=taken.created_at - KEPT)
    messages.postpone(log, taken, "the channel answered 404", NO_WAIT, others_too=True)
    assert states(log) == ["given up"]
    found = messages.read_delivery(log)
    assert (found.n_given_up, found.n_pending, found.why) == (1, 0, "the channel answered 404")
    assert found.failing_since is not None
    tell(log, "n:x", model="n")
    age(log, alert, 1, next_at=timedelta(minutes=5))
    messages.mark_sent(log, 2)
    assert messages.read_delivery(log).failing_since is None


def test_what_has_waited_for_days_is_not_sent_and_given_up(log):
    for name in "abcd":
        tell(log, f"{name}:x", model=name)
    messages.postpone(log, messages.take(log), "the channel answered 503", NO_WAIT, others_too=False)
    age(log, alert, 1, created_at=KEPT, next_at=timedelta(days=2))
    assert messages.take(log).id == 2
    age(log, alert, 2, created_at=KEPT)
    age(log, alert, 3, created_at=KEPT)
    assert messages.take(log).id == 4
    assert not messages.is_due(log)
    assert states(log) == ["pending"] * 4
    messages.give_up_old(log)
    assert states(log) == ["given up", "pending", "given up", "pending"], "the second is being sent"
    errors = [one.last_error for one in reversed(messages.read_alerts(log))]
    assert errors == ["the channel answered 503", None, TOO_OLD, None]
    assert messages.read_delivery(log).why == "the channel answered 503"


def test_of_two_who_are_the_first_to_note_the_channel_both_can(log):
    with ThreadPoolExecutor(1) as pool:
        with log.engine.begin() as connection:
            held = datetime.now(UTC) + timedelta(hours=1)
            connection.execute(sa.insert(alert_channel).values(id=1, not_before=held))
            second = pool.submit(messages.show_watching, log)
            assert not wait([second], 0.5).done, "it waits for the first"
        second.result(30)
    with log.engine.begin() as connection:
        (row,) = connection.execute(sa.select(alert_channel))
    assert row.not_before == held
    assert messages.read_delivery(log).is_watched


def test_whether_somebody_looks_is_known_for_half_a_minute(log):
    assert not messages.read_delivery(log).is_watched
    messages.show_watching(log)
    messages.show_watching(log)
    found = messages.read_delivery(log)
    assert found.is_watched
    assert datetime.now(UTC) - found.watched_at < timedelta(seconds=10)
    age(log, alert_channel, 1, seen_at=timedelta(seconds=40))
    assert not messages.read_delivery(log).is_watched
