"""Detectors of the library river with their default settings, where it is installed. They go row by row."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from tests.calibration.streams import Life
from tests.calibration.windows import NEVER

AVAILABLE = find_spec("river") is not None


def _adwin() -> Any:
    from river.drift import ADWIN

    return ADWIN()


def _page_hinkley() -> Any:
    from river.drift import PageHinkley

    return PageHinkley()


def _kswin() -> Any:
    from river.drift import KSWIN

    return KSWIN(seed=1)


DETECTORS: Mapping[str, Callable[[], Any]] = {"ADWIN": _adwin, "Page-Hinkley": _page_hinkley, "KSWIN": _kswin}
# KSWIN takes .2 ms per row, five hundred times what ADWIN takes: it is run on fewer lives, and remembers few rows.
N_LIVES = {"KSWIN": 30}
_REMEMBERS = {"KSWIN": 100}


def first_alarm(name: str, life: Life) -> float | None:
    """Return the row of the stream at which a detector that has seen the reference alarms first.

    None where it cannot be used: the detectors watch numbers, KSWIN such as are not 0 and 1 only.
    """
    if life.n_categories > (0 if name == "KSWIN" else 2):
        return None
    detector = DETECTORS[name]()
    for value in life.reference[-_REMEMBERS.get(name, life.reference.size) :].tolist():
        detector.update(value)
    for row, value in enumerate(life.stream.tolist(), start=1):
        detector.update(value)
        if detector.drift_detected:
            return float(row)
    return NEVER
