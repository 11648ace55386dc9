"""What the environment decides, read once by whoever starts a process and passed on."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args
from urllib.parse import urlsplit

from storage.database.engine import DEFAULT_URL

WorkerMode = Literal["auto", "external"]
Launcher = Literal["local", "github"]
GITHUB_API = "https://api.github.com"
LOCAL_BOARD = "http://127.0.0.1:8501"
_SAFE_ADDRESS = re.compile(r"^(https://|http://(localhost|127\.0\.0\.1)(:\d+)?(/|$))")
_REPOSITORY = re.compile(r"^[\w.-]+/[\w.-]+$")
_TRUE = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the product keeps its data and how it runs; secrets never show in its repr."""

    database_url: str = field(default=DEFAULT_URL, repr=False)
    artifacts: Path = Path("var/models")
    worker: WorkerMode = "auto"
    demo: bool = True
    api_tokens: str = field(default="", repr=False)
    launcher: Launcher = "local"
    github_repository: str = ""
    github_token: str = field(default="", repr=False)
    github_ref: str = "main"
    github_api: str = GITHUB_API
    alert_url: str = field(default="", repr=False)
    board_url: str = LOCAL_BOARD

    def __post_init__(self) -> None:
        if self.launcher not in get_args(Launcher):
            raise ValueError(f"DRIFT_LAUNCHER must be local or github; got {self.launcher!r}.")
        if self.launcher == "github" and not _REPOSITORY.match(self.github_repository):
            raise ValueError(f"DRIFT_GITHUB_REPOSITORY must be owner/name; got {self.github_repository!r}.")
        if self.launcher == "github" and not self.github_token:
            raise ValueError("DRIFT_GITHUB_TOKEN must be a token with 'Actions: write'; got nothing.")
        if self.github_token and not self.github_token.isprintable():
            # The HTTP library would quote it in its own complaint, and so in a log.
            raise ValueError("DRIFT_GITHUB_TOKEN must be one line of printable characters; it is not.")
        if not _SAFE_ADDRESS.match(self.github_api):
            raise ValueError(
                f"DRIFT_GITHUB_API must begin with https://, for the token's sake; got {self.github_api!r}."
            )
        if self.alert_url and not _is_address(self.alert_url):
            # Whoever has it may post there: it is not quoted.
            raise ValueError(
                "DRIFT_ALERT_URL must be one address that begins with https:// or http://, without user:password@ and "
                "without #; it is not."
            )
        if not _is_address(self.board_url) or "?" in self.board_url:
            raise ValueError(
                f"DRIFT_BOARD_URL must be the address of the board, such as https://drift.example.com, without ?, # or "
                f"user:password@; got {_without_user(self.board_url)!r}."
            )

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
            launcher=cast(Launcher, environ.get("DRIFT_LAUNCHER") or cls.launcher),
            github_repository=environ.get("DRIFT_GITHUB_REPOSITORY", ""),
            github_token=environ.get("DRIFT_GITHUB_TOKEN", "").strip(),
            github_ref=environ.get("DRIFT_GITHUB_REF") or cls.github_ref,
            github_api=(environ.get("DRIFT_GITHUB_API") or cls.github_api).rstrip("/"),
            alert_url=environ.get("DRIFT_ALERT_URL", "").strip(),
            board_url=(environ.get("DRIFT_BOARD_URL") or cls.board_url).strip().rstrip("/"),
        )


def _is_address(text: str) -> bool:
    """Whether a text is an address that can be called as it stands."""
    if not (text.isascii() and text.isprintable()) or " " in text:
        return False
    try:
        parts = urlsplit(text)
        is_port = parts.port is None or parts.port > 0
    except ValueError:  # such as a port that is no number
        return False
    plain = bool(parts.hostname) and "@" not in parts.netloc and "#" not in text
    return parts.scheme in ("http", "https") and is_port and plain


def _without_user(text: str) -> str:
    return text.rpartition("@")[2]
