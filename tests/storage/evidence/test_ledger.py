"""Evidence that is stored, taken up again, contested, and built again from the log."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from drift.data.windows import Column, LastRows, RowSpan
from drift.life.ledger import Acknowledgement, Snooze
from drift.monitor.boards import check
from drift.monitor.references import prepare
from drift.monitor.source import monitored
from drift.monitor.watch import acknowledge_stream, snooze, watch
from storage import PredictionLog, open_log
from storage.database.audit import read_audit
from storage.database.engine import writing
from storage.evidence.ledger import mark_stale
from storage.evidence.rows import checkpoints
from storage.upkeep.evidence_check import rebuild_evidence, verify_evidence
from storage.upkeep.retention import retain

pytestmark = pytest.mark.each_database

COLUMNS = (
    Column("length", "numeric"),
    Column("channel", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
START = datetime(2026, 9, 1, tzinfo=UTC)
N_REFERENCE, DRIFT_BEGINS = 1_000, 3_000


def frame(n=5_000, seed=1):
    """Return rows of which `length` moves at row 3,000."""
    rng = np.random.default_rng(seed)
    at = np.arange(n)
    return pd.DataFrame(
        {
            "predicted_at": pd.to_datetime(START) + pd.to_timedelta(at, unit="min"),
            "request_id": [f"r{k}" for k in at],
            "length": rng.normal(size=n) + (at >= DRIFT_BEGINS),
            "channel": rng.choice(["web", "app", "shop"], n),
            "prediction": rng.choice(["yes", "no"], n),
        }
    )


@pytest.fixture
def registered(log):
    log.register("m", COLUMNS)
    return log


def begin(log: PredictionLog, rows: pd.DataFrame) -> None:
    log.append("m", rows)
    log.freeze_reference("m", "training", rows=N_REFERENCE)


def kept(log: PredictionLog, reference="training"):
    columns = monitored(log, "m")
    watch(log, "m", prepare(log, "m", reference, columns), columns)
    return log.ledger("m", reference).read(states=True)


def comparable(found):
    return found.states, found.progress, found.alarms


def test_looks_in_between_change_nothing(registered, tmp_path):
    rows = frame()
    begin(registered, rows[:1_250])
    first = 1_250
    for last in (1_301, 1_302, 1_999, 3_200, 5_000):
        registered.append("m", rows[first:last])
        kept(registered)
        first = last
    at_once = open_log(f"sqlite:///{tmp_path}/other.db")
    at_once.register("m", COLUMNS)
    begin(at_once, rows)
    resumed, whole = kept(registered), kept(at_once)
    at_once.close()
    assert resumed.states == whole.states
    assert [a.alarm for a in resumed.alarms] == [a.alarm for a in whole.alarms]
    assert {p.position for p in resumed.progress.values()} == {4_000}
    assert verify_evidence(registered, "m") == []
    assert rebuild_evidence(registered, "m") == 1
    assert comparable(kept(registered)) == comparable(resumed)


def test_an_alarm_is_a_row_with_its_instant_and_the_onset(registered):
    begin(registered, frame())
    record = kept(registered).alarms[0]
    assert (record.stream, len(kept(registered).alarms)) == ("length", 1)
    assert 2_000 < record.alarm.row <= 2_200
    assert record.mark.at == START + timedelta(minutes=N_REFERENCE + record.alarm.row - 1)
    assert abs(record.onset_at - (START + timedelta(minutes=DRIFT_BEGINS))) < timedelta(minutes=60)


def test_a_late_row_is_taken_up_from_the_checkpoint_before_it(registered):
    rows = frame()
    late = rows.index.isin([1_700, 4_010])
    begin(registered, rows[~late])
    before = kept(registered)
    registered.append("m", rows[late])
    after = kept(registered)
    assert after.states != before.states
    assert verify_evidence(registered, "m") == []
    rebuild_evidence(registered, "m")
    assert comparable(kept(registered)) == comparable(after)


def test_an_answered_alarm_stays_history_and_the_scores_start_again(registered):
    rows = frame()
    begin(registered, rows[:3_300])
    revision, alarmed = registered.revision("m"), kept(registered)
    acknowledge_stream(registered, "m", "training", "length", by="ana", note="a sale")
    answered = kept(registered)
    assert registered.revision("m") > revision  # boards that are cached under it are drawn anew
    assert answered.progress["length"].score == 0
    record = answered.alarms[0]
    assert (record.alarm, record.acknowledged.by) == (alarmed.alarms[0].alarm, "ana")
    entry = read_audit(registered, "m")[0]
    assert (entry.actor, entry.action, entry.detail["note"]) == ("ana", "acknowledge alarm", "a sale")
    with pytest.raises(ValueError, match="column must have an alarm"):
        acknowledge_stream(registered, "m", "training", "length", by="ana")
    registered.append("m", rows[3_300:])
    again = kept(registered)
    assert [a.acknowledged is None for a in again.alarms] == [False, True]  # the drift goes on
    rebuild_evidence(registered, "m")
    assert comparable(kept(registered)) == comparable(again)
    assert verify_evidence(registered, "m") == []


def test_late_rows_leave_an_answered_alarm_as_it_was(registered):
    rows = frame()
    begin(registered, rows[rows.index != 2_500][:3_300])
    kept(registered)
    acknowledge_stream(registered, "m", "training", "length", by="ana", kind="false alarm")
    answered = kept(registered).alarms
    registered.append("m", rows[2_500:2_501])
    assert kept(registered).alarms[0] == answered[0]
    assert kept(registered).open_alarm("length") is None
    registered.append("m", rows[3_301:])
    assert kept(registered).open_alarm("length") is not None
    assert verify_evidence(registered, "m") == []


def test_a_snoozed_alarm_stays_snoozed_when_a_late_row_moves_it(registered):
    rows = frame()
    begin(registered, rows[rows.index != 1_500])
    kept(registered)
    until = START + timedelta(days=30)
    snooze(registered, "m", "training", "length", until, by="ana", note="known")
    assert check(registered, "m", LastRows(1_000)).verdict == "warning"
    registered.append("m", rows[1_500:1_501])
    assert kept(registered).open_alarm("length").snoozed.until == until
    assert check(registered, "m", LastRows(1_000)).verdict == "warning"


@pytest.mark.parametrize(("n_behind", "is_answered"), [(1, True), (0, False)])
def test_an_answer_holds_though_rows_come_late_behind_its_evidence(registered, n_behind, is_answered):
    begin(registered, frame()[:3_350])
    found, ledger = kept(registered), registered.ledger("m", "training")
    progress, record = found.progress["length"], found.open_alarm("length")
    with writing(registered.engine) as connection:
        mark_stale(connection, 1, progress.mark.row_id + n_behind)
    answer = Acknowledgement(ledger.now(), "ana", "acknowledged", "", progress.mark)
    assert ledger.acknowledge(found, record, answer, progress, found.states["length"]) == is_answered


def test_a_snooze_of_an_alarm_that_was_answered_just_now_is_refused(registered):
    begin(registered, frame()[:3_350])
    ledger, record = registered.ledger("m", "training"), kept(registered).open_alarm("length")
    acknowledge_stream(registered, "m", "training", "length", by="ana")
    with pytest.raises(ValueError, match="must still be open"):
        ledger.snooze(record, Snooze(START + timedelta(days=9), "ben", ""))


def test_who_comes_second_drops_his_work(registered):
    begin(registered, frame())
    ledger = registered.ledger("m", "training")
    known = kept(registered)
    progress, state = known.progress["length"], known.states["length"]
    later = replace(progress, position=progress.position + 100)
    assert ledger.write(known, "rows", [(later, state)], []) == known.version + 1
    assert ledger.write(known, "rows", [(progress, state)], []) is None


def test_evidence_that_another_release_stored_otherwise_is_built_again(registered):
    rows = frame()
    begin(registered, rows[:4_500])
    known = kept(registered)
    with registered.engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE evidence SET state = :state WHERE stream = 'length'"), {"state": b"01234567"}
        )
    registered.append("m", rows[4_500:])
    again = kept(registered)
    assert again.progress["length"].position == 4_000
    assert again.alarms == known.alarms
    assert verify_evidence(registered, "m") == []


def test_looks_at_the_same_time_agree(registered):
    begin(registered, frame())
    boards = []
    looks = [threading.Thread(target=lambda: boards.append(check(registered, "m", LastRows(1_000)))) for _ in range(4)]
    for look in looks:
        look.start()
    for look in looks:
        look.join()
    assert [board.columns for board in boards] == [boards[0].columns] * 4
    assert verify_evidence(registered, "m") == []


def test_a_new_reference_starts_a_life_of_its_own(registered):
    rows = frame()
    begin(registered, rows)
    assert check(registered, "m", LastRows(1_000), "training").verdict == "drift"
    registered.freeze_reference("m", "newer", START + timedelta(minutes=3_500), START + timedelta(minutes=4_500))
    board = check(registered, "m", LastRows(400), "newer")
    assert (board.verdict, board.rule, board.alarms) == ("stable", "life", ())
    assert kept(registered, "newer").progress["length"].position == 500


def test_a_column_that_came_after_the_reference_is_not_watched(registered):
    rows = frame()
    begin(registered, rows[:2_000])
    kept(registered)
    registered.register("m", [*COLUMNS, Column("device", "categorical")])
    registered.append("m", rows[2_000:].assign(device="phone"))
    assert "device" not in kept(registered).progress
    report = next(r for r in check(registered, "m", LastRows(1_000)).columns if r.column == "device")
    assert report.verdict == "insufficient"


def test_a_check_answers_while_somebody_else_is_writing(sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    begin(log, frame())
    other = sa.create_engine(sqlite_url)
    with other.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        board = check(log, "m", LastRows(1_000))
        connection.exec_driver_sql("ROLLBACK")
    assert board.verdict == "drift"
    assert log.ledger("m", "training").read() is None
    log.append("m", frame(5_001)[5_000:])
    assert check(log, "m", RowSpan(4_000, 5_000)).columns == board.columns
    assert log.ledger("m", "training").read() is not None
    other.dispose()
    log.close()


def test_a_check_answers_from_a_database_that_may_only_be_read(sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    begin(log, frame())
    log.engine.dispose()

    @sa.event.listens_for(log.engine, "connect")
    def read_only(connection, _record):
        connection.execute("PRAGMA query_only = on")

    boards = [check(log, "m", RowSpan(4_000, 5_000)) for _ in range(2)]
    assert boards[0].verdict == "drift"
    assert boards[0].columns == boards[1].columns
    log.close()


def test_a_window_before_the_reference_is_one_look(registered):
    registered.append("m", frame())
    registered.freeze_reference("m", "newer", START + timedelta(minutes=3_500), START + timedelta(minutes=4_500))
    board = check(registered, "m", RowSpan(1_000, 2_000), "newer")
    assert (board.verdict, board.rule, board.honesty) == ("drift", "one look", None)


def test_retention_takes_rows_and_leaves_the_evidence_they_gave(registered):
    rows = frame()
    begin(registered, rows[rows.index != 4_450][:4_500])
    before = kept(registered)
    retain(registered, "m", START + timedelta(minutes=2_400))
    assert comparable(kept(registered)) == comparable(before)
    registered.append("m", rows[4_500:])
    registered.append("m", rows[4_450:4_451])
    after = kept(registered)
    assert after.progress["length"].position == 4_000
    assert after.alarms == before.alarms
    assert verify_evidence(registered, "m") == []
    rebuild_evidence(registered, "m")
    assert comparable(kept(registered)) == comparable(after)


def test_a_rebuild_after_retention_loses_no_alarm_of_rows_that_are_gone(registered):
    rows = frame()
    begin(registered, rows[:1_250])
    for first in range(1_250, 5_000, 250):
        registered.append("m", rows[first : first + 250])
        kept(registered)
    before = kept(registered)
    retain(registered, "m", START + timedelta(minutes=4_000))
    rebuild_evidence(registered, "m")
    assert before.open_alarm("length").mark.at < START + timedelta(minutes=4_000)
    assert comparable(kept(registered)) == comparable(before)
    assert verify_evidence(registered, "m") == []


def test_checkpoints_thin_out_as_they_get_older():
    positions = [100]
    for newest in range(200, 300_000, 100):
        positions = checkpoints([*positions, newest])
    assert len(positions) < 16
    gaps = np.diff(positions)
    assert gaps[-1] <= 1_000
    for before, after in pairwise(positions):
        assert after - before <= max(2_000, 2.5 * (positions[-1] - before))
