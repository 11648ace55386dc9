"""The live simulation of a lesson, as its run tells it: who plays it and who watches it read the same row."""

import hashlib
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qsl, urlencode

from storage.database.engine import Database
from storage.jobs.runs import Run, read_newest_run, read_runs

_BEGINNING = "lesson?"
MIN_SPEED, MAX_SPEED = 10, 5_000
# Healthy rows before the simulation goes live: a model is trained on the first of them, the others are the reference.
TRAINING_ROWS, REFERENCE_ROWS = 4_000, 5_600
HISTORY_ROWS = TRAINING_ROWS + REFERENCE_ROWS
_MOST_ROWS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What is simulated for which model.

    Attributes
    ----------
    speed : rows a second
    after : healthy live rows before the drift begins
    rows : live rows at which the simulation ends
    """

    model: str
    scenario: str
    shape: str = "sudden"
    strength: float = 1.0
    speed: int = 200
    after: int = 0
    rows: int = 60_000
    seed: int = 7

    def __post_init__(self) -> None:
        if not MIN_SPEED <= self.speed <= MAX_SPEED:
            raise ValueError(f"speed must be between {MIN_SPEED:,} and {MAX_SPEED:,} rows a second; got {self.speed}.")
        if not 1 <= self.rows <= _MOST_ROWS:
            raise ValueError(f"rows must be between 1 and {_MOST_ROWS:,}; got {self.rows:,}.")
        if self.after < 0:
            raise ValueError(f"after must be at least 0 rows; got {self.after}.")
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0; got {self.seed}.")

    @property
    def source(self) -> str:
        """What the run of this simulation has as its source.

        Examples
        --------
        >>> Lesson(model="lesson", scenario="concept").source
        'lesson?scenario=concept&shape=sudden&strength=1&speed=200&after=0&rows=60000&seed=7'
        """
        told = {"scenario": self.scenario, "shape": self.shape, "strength": f"{self.strength:g}", "speed": self.speed}
        return _BEGINNING + urlencode({**told, "after": self.after, "rows": self.rows, "seed": self.seed})

    @property
    def fingerprint(self) -> str:
        """What two equal simulations have in common."""
        return hashlib.sha256(f"{self.model} {self.source}".encode()).hexdigest()

    @property
    def n_rows(self) -> int:
        """How many rows the log holds when the simulation has ended by itself."""
        return HISTORY_ROWS + self.rows

    @property
    def onset(self) -> int:
        """How many healthy rows the log holds before the drift begins."""
        return HISTORY_ROWS + self.after

    @classmethod
    def of(cls, run: Run) -> Self:
        """Read back what a run simulates.

        Raises
        ------
        ValueError
            If it is no run of a lesson.

        """
        if not run.source.startswith(_BEGINNING):
            raise ValueError(f"run must be a lesson's; got {run.source!r}.")
        told = dict(parse_qsl(run.source.removeprefix(_BEGINNING), strict_parsing=True))
        whole = {name: int(told[name]) for name in ("speed", "after", "rows", "seed")}
        texts = {name: told[name] for name in ("scenario", "shape")}
        return cls(model=run.model, strength=float(told["strength"]), **texts, **whole)  # type: ignore[arg-type]  # names as fields, told apart by type above


def is_lesson(run: Run) -> bool:
    """Tell whether a run is the simulation of a lesson."""
    return run.source.startswith(_BEGINNING)


def read_newest_lesson(database: Database) -> Run | None:
    """Return the run of the simulation that was begun last."""
    return read_newest_run(database, _BEGINNING)


def read_runs_without_lessons(database: Database, *, limit: int) -> tuple[Run, ...]:
    """Return the newest runs that are no simulation of a lesson."""
    return read_runs(database, limit=limit, without=_BEGINNING)
