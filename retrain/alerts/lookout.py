"""The alert pass: looks for what is worth telling, writes it down once, and sends what waits; a process of its own."""

import faulthandler
import os
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime

from drift.board.result import Board
from drift.data.policy import DEFAULT_POLICY
from drift.data.windows import LastRows
from drift.monitor.performance import check_performance
from retrain import guards
from retrain.alerts import channel, payload
from retrain.guards import guarded_board
from storage.alerts import events, messages
from storage.alerts.messages import Alert
from storage.database.settings import Settings
from storage.jobs import job_rows, queue
from storage.jobs.workers import DatabaseAway
from storage.log import PredictionLog, open_log

_PASS_SECONDS = 2.0
_SHOW_SECONDS = 10.0
_AWAY_SECONDS = 5.0
# A model is looked at no more often, and for a tenth of the time at most, however fast rows come.
_LOOK_SECONDS, _TENTH = 5.0, 10
# A check that failed is tried again after so long, whether rows came or not: once is no news.
_AGAIN_SECONDS = 30.0
# What waits is sent after the looks, for they may find that it is over; looks that take longer do not keep it.
_PATIENCE_SECONDS = 30.0
# A pass that takes longer hangs: the process ends, says where, and its worker starts the next one.
_LONGEST_PASS_SECONDS = 1_800


