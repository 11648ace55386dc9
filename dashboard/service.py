"""What the requests of the API share: settings, the open log, the champions and the references at hand."""

import threading
from collections.abc import Callable, Mapping
from functools import cached_property

from dashboard.guard import Role, parse_tokens
from dashboard.serving import Champions
from drift import monitor
from drift.monitor import Board, PreparedReference
from drift.windows import Column, Window
from storage.log import PredictionLog, open_log
from storage.settings import Settings


class Service:
    """Opened by the first request that needs it; a database that is away is tried again by the next one."""

    def __init__(self, read_settings: Callable[[], Settings]) -> None:
        self._read_settings = read_settings
        self._opening = threading.Lock()
        self._log: PredictionLog | None = None
        # A frozen reference never changes: it is prepared once for its model and columns.
        self._prepared: dict[str, tuple[str, tuple[Column, ...], PreparedReference]] = {}

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self._read_settings()

    @cached_property
    def tokens(self) -> Mapping[str, Role]:
        """The roles of the API's tokens; none means that only this machine is served."""
        return parse_tokens(self.settings.api_tokens)

    @cached_property
    def champions(self) -> Champions:
        """The models that serve."""
        return Champions(self.log, self.settings)

    @property
    def log(self) -> PredictionLog:
        """The prediction log."""
        with self._opening:
            if self._log is None:
                self._log = open_log(self.settings.database_url)
            return self._log

    def check(self, model: str, window: Window) -> Board:
        """Compare a window with the model's first reference."""
        frozen = self.log.references(model)
        if not frozen:
            return monitor.check(self.log, model, window)
        name, columns = frozen[0].name, monitor.monitored(self.log, model)
        kept = self._prepared.get(model)
        if kept is None or kept[:2] != (name, columns):
            kept = self._prepared[model] = (name, columns, monitor.prepare(self.log, model, name, columns))
        return monitor.check(self.log, model, window, kept[2])

    def close(self) -> None:
        """Close the database; the next request opens it again."""
        with self._opening:
            if self._log is not None:
                self._log.close()
                self._log = None
