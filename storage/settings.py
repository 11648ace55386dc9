"""What the environment decides, read once by whoever starts a process and passed on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from storage.engine import DEFAULT_URL

WorkerMode = Literal["auto", "external"]
_TRUE = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the product keeps its data and how it runs; secrets never show in its repr."""

    database_url: str = field(default=DEFAULT_URL, repr=False)
    artifacts: Path = Path("var/models")
    worker: WorkerMode = "auto"
    demo: bool = True
    api_tokens: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the `DRIFT_…` variables; an absent or empty one keeps its default.

        Raises
        ------
        ValueError
            If a variable holds something else than it may.

        Examples
        --------
        >>> Settings.from_environment({"DRIFT_WORKER": "external", "DRIFT_DEMO": "0"}).demo
        False
        """
        worker = environ.get("DRIFT_WORKER") or cls.worker
        if worker not in get_args(WorkerMode):
            raise ValueError(f"DRIFT_WORKER must be auto or external; got {worker!r}.")
        demo = environ.get("DRIFT_DEMO") or "1"
        if demo.lower() not in _TRUE:
            raise ValueError(f"DRIFT_DEMO must be 1 or 0; got {demo!r}.")
        return cls(
            database_url=environ.get("DRIFT_DATABASE_URL") or DEFAULT_URL,
            artifacts=Path(environ.get("DRIFT_ARTIFACTS") or cls.artifacts),
            worker=cast(WorkerMode, worker),
            demo=_TRUE[demo.lower()],
            api_tokens=environ.get("DRIFT_API_TOKENS", ""),
        )
