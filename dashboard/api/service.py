"""What the requests of the API share: settings, the open log, its queues, and the last boards."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property

from dashboard.api.guard import Role, parse_tokens
from dashboard.serving.scorer import Scoring
from dashboard.serving.trials import Shadowing
from dashboard.serving.versions import Versions
from dashboard.serving.writer import Writing
from drift.board.result import Board
from drift.data.policy import DEFAULT_POLICY
from drift.data.windows import Window
from drift.monitor.performance import check_performance
from retrain.guards import guarded_board
from storage.database.settings import Settings
from storage.log import PredictionLog, open_log

_BOARDS_KEPT = 100
_BOARD_HOLDS = 1.0


class Serving:
    """An open log with the queues before it."""

    def __init__(self, log: PredictionLog, settings: Settings) -> None:
        self.log = log
        self.versions = Versions(log, settings)
        self.writing = Writing(log)
        self.shadowing = Shadowing(log, self.versions, self.writing)
        self.scoring = Scoring(log, self.versions)

    def close(self) -> None:
        """Answer, score and write what waits, then close the database."""
        for queue in (self.scoring, self.shadowing, self.writing, self.log):
            queue.close()


class Service:
    """Opened by the first request that needs it; a database that is away is tried again by the next one."""

    def __init__(self, read_settings: Callable[[], Settings]) -> None:
        self._read_settings = read_settings
        self._opening = threading.Lock()
        self._serving: Serving | None = None
        self._checking: dict[str, threading.Lock] = {}
        self._boards: dict[tuple[str, Window], tuple[int, float, Board]] = {}
        # The last board of each model and when it was looked at, for the metrics.
        self.looked_at: dict[str, tuple[Board, float]] = {}

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self._read_settings()

    @cached_property
    def tokens(self) -> Mapping[str, Role]:
        """The roles of the API's tokens; none means that only this machine is served."""
        return parse_tokens(self.settings.api_tokens)

    @property
    def serving(self) -> Serving:
        """The open log and its queues."""
        with self._opening:
            if self._serving is None:
                self._serving = Serving(open_log(self.settings.database_url), self.settings)
            return self._serving

    @property
    def log(self) -> PredictionLog:
        """The prediction log."""
        return self.serving.log

    async def opened(self) -> Serving:
        """Return the open log and its queues, without keeping other requests waiting while it opens."""
        if self._serving is not None:
            return self._serving
        return await asyncio.to_thread(lambda: self.serving)

    async def named(self, model: str | None) -> str:
        """Return a model's name, or the default one's."""
        if model:
            return model
        versions = (await self.opened()).versions
        known = versions.known_default
        return known if known else await asyncio.to_thread(versions.default_model)

    def check(self, model: str, window: Window) -> Board:
        """Compare a window with the model's reference.

        Many who ask at once share a board that was begun after they asked, and whoever comes within a second while the
        log is as it was gets the one that is there.
        """
        asked = time.monotonic()
        with self._checking.setdefault(model, threading.Lock()):
            revision, now = self.log.revision(model), time.monotonic()
            known = self._boards.get((model, window))
            if known is not None and (known[1] >= asked or (known[0] == revision and now - known[1] < _BOARD_HOLDS)):
                return known[2]
            board = check_performance(self.log, model, window, None, DEFAULT_POLICY)
            board = guarded_board(self.log, board, datetime.now(UTC))
            self._boards[model, window] = (revision, now, board)
            while len(self._boards) > _BOARDS_KEPT:
                self._boards.pop(next(iter(self._boards)), None)
        self.looked_at[model] = (board, time.time())
        return board

    def close(self) -> None:
        """Write what waits and close the database; the next request opens it again."""
        with self._opening:
            if self._serving is not None:
                self._serving.close()
                self._serving = None
