"""Files that were uploaded to be imported: each in a folder of its own, under names that the server chooses.

The folder holds the file until its import has ended, and what is to be remembered of the import: how it was asked for,
what its process said, and the rows that were rejected.
"""

import fcntl
import json
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Literal

from storage.database.settings import Settings

SUFFIXES = (".csv", ".parquet")
_PARQUET_MAGIC = b"PAR1"
# A file that nobody came back for, and the record of an import that has ended, stay so long.
_UNASKED, _REMEMBERED = timedelta(days=1), timedelta(days=30)
_MOST_NAME = 120


@dataclass(frozen=True, kw_only=True)
class Request:
    """How an import was asked for; `arguments` are those of the command line behind the name of the file."""

    called: str
    model: str
    by: str
    fingerprint: str
    arguments: tuple[str, ...]
    reference: tuple[Literal["rows", "until"], str] | None = None
    asked_at: str


@dataclass(frozen=True)
class Upload:
    """The folder of one uploaded file."""

    folder: Path

    @property
    def file(self) -> Path | None:
        """The file itself, while it is there."""
        return next((path for suffix in SUFFIXES if (path := self.folder / f"upload{suffix}").is_file()), None)

    @property
    def rejected(self) -> Path:
        """Where rejected rows are listed."""
        return self.folder / "rejected.csv"

    @property
    def log(self) -> Path:
        """What the processes of the import have said; whoever works on the upload holds a lock on it."""
        return self.folder / "import.log"

    @property
    def request(self) -> Request | None:
        """How the import was asked for, or None where that has not happened yet."""
        try:
            told = json.loads((self.folder / "request.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        reference = told["reference"]
        found = {"arguments": tuple(told["arguments"]), "reference": tuple(reference) if reference else None}
        return Request(**told | found)

    def remember(self, request: Request) -> None:
        """Keep how the import was asked for."""
        unfinished = self.folder / "request.part"
        unfinished.write_text(json.dumps(asdict(request)), encoding="utf-8")
        unfinished.replace(self.folder / "request.json")

    @property
    def is_worked_on(self) -> bool:
        """Whether a process holds the lock: it goes with the process, however that ended."""
        try:
            with self.log.open("rb") as log:
                fcntl.flock(log, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def lock(self, log: BinaryIO, patience: float = 1.0) -> bool:
        """Lock the upload for whoever holds the open log; return whether nobody else has."""
        deadline = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # another process is at work, or somebody has just looked whether one is
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
            else:
                return True

    def remove_file(self) -> None:
        """Remove the uploaded file and keep what is remembered of it."""
        if (file := self.file) is not None:
            file.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove everything, unless a process works on it."""
        if not self.is_worked_on:
            shutil.rmtree(self.folder, ignore_errors=True)


def folder_of(settings: Settings) -> Path:
    """Return the folder of all uploads: beside the model files, as the logs are."""
    return settings.artifacts.parent / "uploads"


def keep(settings: Settings, content: memoryview, client_name: str) -> Upload:
    """Store what was uploaded; of the client's name only the ending is looked at.

    Raises
    ------
    ValueError
        If it is neither a CSV nor a Parquet file by its name, or is empty.
    """
    suffix = Path(client_name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"the file must end in .csv or .parquet; got {called(client_name)!r}.")
    if not len(content):
        raise ValueError(f"{called(client_name)} must hold rows; it is empty.")
    if bytes(content[:4]) == _PARQUET_MAGIC:
        suffix = ".parquet"
    root = folder_of(settings)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    upload = Upload(root / secrets.token_hex(8))
    upload.folder.mkdir(mode=0o700)
    try:
        (upload.folder / f"upload{suffix}").write_bytes(content)
    except OSError as error:
        upload.discard()
        raise ValueError(f"the disk must have room for {len(content):,} bytes; {error.strerror}.") from error
    return upload


def called(client_name: str) -> str:
    """Return the client's name of a file in a form that can be listed: one short line, without folders.

    Examples
    --------
    >>> called("C:\\\\data\\\\loans\\n2026.csv")
    'loans2026.csv'
    """
    name = client_name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in name if letter.isprintable())[-_MOST_NAME:] or "file"


def uploads(settings: Settings) -> tuple[Upload, ...]:
    """Return the uploads whose import was asked for, the newest first."""
    root = folder_of(settings)
    asked = [(_changed_at(path / "request.json"), path) for path in root.iterdir()] if root.is_dir() else []
    by_age = sorted(((at, path) for at, path in asked if at is not None), reverse=True)
    return tuple(Upload(path) for _, path in by_age)


def sweep(settings: Settings) -> None:
    """Remove the files that nobody asked to import, and the records of imports that are long over."""
    root, now = folder_of(settings), time.time()
    for folder in root.iterdir() if root.is_dir() else ():
        upload = Upload(folder)
        patience = _REMEMBERED if (folder / "request.json").is_file() else _UNASKED
        changed_at = _changed_at(folder)
        if changed_at is not None and now - changed_at > patience.total_seconds():
            upload.discard()


def _changed_at(path: Path) -> float | None:
    """Return when a path was last changed; None where it is not there, or another session has just removed it."""
    try:
        return path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None


def asked_now() -> str:
    """Return the instant of a request, as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds")