class Lookout:
    """Looks at every model whose revision has changed, and at the jobs; what it has seen is known to it alone.

    Another one, on this machine or the next, sees the same: the keys of the events let one of them tell.
    """

    def __init__(
        self,
        log: PredictionLog,
        settings: Settings,
        again: float = _AGAIN_SECONDS,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self.log, self.settings, self.again, self.patience = log, settings, again, patience
        self._seen: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._failed: dict[str, set[str]] = {}

    def run_pass(self) -> list[str]:
        """Look at what has changed, then send what waits; return what was said.

        What waits is sent though a look fails or hangs.
        """
        sent: list[str] = []
        with ThreadPoolExecutor(1, "looks") as pool:
            looks = pool.submit(self._look_around)
            is_over = False
            while not is_over:
                is_over = bool(wait([looks], self.patience).done)
                sent += self.deliver()
        return looks.result() + sent

    def look_at(self, model: str) -> list[str]:
        """Bring the check of a model up to date and write down what is new."""
        began, revision = time.monotonic(), self.log.revision(model)
        try:
            told, is_whole = self._look(model)
        except DatabaseAway:
            raise
        except Exception as error:  # what to do could not be told, say: that is a broken monitor too
            told, is_whole = self._tell_broken(model, f"{type(error).__name__}: {error}")
        took = time.monotonic() - began
        failed = bool(self._failed.get(model))
        if is_whole and not failed:
            self._seen[model] = revision
        self._not_before[model] = began + took + (self.again if failed else max(_LOOK_SECONDS, _TENTH * took))
        return told

    def look_at_jobs(self) -> list[str]:
        """Write down the jobs that wait for a person or have ended badly."""
        at = datetime.now(UTC)
        recent = queue.read_recent_jobs(self.log, messages.KEPT)
        found = {payload.job_subject(job): job for job in recent if self._is_news(job)}
        untold = events.follow(self.log, "job", list(found))
        said = []
        for subject, key in untold.items():
            job = found[subject]
            if job.state in guards.WAITS or at - job.updated_at < payload.NEWS:
                body = payload.job_body(job, self.settings.board_url)
                said += self._tell("job", {subject: key}, job.model, body)[0]
        return said

    def deliver(self) -> list[str]:
        """Send what is due, the oldest first; a channel that is at fault is left alone for a while."""
        said = []
        messages.give_up_old(self.log)
        while messages.is_due(self.log) and (alert := messages.take(self.log)) is not None:
            answer = send(self.settings, alert)
            if answer.delivered:
                messages.mark_sent(self.log, alert.id)
            else:
                messages.postpone(self.log, alert, answer.said, answer.wait, others_too=not answer.only_this)
            said.append(f"alert {alert.id}, attempt {alert.attempts}: {answer.said}")
        return said

    def _look_around(self) -> list[str]:
        said = _alone(self.look_at_jobs)
        for model in self.log.models():
            if self._is_due(model):
                said += self.look_at(model)
        return said

    def _is_due(self, model: str) -> bool:
        if time.monotonic() < self._not_before.get(model, 0.0):
            return False
        return bool(self._failed.get(model)) or self.log.revision(model) != self._seen.get(model)

    def _is_news(self, job: job_rows.Job) -> bool:
        return payload.is_news(job, queue.read_steps(self.log, job.id) if job.state == "rolled_back" else ())

    def _look(self, model: str) -> tuple[list[str], bool]:
        """Look once; return what was said, and whether nothing is left to look at again."""
        reference = self.log.default_reference(model)
        if reference is None:  # no alarm can sound
            self._failed.pop(model, None)
            return [], True
        try:
            board = check_performance(self.log, model, LastRows(payload.WINDOW_ROWS), reference.name, DEFAULT_POLICY)
        except Exception as error:  # a monitor that is broken is news; a database that is away will not take it down
            return self._tell_broken(model, f"{type(error).__name__}: {error}")
        told, was_first = self._tell_alarms(board)
        more, was_first_too = self._tell_failing(board)
        return told + more, was_first and was_first_too

    def _tell_alarms(self, board: Board) -> tuple[list[str], bool]:
        found = payload.sounding(board)
        untold = events.follow(self.log, "alarm", list(found), board.model)
        if not untold:
            return [], True
        board = guarded_board(self.log, board, datetime.now(UTC))
        told = [found[subject] for subject in untold]
        body = payload.alarm_body(board, told, len(found) - len(told), self.settings.board_url)
        return self._tell("alarm", untold, board.model, body)

    def _tell_failing(self, board: Board) -> tuple[list[str], bool]:
        found = payload.failing(board)
        untold = self._twice(board.model, list(found))
        if not untold:
            return [], True
        body = payload.check_body(board, [found[subject] for subject in untold], self.settings.board_url)
        return self._tell("check", untold, board.model, body)

    def _tell_broken(self, model: str, why: str) -> tuple[list[str], bool]:
        untold = self._twice(model, [f"{model}:"])
        if not untold:
            return [], True
        return self._tell("check", untold, model, payload.no_check_body(model, why, self.settings.board_url))

    def _twice(self, model: str, failing: Sequence[str]) -> dict[str, str]:
        """Return what fails for the second time in a row and was not told of: what passes by itself is no news."""
        before, self._failed[model] = self._failed.get(model, set()), set(failing)
        untold = events.follow(self.log, "check", failing, model)
        return {subject: key for subject, key in untold.items() if subject in before}

    def _tell(
        self, kind: events.EventKind, untold: Mapping[str, str], model: str, body: Mapping[str, object]
    ) -> tuple[list[str], bool]:
        """Write one message; False where another process has told of a part meanwhile, so that the rest is left."""
        number = events.tell(self.log, kind, untold, model, str(body["kind"]), body)
        return ([], False) if number is None else ([f"alert {number}: {body['kind']} on {model}"], True)


def _alone(part: Callable[[], list[str]]) -> list[str]:
    """Do a part of a pass; one that cannot be done leaves the others alone."""
    try:
        return part()
    except DatabaseAway:
        raise
    except Exception:  # whatever it is, the log of alerts has it, and the next pass tries again
        traceback.print_exc()
        return []


def send(settings: Settings, alert: Alert) -> channel.Answer:
    """Send a message, with its number: whoever gets it twice can tell."""
    return channel.post(settings.alert_url, {**alert.body, "id": alert.id})


def try_channel(settings: Settings, log: PredictionLog, by: str, model: str) -> channel.Answer:
    """Send a test message, and note who did; where the channel works, what waits is sent with the next pass.

    Parameters
    ----------
    model : whose page it is sent from, so that its audit list shows it; may be empty

    Raises
    ------
    ValueError
        If no channel is set, or nobody says who they are.
    """
    if not settings.alert_url:
        raise ValueError("DRIFT_ALERT_URL must be set to send alerts; got nothing.")
    if not by.strip():
        raise ValueError("by must be the name of a person; got nothing.")
    answer = channel.post(settings.alert_url, payload.trial_body(by, settings.board_url))
    try:
        messages.note_test(log, by, model, delivered=answer.delivered, said=answer.said)
    except Exception:  # the message is out: whether it was delivered is the answer all the same
        traceback.print_exc()
        return replace(answer, said=f"{answer.said}; the audit list could not take a note of it")
    return answer


def run(settings: Settings, parent: int) -> None:
    """Make passes until the worker that wants them is gone."""
    log = open_log(settings.database_url)
    lookout = Lookout(log, settings)
    threading.Thread(target=_show, args=(log,), daemon=True).start()
    while os.getppid() == parent:
        faulthandler.dump_traceback_later(_LONGEST_PASS_SECONDS, exit=True)
        try:
            for said in lookout.run_pass():
                _say(said)
            time.sleep(_PASS_SECONDS)
        except DatabaseAway as error:
            _say(f"the database does not answer, next try in {_AWAY_SECONDS:.0f} s: {error}")
            time.sleep(_AWAY_SECONDS)
    faulthandler.cancel_dump_traceback_later()
    log.close()


def _show(log: PredictionLog) -> None:
    while True:
        try:
            messages.show_watching(log)
        except DatabaseAway as error:
            _say(f"the database does not answer: {error}")
        time.sleep(_SHOW_SECONDS)


def _say(what: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()), what, flush=True)
