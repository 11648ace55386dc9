"""The alert pass on real databases and a real HTTP server: everything is told once, and nothing is lost."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from drift.data.windows import LastRows
from drift.monitor.boards import check
from drift.monitor.labels import acknowledge
from drift.monitor.watch import snooze
from retrain.alerts.lookout import Lookout, try_channel
from storage import open_log
from storage.alerts import messages
from storage.database.audit import read_audit
from storage.database.schema import alert, alert_channel, retrain_job
from storage.database.settings import Settings
from storage.jobs import decisions, leases, queue
from storage.jobs.leases import Outcome
from storage.jobs.queue import start_within
from storage.jobs.workers import DatabaseAway
from tests.patience import wait_for
from tests.retrain.conftest import fill
from tests.retrain.fake_channel import SECRET, Reply
from tests.storage.evidence.test_ledger import COLUMNS, START, frame

NO_PAUSE = 0.0


@pytest.fixture
def lookout(log, with_channel):
    return hurried(log, with_channel)


class Hurried(Lookout):
    """Looks whenever it is asked to: a test does not wait between two looks."""

    def run_pass(self):
        self._not_before.clear()
        return super().run_pass()


def hurried(log, settings):
    return Hurried(log, settings, again=NO_PAUSE)


def begin(log, n_rows=5_000):
    """Let `length` of model `m` drift from row 3,000 on."""
    log.register("m", COLUMNS)
    log.append("m", frame()[:n_rows])
    log.freeze_reference("m", "training", rows=1_000)


def due_now(log):
    with log.engine.begin() as connection:
        connection.execute(sa.update(alert).values(next_at=datetime.now(UTC)))
        connection.execute(sa.update(alert_channel).values(not_before=None))


def break_check(log):
    """Take the rows of a model away, and let it look changed."""
    with log.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE prediction_m RENAME TO gone"))
        connection.execute(sa.text("UPDATE model SET revision = revision + 1"))


def mend_check(log):
    with log.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE gone RENAME TO prediction_m"))


def texts(hook):
    return [message["text"] for message in hook.messages]


def end_job(log, state, note, step_state="failed"):
    """Let the next step of the oldest job end it."""
    ticket = leases.claim(log, "w")
    leases.commit(log, ticket, Outcome(state=state, step="", step_state=step_state, note=note))


def test_an_alarm_is_told_once_with_a_link_to_its_view(log, lookout, hook):
    begin(log, 2_000)
    lookout.run_pass()
    assert hook.messages == []
    log.append("m", frame()[2_000:4_000])
    lookout.run_pass()
    (message,) = hook.messages
    assert message["text"].startswith("Drift alarm on m: length, since about 2026-09-03 ")
    assert message["board_url"] == "http://board.example:8501/?model=m&window=1000&reference=training&column=length"
    assert (message["model"], message["kind"], message["columns"]) == ("m", "alarm", ["length"])
    assert (message["verdict"], message["reference"], message["id"]) == ("drift", "training", 1)
    log.append("m", frame()[4_000:])
    for _ in range(3):
        lookout.run_pass()
    assert len(hook.messages) == 1


def test_what_labels_show_is_told_with_what_to_do(log, lookout, hook, artifacts):
    fill(log, artifacts)
    log.freeze_reference("m", "training", rows=1_000)
    lookout.run_pass()
    (message,) = hook.messages
    assert "accuracy" in message["columns"]
    assert message["advice"]["action"] == "emergency"
    assert "Retrain now. Accuracy fell from" in message["text"]


def test_a_healthy_model_and_one_without_a_reference_tell_nothing(log, lookout, hook):
    begin(log, 3_000)
    log.register("n", COLUMNS)
    log.append("n", frame())
    lookout.run_pass()
    assert hook.messages == []
    assert messages.read_alerts(log) == ()


def test_a_model_that_has_not_changed_is_not_looked_at_again(log, with_channel):
    begin(log, 3_000)
    lookout = Lookout(log, with_channel)
    lookout.run_pass()
    with log.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE prediction_m RENAME TO gone"))
    lookout._not_before.clear()
    lookout.run_pass()
    assert lookout._failed.get("m", set()) == set(), "the check was not made"


def test_an_answered_alarm_is_silent_and_the_next_one_is_told(log, lookout, hook):
    begin(log, 3_300)
    lookout.run_pass()
    acknowledge(log, "m", "training", "length", by="ana", note="a sale")
    lookout.run_pass()
    assert len(hook.messages) == 1
    log.append("m", frame()[3_300:])
    lookout.run_pass()
    assert len(hook.messages) == 2, "the drift goes on after the answer"


def test_an_alarm_that_is_answered_before_it_is_told_is_never_told(log, lookout, hook):
    begin(log, 3_300)
    hook.usual = Reply(500)
    lookout.run_pass()
    acknowledge(log, "m", "training", "length", by="ana", note="seen on the board")
    hook.usual = Reply()
    lookout.run_pass()
    due_now(log)
    lookout.run_pass()
    assert len(hook.messages) == 1
    assert messages.read_alerts(log)[0].state == "given up"


def test_an_alarm_that_was_answered_while_no_worker_lived_is_never_told(log, lookout, with_channel, hook):
    begin(log, 3_300)
    hook.usual = Reply(500)
    lookout.run_pass()
    acknowledge(log, "m", "training", "length", by="ana", note="seen on the board")
    hook.usual = Reply()
    due_now(log)
    hurried(log, with_channel).run_pass()
    assert len(hook.messages) == 1
    assert messages.read_alerts(log)[0].state == "given up"


def test_what_has_waited_for_days_is_not_told(log, lookout, with_channel, hook):
    begin(log, 3_300)
    hook.usual = Reply(500)
    lookout.run_pass()
    hook.usual = Reply()
    due_now(log)
    with log.engine.begin() as connection:
        connection.execute(sa.update(alert).values(created_at=datetime.now(UTC) - messages.KEPT))
    hurried(log, with_channel).run_pass()
    assert len(hook.messages) == 1
    assert messages.read_alerts(log)[0].state == "given up"


def leave_message(log):
    """Let a message wait for a channel."""
    log.register("n", COLUMNS)
    queue.start(log, "n", "why", "ana")
    end_job(log, "failed", "no good")
    Lookout(log, Settings()).look_at_jobs()


def test_a_look_that_hangs_keeps_no_message_waiting(postgres_url, with_channel, hook):
    log = open_log(postgres_url)
    leave_message(log)
    begin(log)
    with ThreadPoolExecutor(1) as pool:
        with log.engine.begin() as connection:
            connection.execute(sa.text("LOCK TABLE prediction_m IN ACCESS EXCLUSIVE MODE"))
            looking = pool.submit(Lookout(log, with_channel, patience=0.2).run_pass)
            wait_for(lambda: hook.messages)
            assert not looking.done()
        looking.result(60)
    assert [message["kind"] for message in hook.messages] == ["job failed", "alarm"]
    log.close()


def test_a_look_that_the_database_breaks_off_keeps_no_message_waiting(log, lookout, hook):
    leave_message(log)
    with log.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE alert_event RENAME TO gone"))
    with pytest.raises(DatabaseAway):
        lookout.run_pass()
    assert [message["kind"] for message in hook.messages] == ["job failed"]


def test_a_snoozed_alarm_is_silent(log, lookout, hook):
    begin(log)
    until = START + timedelta(days=30)
    check(log, "m", LastRows(1_000))
    snooze(log, "m", "training", "length", until, by="ana")
    lookout.run_pass()
    assert hook.messages == []


def test_a_late_row_that_moves_an_alarm_does_not_tell_it_again(log, lookout, hook):
    rows = frame()
    log.register("m", COLUMNS)
    log.append("m", rows[rows.index != 1_500])
    log.freeze_reference("m", "training", rows=1_000)
    lookout.run_pass()
    log.append("m", rows[1_500:1_501])
    lookout.run_pass()
    assert len(hook.messages) == 1


@pytest.mark.each_database
def test_many_lookouts_at_once_tell_once(database_url, with_channel, hook):
    logs = [open_log(database_url) for _ in range(3)]
    begin(logs[0])
    lookouts = [hurried(log, with_channel) for log in logs]
    for _ in range(2):
        together = [threading.Thread(target=lookout.run_pass) for lookout in lookouts]
        for thread in together:
            thread.start()
        for thread in together:
            thread.join()
    assert len(hook.messages) == 1
    assert [one.state for one in messages.read_alerts(logs[0])] == ["sent"]
    for log in logs:
        log.close()


def test_a_check_that_fails_twice_in_a_row_is_told_once(log, lookout, hook):
    begin(log, 2_000)
    lookout.run_pass()

    break_check(log)
    for n_told in (0, 1, 1):
        lookout.run_pass()
        assert len(hook.messages) == n_told
    (message,) = hook.messages
    assert (message["kind"], message["verdict"], message["model"]) == ("check failed", "error", "m")
    assert "so that a drift would not be seen: OperationalError" in message["text"]
    mend_check(log)
    lookout.run_pass()
    break_check(log)
    for _ in range(3):
        lookout.run_pass()
    assert len(hook.messages) == 1, "a check that fails every other time is told once"


def test_a_column_that_cannot_be_read_is_told(log, lookout, hook):
    log.register("m", COLUMNS)
    log.append("m", frame(n=16_384).assign(length=0.0))
    log.freeze_reference("m", "training", rows=1_000)
    log.catch_up("m")
    with log.engine.begin() as connection:
        broken = "UPDATE segment_values SET data = x'00' WHERE position = 0 AND k = 1"
        assert connection.execute(sa.text(broken)).rowcount == 1
    for _ in range(2):
        lookout.run_pass()
    (message,) = hook.messages
    assert (message["kind"], message["columns"], message["verdict"]) == ("check failed", ["length"], "error")


def test_a_job_that_waits_fails_or_is_rejected_is_told_once(log, lookout, hook):
    log.register("m", COLUMNS)
    for reason in ("first", "second"):
        queue.start(log, "m", reason, "ana")
        lookout.run_pass()
        end_job(log, "failed" if reason == "first" else "rejected", f"the {reason} was no good")
        lookout.run_pass()
        lookout.run_pass()
    assert [message["kind"] for message in hook.messages] == ["job failed", "job rejected"]
    assert "Job 1 of m failed: the first was no good: http://board.example:8501/retrain?model=m" in texts(hook)
    decisions.retry(log, 1, "precheck", "ana")
    lookout.run_pass()
    end_job(log, "failed", "again")
    lookout.run_pass()
    assert [message["job"] for message in hook.messages] == [1, 2, 1]


def test_a_proposal_is_told_and_what_people_decide_is_not(log, lookout, hook):
    log.register("m", COLUMNS)
    with log.engine.begin() as connection:
        start_within(connection, "m", "accuracy fell", "trigger 1", "drift", state="proposed")
    lookout.run_pass()
    (message,) = hook.messages
    assert (message["kind"], message["state"]) == ("job waits", "proposed")
    decisions.refuse(log, 1, "ben", "a holiday")
    queue.start(log, "m", "by hand", "ana")
    decisions.cancel(log, 2, "ana")
    lookout.run_pass()
    assert len(hook.messages) == 1


def test_jobs_of_last_week_are_history(log, lookout, hook):
    log.register("m", COLUMNS)
    queue.start(log, "m", "long ago", "ana")
    end_job(log, "failed", "the disk was full")
    with log.engine.begin() as connection:
        connection.execute(sa.update(retrain_job).values(updated_at=datetime.now(UTC) - timedelta(days=2)))
    lookout.run_pass()
    assert hook.messages == []


def test_an_outage_loses_nothing_and_asks_the_channel_once_a_pass(log, lookout, hook):
    hook.usual = Reply(503)
    for model in ("a", "b", "c"):
        log.register(model, COLUMNS)
        queue.start(log, model, "why", "ana")
        end_job(log, "failed", "no good")
    said = lookout.run_pass()
    assert len(hook.messages) == 1
    assert "attempt 1: the channel answered 503 Service Unavailable" in said[-1]
    lookout.run_pass()
    assert len(hook.messages) == 1, "it is left alone"
    hook.usual = Reply()
    due_now(log)
    lookout.run_pass()
    assert sorted(message["model"] for message in hook.messages[1:]) == ["a", "b", "c"]
    assert {one.state for one in messages.read_alerts(log)} == {"sent"}


def test_a_channel_that_limits_the_rate_is_obeyed(log, lookout, hook):
    log.register("m", COLUMNS)
    queue.start(log, "m", "why", "ana")
    end_job(log, "failed", "no good")
    hook.replies = [Reply(429, headers={"Retry-After": "900"})]
    lookout.run_pass()
    (waiting,) = messages.read_alerts(log)
    assert timedelta(minutes=14) < waiting.next_at - datetime.now(UTC) <= timedelta(minutes=15)
    queue.start(log, "m", "another", "ana")
    end_job(log, "failed", "no good either")
    lookout.run_pass()
    assert len(hook.messages) == 1, "what is told meanwhile waits too"
    assert len(messages.read_alerts(log)) == 2


def test_a_message_that_the_channel_does_not_take_keeps_no_other_waiting(log, lookout, hook):
    for model in ("a", "b"):
        log.register(model, COLUMNS)
        queue.start(log, model, "why", "ana")
        end_job(log, "failed", "no good")
    hook.replies = [Reply(400, body="invalid_payload")]
    lookout.run_pass()
    assert [one.state for one in messages.read_alerts(log)] == ["sent", "pending"]
    assert messages.read_alerts(log)[1].last_error == "the channel answered 400 Bad Request (invalid_payload)"


def test_the_channel_is_tried_by_hand_and_the_audit_list_says_so(log, with_channel, hook):
    answer = try_channel(with_channel, log, "ana", "m")
    assert answer.delivered
    assert texts(hook) == ["A test by ana: alerts of the drift monitor arrive here: http://board.example:8501/"]
    hook.usual = Reply(404, body=f"no {SECRET} here")
    assert not try_channel(with_channel, log, "ben", "m").delivered
    entries = read_audit(log, "m")
    assert [(entry.actor, entry.action) for entry in entries] == [("ben", "test alerts"), ("ana", "test alerts")]
    assert SECRET not in str([entry.detail for entry in entries])
    for wrong, by, said in ((Settings(), "ana", "DRIFT_ALERT_URL must be set"), (with_channel, " ", "by must be")):
        with pytest.raises(ValueError, match=said):
            try_channel(wrong, log, by, "m")


def test_the_address_of_the_channel_is_in_no_table_and_no_repr(log, lookout, hook, with_channel, sqlite_url):
    begin(log)
    for reply in (Reply(500), Reply(404, body=f"/hooks/{SECRET}"), Reply(302, headers={"Location": f"/{SECRET}"})):
        hook.usual = reply
        lookout.run_pass()
        due_now(log)
    assert len(hook.messages) == 3
    log.close()
    for path in with_channel.artifacts.parent.glob("drift.db*"):
        assert SECRET.encode() not in path.read_bytes()
    assert SECRET not in repr(with_channel)


def test_a_message_that_cannot_be_worded_leaves_the_others_alone(log, lookout, hook, capsys):
    begin(log)
    queue.start(log, "m", "why", "ana")
    with log.engine.begin() as connection:
        odd = {"champion": {"accuracy": "high"}, "challenger": {"accuracy": "higher"}}
        connection.execute(sa.update(retrain_job).values(state="waiting_approval", result=odd))
    lookout.run_pass()
    assert [message["kind"] for message in hook.messages] == ["alarm"]
    assert "Traceback" in capsys.readouterr().err


def test_a_test_message_that_was_delivered_is_told_so_though_nobody_can_take_a_note_of_it(
    log, with_channel, hook, capsys
):
    with log.engine.begin() as connection:
        refuse = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
        connection.execute(sa.text(refuse))
    answer = try_channel(with_channel, log, "ana", "")
    assert answer.delivered
    assert answer.said.endswith("; the audit list could not take a note of it")
    assert len(hook.requests) == 1
    assert "IntegrityError" in capsys.readouterr().err
