"""Many lives through all rules, in several processes, and always the same lives for the same seed."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from tests.calibration import boards, detectors, product
from tests.calibration.boards import BoardSetting
from tests.calibration.peers import WINDOW_RULES
from tests.calibration.streams import Setting
from tests.calibration.windows import Windows

SEED = 20_000
_AT_ONCE = 20
# By rule, the row of the first alarm in each life.
FirstAlarms = dict[str, np.ndarray]


def of_life(setting: Setting, number: int, seed: int = SEED, *, alone: bool = False) -> dict[str, float]:
    """Return by rule the row of the first alarm in one life; rules that cannot be used are left out.

    With `alone`, only the product is measured.
    """
    life = setting.life(seed, number)
    ours = product.first_alarm(life)
    if alone or not setting.process.is_plain:
        return {product.NAME: ours}
    windows = Windows(life)
    found: dict[str, float | None] = {product.NAME: ours}
    for name, rule in WINDOW_RULES.items():
        alarmed = rule(windows)
        found[name] = None if alarmed is None else windows.first(alarmed)
    for name in detectors.DETECTORS if detectors.AVAILABLE else ():
        if number < detectors.N_LIVES.get(name, number + 1) and not (setting.drift and name in detectors.N_LIVES):
            found[name] = detectors.first_alarm(name, life)
    return {name: row for name, row in found.items() if row is not None}


def of_board(setting: BoardSetting, number: int, seed: int = SEED, *, alone: bool = False) -> dict[str, float]:
    """Return by rule the row of the first alarm of any column of one board."""
    lives = setting.lives(seed, number)
    ours = {product.NAME: min(product.first_alarm(life, n_columns=len(lives)) for life in lives)}
    return ours if alone else ours | boards.first_alarms(lives)


def measure(
    settings: Sequence[Setting | BoardSetting],
    n_lives: Callable[[Setting | BoardSetting], int],
    processes: int,
    *,
    alone: bool = False,
) -> Iterator[tuple[Setting | BoardSetting, FirstAlarms]]:
    """Yield the first alarms of each setting, in the order given."""
    # Processes are started afresh, so that none inherits the threads of this one.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [
            [
                pool.submit(_some, setting, alone, range(first, min(first + _AT_ONCE, n_lives(setting))))
                for first in range(0, n_lives(setting), _AT_ONCE)
            ]
            for setting in settings
        ]
        for setting, parts in zip(settings, jobs, strict=True):
            yield setting, gathered([life for part in parts for life in part.result()])


def gathered(lives: Sequence[dict[str, float]]) -> FirstAlarms:
    """Turn the first alarms of each life into those of each rule."""
    names = dict.fromkeys(name for life in lives for name in life)
    return {name: np.array([life[name] for life in lives if name in life]) for name in names}


def _some(setting: Setting | BoardSetting, alone: bool, numbers: range) -> list[dict[str, float]]:
    if isinstance(setting, BoardSetting):
        return [of_board(setting, number, alone=alone) for number in numbers]
    return [of_life(setting, number, alone=alone) for number in numbers]
