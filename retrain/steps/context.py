"""What a step of a retrain job may read, and how it says what it came to."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from drift.data.samples import Sample
from drift.data.windows import Column
from retrain.models.rows import read_rows
from retrain.params import RetrainParams
from retrain.steps.outputs import Collected, Evaluated, Output, Prechecked, Trained, refused
from storage.jobs.job_rows import Job
from storage.jobs.leases import Outcome
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
    def new_rows_path(self) -> Path:
        """Where this attempt may write the rows that it collects."""
        return self._folder / f"rows-{self.fence}.parquet"

    @property
    def prechecked(self) -> Prechecked:
        """What the pre-check put out."""
        return Prechecked.of(self._output("precheck"))

    @property
    def collected(self) -> Collected:
        """What the collecting put out."""
        return Collected.of(self._output("collect"))

    @property
    def trained(self) -> Trained:
        """What the training put out."""
        return Trained.of(self._output("train"))

    @property
    def evaluated(self) -> Evaluated:
        """What the comparison put out."""
        return Evaluated.of(self._output("evaluate"))

    def rows(self) -> pd.DataFrame:
        """Return the collected rows.

        Returns
        -------
        DataFrame, shape (n, n_columns)
            A row a prediction, in time order; the columns are those of the log.
        """
        collected = self.collected
        return read_rows(self._folder / collected.file, collected.sha256)

    def features(self) -> list[Column]:
        """Return the columns that a model may read."""
        return [column for column in self.log.columns(self.job.model) if column.role == "feature"]

    def reference_samples(self) -> Mapping[str, Sample]:
        """Return the values that each feature had in the model's reference.

        Returns
        -------
        mapping of samples, one of shape (n_reference,) for each feature
            Empty without a reference.
        """
        reference = self.log.default_reference(self.job.model)
        return {} if reference is None else self.log.read_reference(self.job.model, reference.name, self.features())

    @property
    def _folder(self) -> Path:
        return self.artifacts / "jobs" / str(self.job.id)

    def _output(self, step: str) -> Mapping[str, Any]:
        if step not in self.outputs:
            raise ValueError(f"{step} must be done before; done are {', '.join(self.outputs) or 'no steps'}.")
        return self.outputs[step]


def reject(why: str, *, result: Mapping[str, Any] | None = None, **output: Any) -> Outcome:
    """End the job with the reason why it must not go on."""
    return Outcome(
        state="rejected", step="", step_state="rejected", note=why, output=refused(output, why), result=result or {}
    )


def go_on(step: str, output: Output, **more: Any) -> Outcome:
    """Let the job go on with another step."""
    return Outcome(state="queued", step=step, output=output.plain(), **more)
