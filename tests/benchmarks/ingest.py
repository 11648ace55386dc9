"""How fast rows go in: one commit each, and in batches. Sealing is included: the rows of several segments go in."""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from storage import PredictionLog
from tests.benchmarks.logs import COLUMNS, records, rows

SINGLE_ROWS = 20_000
BATCHED_ROWS = 300_000
_SMALL_BATCH = 1_000
_BLOCK = 20_000


def rates(log: PredictionLog, share: float = 1.0) -> dict[str, float]:
    """Return rows a second for each way in; `share` of the usual number of rows is written."""
    ways: dict[str, tuple[Callable[[int, int], Any], int, int]] = {
        "single": (records, 1, int(SINGLE_ROWS * share)),
        "batches of 1,000 records": (records, _SMALL_BATCH, int(BATCHED_ROWS * share)),
        "batches of 1,000 (frames)": (rows, _SMALL_BATCH, int(BATCHED_ROWS * share)),
    }
    return {way: _rate(log, f"ingest_{k}", *how) for k, (way, how) in enumerate(ways.items())}


def _rate(log: PredictionLog, model: str, made: Callable[[int, int], Any], size: int, n_rows: int) -> float:
    log.register(model, COLUMNS)
    seconds = 0.0
    for block in range(0, n_rows, _BLOCK):
        batches = list(islice(_batches(made, block, size), min(_BLOCK, n_rows - block) // size))
        begun = time.perf_counter()
        for batch in batches:
            log.append(model, batch)
        log.catch_up(model)
        seconds += time.perf_counter() - begun
    return log.n_rows(model) / seconds


def _batches(made: Callable[[int, int], Any], first: int, size: int) -> Iterator[Any]:
    """Cut one drawn block into batches: drawing rows is slow and not what is measured."""
    block = made(first, _BLOCK)
    for start in range(0, _BLOCK, size):
        batch = block[start : start + size]
        yield batch if isinstance(batch, list) else batch.reset_index(drop=True)
