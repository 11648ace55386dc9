"""Logs that are built once for all tests of seed/."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import pytest

from seed.demo import DRIFT, Plan, build_demo, planned_rows
from storage import PredictionLog, open_log
from storage.database.settings import Settings

END = datetime(2026, 11, 25, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Built:
    """A log of one scenario; `rows` are what it holds and the sentiment that it does not."""

    log: PredictionLog
    settings: Settings
    plan: Plan
    rows: pd.DataFrame

    def accuracy(self, *, drifted: bool, by: str = "sentiment") -> float:
        """How often the served model was right before the drift, or under it."""
        rows = self.rows[self.rows["version"].notna() & self.rows[by].notna()]
        rows = rows[(rows["predicted_at"] >= END - DRIFT) == drifted]
        return float((rows["prediction"] == rows[by]).mean())


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Built]:
    """Build a scenario at the size of the demo, or return the one built before."""
    known: dict[str, Built] = {}

    def build(scenario: str) -> Built:
        if scenario not in known:
            folder = tmp_path_factory.mktemp(scenario)
            settings = Settings(database_url=f"sqlite:///{folder}/drift.db", artifacts=folder / "models")
            plan = Plan(model="reviews", scenario=scenario, end=END)
            log = open_log(settings.database_url)
            assert build_demo(log, settings, plan).state == "built"
            truth = planned_rows(plan, END)["sentiment"].to_numpy()
            known[scenario] = Built(log, settings, plan, log.read_rows("reviews").assign(sentiment=truth))
        return known[scenario]

    return build
