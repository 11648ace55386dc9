"""Boards of several columns: what counts is whether any of them alarms."""

from dataclasses import dataclass

import numpy as np

from drift.statistics.adjustment import benjamini_hochberg
from tests.calibration.detectors import AVAILABLE
from tests.calibration.detectors import first_alarm as detector_alarm
from tests.calibration.peers import EVIDENTLY, WINDOW_RULES, evidently
from tests.calibration.streams import AR6, BINARY, FIFTY, FIVE, NUMERIC, Life, Process, Setting
from tests.calibration.windows import NEVER, Windows

COLUMNS: tuple[Process, ...] = (NUMERIC, NUMERIC, NUMERIC, NUMERIC, AR6, FIVE, FIVE, FIFTY, BINARY, BINARY)
_ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class BoardSetting:
    """Ten columns, independent of each other; one of them may drift."""

    n_reference: int
    drift: str = ""
    drifting: int = 0

    @property
    def name(self) -> str:
        """What tables call it."""
        said = f"{COLUMNS[self.drifting].name} {self.drift}" if self.drift else ""
        return ", ".join(filter(None, (f"board of {len(COLUMNS)}", said, f"reference {self.n_reference:,}")))

    def lives(self, seed: int, number: int) -> list[Life]:
        """Return the lives of all columns: always the same ones for a seed, a setting and a number."""
        settings = [
            Setting(process=process, n_reference=self.n_reference, drift=self.drift if k == self.drifting else "")
            for k, process in enumerate(COLUMNS)
        ]
        # A board's columns are no other board's, and none is another of the same process.
        return [setting.life(seed + 1 + k, number) for k, setting in enumerate(settings)]


def first_alarms(lives: list[Life]) -> dict[str, float]:
    """Return by rule of others the row at which the first column alarms, infinite if none does."""
    windows = [Windows(life) for life in lives]
    looks = windows[0]
    found = {}
    low = np.array([column.p_values for column in windows])
    adjusted = np.array([benjamini_hochberg(look) for look in low.T])
    found["Benjamini-Hochberg p < .05"] = looks.first((adjusted < _ALPHA).any(axis=1))
    found[f"{EVIDENTLY} half of the columns"] = looks.first(
        np.mean([evidently(column) for column in windows], axis=0) >= 0.5
    )
    for name, rule in WINDOW_RULES.items():
        alarmed = [rule(column) for column in windows]
        used = [column for column in alarmed if column is not None]
        if used:
            found[name] = looks.first(np.any(used, axis=0))
    if AVAILABLE:
        heard = [detector_alarm("ADWIN", life) for life in lives]
        found["ADWIN"] = min((row for row in heard if row is not None), default=NEVER)
    return found
