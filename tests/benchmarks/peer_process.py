"""Runs in an environment of its own: the same questions to the same SQLite file by Evidently or NannyML.

`PYTHON peer_process.py DATABASE TABLE NUMERIC CATEGORICAL N_REFERENCE N_ROWS` (names joined by commas) writes what
it measured as JSON. It imports nothing of this product, which that environment does not have.
"""

import importlib.metadata
import importlib.util
import json
import os
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

LAST = 100_000
N_WINDOWS = 100
# Evidently takes about two seconds a window: some are measured, and the others are said to be estimated.
MEASURED_WINDOWS = 5


class Table:
    """The table of a log, read as one would read it."""

    def __init__(self, database: str, table: str, numeric: list[str], categorical: list[str]) -> None:
        self.numeric, self.categorical = numeric, categorical
        self._connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        self._select = f'SELECT {", ".join(numeric + categorical)} FROM "{table}" ORDER BY id'  # noqa: S608  of names from our own schema

    def first(self, n: int) -> pd.DataFrame:
        return self._typed(pd.read_sql(f"{self._select} LIMIT {n}", self._connection))

    def last(self, n: int) -> pd.DataFrame:
        return self._typed(pd.read_sql(f"{self._select} DESC LIMIT {n}", self._connection))

    def windows(self, size: int) -> Iterator[pd.DataFrame]:
        yield from map(self._typed, pd.read_sql(self._select, self._connection, chunksize=size))

    def whole(self) -> pd.DataFrame:
        return self._typed(pd.read_sql(self._select, self._connection))

    def _typed(self, frame: pd.DataFrame) -> pd.DataFrame:
        for name in self.categorical:
            frame[name] = frame[name].astype("Int64").astype("string").astype(object).where(frame[name].notna(), None)
        return frame


def by_evidently(table: Table, reference: pd.DataFrame, n_rows: int) -> list[dict[str, Any]]:
    """Time one check, and a few windows of the timeline."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(numerical_columns=table.numeric, categorical_columns=table.categorical)
    known = Dataset.from_pandas(reference, data_definition=definition)
    report = Report([DataDriftPreset(num_method="ks", cat_method="chisquare")])

    def check(frame: pd.DataFrame) -> Any:
        return report.run(Dataset.from_pandas(frame, data_definition=definition), known).dict()

    seconds = _seconds(lambda: check(table.last(LAST)), times=3)
    windows = table.windows(n_rows // N_WINDOWS)
    few = _seconds(lambda: [check(next(windows)) for _ in range(MEASURED_WINDOWS)])
    return [
        {"question": "last_100k", "seconds": seconds, "estimated": False},
        {"question": "timeline", "seconds": few * N_WINDOWS / MEASURED_WINDOWS, "estimated": True},
    ]


def by_nannyml(table: Table, reference: pd.DataFrame, n_rows: int) -> list[dict[str, Any]]:
    """Time one check and the whole timeline."""
    os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
    import nannyml

    def calculator(n_windows: int) -> Any:
        made = nannyml.UnivariateDriftCalculator(
            column_names=table.numeric + table.categorical,
            treat_as_categorical=table.categorical,
            continuous_methods=["kolmogorov_smirnov"],
            categorical_methods=["chi2"],
            chunk_number=n_windows,
        )
        return made.fit(reference)

    one, many = calculator(1), calculator(N_WINDOWS)
    return [
        {
            "question": "last_100k",
            "seconds": _seconds(lambda: one.calculate(table.last(LAST)), times=3),
            "estimated": False,
        },
        {"question": "timeline", "seconds": _seconds(lambda: many.calculate(table.whole())), "estimated": False},
    ]


def _seconds(work: Callable[[], Any], times: int = 1) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[times // 2]


def _peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main(database: str, table: str, numeric: str, categorical: str, n_reference: str, n_rows: str) -> None:
    """Measure every peer that this environment has."""
    warnings.simplefilter("ignore")
    found = []
    for name, measure in {"evidently": by_evidently, "nannyml": by_nannyml}.items():
        if importlib.util.find_spec(name) is None:
            continue
        read = Table(database, table, numeric.split(","), categorical.split(","))
        for figure in measure(read, read.first(int(n_reference)), int(n_rows)):
            version = importlib.metadata.version(name)
            found.append({"peer": name, "version": version, **figure, "peak_mb": _peak_mb()})
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
