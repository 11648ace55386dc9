"""What a step of a retrain job may read, and how it says what it came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from retrain.params import RetrainParams
from retrain.rows import read_rows
from storage.jobs import Job
from storage.leases import Outcome
from storage.log import PredictionLog

Progress = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a step may read: the log, the artifacts folder, its job and what the steps before it put out.

    `fence` is in the name of every file that a step writes: whoever lost the job cannot overwrite the new holder's.
    """

    log: PredictionLog
    artifacts: Path
    job: Job
    params: RetrainParams
    fence: int
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    progress: Progress = lambda share, note: None

    @property
    def rows_path(self) -> Path:
        """Where the collected rows are."""
        collected = self.outputs.get("collect", {})
        return self.artifacts / "jobs" / str(self.job.id) / collected.get("file", f"rows-{self.fence}.parquet")

    def rows(self) -> pd.DataFrame:
        """Return the collected rows."""
        return read_rows(self.rows_path, self.outputs["collect"]["sha256"])


def reject(why: str, *, result: Mapping[str, Any] | None = None, **output: Any) -> Outcome:
    """End the job with the reason why it must not go on."""
    return Outcome(
        state="rejected", step="", step_state="rejected", note=why, output=output | {"why": why}, result=result or {}
    )


def go_on(step: str, output: Mapping[str, Any], **more: Any) -> Outcome:
    """Let the job go on with another step."""
    return Outcome(state="queued", step=step, output=output, **more)
