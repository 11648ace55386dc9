"""A board comes to one conclusion: page, `/drift-check`, command line, alert and trigger show the same words."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from dashboard.reading import reads
from dashboard.shown.badges import BADGES, plain
from drift.__main__ import main
from drift.board.verdict import conclusion_json
from drift.data.policy import DEFAULT_POLICY
from drift.data.windows import Column, LastRows
from drift.monitor.labels import acknowledge
from drift.monitor.performance import check_performance
from drift.monitor.watch import snooze
from drift.performance.concept import ACCURACY
from retrain.alerts.lookout import Lookout
from retrain.guards import guarded_board
from retrain.triggers import looks
from storage import PredictionLog
from storage.alerts import messages
from storage.database.settings import Settings
from storage.jobs import queue
from tests.api.conftest import client_of
from tests.dashboard.conftest import BOARD

COLUMNS = (
    Column("age", "numeric"),
    Column("plan", "categorical"),
    Column("steady", "numeric"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
N, N_REFERENCE, WINDOW = 5_000, 1_500, 1_000
CHANGE = 3_500
LATER = np.arange(N) >= CHANGE
WORDS = ("verdict", "sentence", "advice")


def rows(
    *, shift: float = 0.0, right: float = 0.9, labelled: np.ndarray | float = 0.5, n: int = N, seed: int = 3
) -> pd.DataFrame:
    """Return rows, a minute apart and ending now, in which a column moves and predictions go wrong later."""
    rng, later = np.random.default_rng(seed), np.arange(n) >= CHANGE
    prediction = rng.choice(["no", "yes"], n)
    other = np.where(prediction == "no", "yes", "no")
    label = np.where(rng.random(n) < np.where(later, right, 0.9), prediction, other).astype(object)
    label[rng.random(n) >= labelled] = None
    start = datetime.now(UTC) - timedelta(minutes=n)
    return pd.DataFrame(
        {
            "predicted_at": [start + timedelta(minutes=k) for k in range(n)],
            "age": rng.normal(np.where(later, shift, 0.0), 1),
            "plan": rng.choice(["a", "b", "c"], n),
            "steady": rng.normal(size=n),
            "prediction": prediction,
            "label": label,
        }
    )


def fill(log: PredictionLog, frame: pd.DataFrame, columns: tuple[Column, ...] = COLUMNS) -> None:
    log.register("m", columns)
    log.append("m", frame[["predicted_at", *(column.name for column in columns)]])
    log.freeze_reference("m", "training", rows=N_REFERENCE)


def stable(log: PredictionLog) -> None:
    fill(log, rows())


def drifted(log: PredictionLog) -> None:
    fill(log, rows(shift=1.0))


def moved_a_little(log: PredictionLog) -> None:
    fill(log, rows(shift=0.22))


def gone_wrong(log: PredictionLog) -> None:
    fill(log, rows(right=0.5))


def both(log: PredictionLog) -> None:
    fill(log, rows(shift=1.0, right=0.5))


def wrong_in_few_labels(log: PredictionLog) -> None:
    # Fewer labels than a first bucket takes: no alarm of labels can sound, but anybody sees what they show.
    fill(log, rows(right=0.4, labelled=np.where(np.arange(N) < N_REFERENCE, 0.5, np.where(LATER, 0.06, 0.0))))


def one_column_broken(log: PredictionLog) -> None:
    fill(log, rows(n=16_384))
    log.catch_up("m")
    with log.engine.begin() as connection:
        # A page of sealed rows that cannot be read any more.
        broken = "UPDATE segment_values SET data = x'00' WHERE position = 0 AND k = 1"
        assert connection.execute(sa.text(broken)).rowcount == 1


def hardly_any_rows(log: PredictionLog) -> None:
    fill(log, rows()[: N_REFERENCE + 60])


def feed_broken(log: PredictionLog) -> None:
    frame = rows(right=0.5)
    frame.loc[LATER & (np.arange(N) % 3 > 0), "age"] = np.nan
    fill(log, frame)


def codes_renamed(log: PredictionLog) -> None:
    frame = rows()
    frame.loc[LATER, "plan"] = frame.loc[LATER, "plan"].str.upper()
    fill(log, frame)


def answered(log: PredictionLog) -> None:
    drifted(log)
    check_performance(log, "m", LastRows(WINDOW), None, DEFAULT_POLICY)
    acknowledge(log, "m", "training", "age", by="ana", note="a sale")


def snoozed(log: PredictionLog) -> None:
    drifted(log)
    check_performance(log, "m", LastRows(WINDOW), None, DEFAULT_POLICY)
    snooze(log, "m", "training", "age", datetime.now(UTC) + timedelta(days=3), by="ana")


def answered_but_wrong(log: PredictionLog) -> None:
    gone_wrong(log)
    check_performance(log, "m", LastRows(WINDOW), None, DEFAULT_POLICY)
    acknowledge(log, "m", "training", ACCURACY, by="ana")


def without_predictions(log: PredictionLog) -> None:
    fill(log, rows(shift=1.0), tuple(column for column in COLUMNS if column.role != "prediction"))


def without_labels(log: PredictionLog) -> None:
    fill(log, rows(shift=1.0, labelled=0.0))


def job_under_way(log: PredictionLog) -> None:
    both(log)
    queue.start(log, "m", "age moved", "ana")


KINDS: dict[Callable[[PredictionLog], None], tuple[str, str]] = {
    stable: ("stable", "Nothing to do"),
    drifted: ("drift", "Look at the columns; retraining can wait"),
    moved_a_little: ("warning", "Answer the alarm; nothing else has to be done yet"),
    gone_wrong: ("drift", "Retrain now"),
    both: ("drift", "Retrain now"),
    wrong_in_few_labels: ("stable", "Look at the accuracy of this window"),
    one_column_broken: ("error", "Repair the check"),
    hardly_any_rows: ("insufficient", "Wait for more rows"),
    feed_broken: ("drift", "Repair the data feed before retraining"),
    codes_renamed: ("drift", "Repair the data feed before retraining"),
    answered: ("warning", "Nothing to do"),
    snoozed: ("warning", "Answer the alarm; nothing else has to be done yet"),
    answered_but_wrong: ("stable", "Look at the accuracy of this window"),
    without_predictions: ("drift", "Investigate: find out why inputs moved"),
    without_labels: ("drift", "Investigate: label a sample of the newest rows"),
    job_under_way: ("drift", "Job 1 is retraining the model"),
}


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path) -> Settings:
    """Settings whose alerts go to an address that nobody listens at: messages are rows before they are sent."""
    return Settings(database_url=sqlite_url, artifacts=tmp_path, worker="external", alert_url="http://127.0.0.1:9/")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_everybody_is_told_the_same(kind, log, settings, capsys):
    kind(log)
    board = check_performance(log, "m", LastRows(WINDOW), "training", DEFAULT_POLICY)
    said = guarded_board(log, board, datetime.now(UTC)).conclusion
    assert (said.verdict, said.advice.title) == KINDS[kind]
    expected = conclusion_json(said)

    assert reads.board("m", reads.revision("m"), str(WINDOW), "training").conclusion == said
    page = AppTest.from_file(str(BOARD), default_timeout=60)
    page.query_params["model"] = "m"
    shown = [part.value for part in page.run().markdown]
    assert any(BADGES[said.verdict].word in part for part in shown)
    assert f"**{plain(said.sentence)}**" in shown
    assert any(f"**{plain(said.advice.title)}.** {plain(said.advice.evidence)}" in part for part in shown)

    with client_of(settings) as client:
        answer = client.get("/drift-check", params={"model": "m", "window": WINDOW}).json()
    assert {name: answer[name] for name in WORDS} == expected

    capsys.readouterr()  # what the server had to say
    main(["check", "--model", "m", "--last", str(WINDOW), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert {name: told[name] for name in WORDS} == expected
    main(["check", "--model", "m", "--last", str(WINDOW)])
    assert tuple(capsys.readouterr().out.splitlines()[:2]) == said.lines

    Lookout(log, settings).look_at("m")
    for message in (alert.body for alert in messages.read_alerts(log) if alert.kind == "alarm"):
        assert {name: message[name] for name in WORDS} == expected

    watched = looks.TriggerSettings(actions=(said.advice.action,), checks=1, window_rows=WINDOW, every_minutes=0)
    looks.add(log, "m", "drift", "propose", by="ana", settings=watched)
    looks.look(log)
    job = queue.read_active_job(log, "m")
    # A trigger looks at no row of the reference, and proposes nothing beside a job.
    if kind not in (job_under_way, hardly_any_rows) and job is not None:
        assert {name: job.evidence[name] for name in WORDS} == expected
        assert job.reason == f"{said.advice.title}: {said.advice.evidence}"


@pytest.mark.parametrize("kind", [drifted, gone_wrong, codes_renamed], ids=lambda kind: kind.__name__)
def test_an_alert_says_the_sentence_and_the_advice(kind, log, settings):
    kind(log)
    Lookout(log, settings).look_at("m")
    (alert,) = (alert for alert in messages.read_alerts(log) if alert.kind == "alarm")
    said = reads.board("m", reads.revision("m"), str(WINDOW), "training").conclusion
    text = " ".join(said.lines).replace("://", ": //").translate(str.maketrans("[]<>`*", "()‹›'∗"))
    assert text.rstrip(".") in alert.body["text"]
