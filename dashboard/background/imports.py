"""Imports of uploaded files: `python -m storage import` in a process of its own, and how far each one is."""

import csv
import io
import logging
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dashboard.background.uploads import Request, Upload, asked_now, uploads
from drift.data.windows import RowSpan
from retrain.workers.processes import environment, tail
from storage import PredictionLog
from storage.database.settings import Settings
from storage.importing.plan import ImportPlan
from storage.jobs.runs import Run, read_latest_run

ROOT = Path(__file__).resolve().parents[2]
State = Literal["running", "done", "failed", "interrupted"]
_OPTIONS = {
    "prediction": "--prediction",
    "score": "--score",
    "label": "--label",
    "labelled_at": "--labelled-at",
    "request_id": "--id",
    "entity_id": "--entity",
    "version": "--version",
    "text": "--text",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far an import is: its run, once it has begun to store rows, and the last thing its process said."""

    upload: Upload
    request: Request
    state: State
    run: Run | None
    said: str
    lacks_reference: bool

    @property
    def n_accepted(self) -> int:
        """Rows that are in the log."""
        return self.run.n_done - self.run.n_rejected if self.run else 0


def request_of(
    plan: ImportPlan,
    *,
    by: str,
    ignore: Sequence[str] = (),
    numeric: Sequence[str] = (),
    categorical: Sequence[str] = (),
    reference: tuple[Literal["rows", "until"], str] | None = None,
) -> Request:
    """Return what an import as planned is to be started with."""
    arguments = [f"--model={plan.model}", f"--time={plan.sources['predicted_at']}"]
    arguments += [f"{option}={plan.sources[name]}" for name, option in _OPTIONS.items() if name in plan.sources]
    lists = {"--ignore": ignore, "--numeric": numeric, "--categorical": categorical}
    arguments += [f"{option}={_listed(names)}" for option, names in lists.items() if names]
    arguments += [f"--reference-{reference[0]}={reference[1]}"] if reference else []
    arguments += [f"--called={plan.called}", f"--by={by}"]
    return Request(
        called=plan.called,
        model=plan.model,
        by=by,
        fingerprint=plan.fingerprint,
        arguments=tuple(arguments),
        reference=reference,
        asked_at=asked_now(),
    )


def begin(settings: Settings, upload: Upload, request: Request) -> bool:
    """Start an import as it was asked for; return whether the file was there, and no other process was at it.

    Raises
    ------
    ValueError
        If its process cannot be started; what was asked for is remembered then, and can be gone on with.
    """
    file = upload.file
    if file is None:
        return False
    upload.remember(request)
    listed = f"--rejected={upload.rejected.resolve()}"
    return _start(settings, upload, ["import", str(file.resolve()), *request.arguments, listed, "--remove-file"])


def go_on(settings: Settings, log: PredictionLog, upload: Upload) -> bool:
    """Take up an import that was killed: where its rows stopped, or at the reference that it did not come to freeze."""
    found = progress(log, upload)
    if found is None or found.state != "interrupted":
        return False
    request = found.request
    if found.run is None or found.run.state != "done":
        return begin(settings, upload, request)
    how, much = request.reference or ("rows", "")
    first = log.extent(request.model, RowSpan(0, 1)).start
    rows = [f"--rows={much}"] if how == "rows" or first is None else [f"--from={first.isoformat()}", f"--to={much}"]
    freeze = ["freeze", f"--model={request.model}", "--name=training", *rows, f"--by={request.by}"]
    return _start(settings, upload, freeze)


def progress(log: PredictionLog, upload: Upload) -> Progress | None:
    """Return how far an import is, or None where it was not asked for."""
    # Asked for first: a process that ends in between must not leave its last row unseen.
    is_worked_on = upload.is_worked_on
    request = upload.request
    if request is None:
        return None
    run = read_latest_run(log, request.fingerprint)
    lacks = _lacks_reference(log, request) if run and run.state == "done" else False
    if is_worked_on:
        state: State = "running"
    elif run is not None and run.state == "failed":
        state = "failed"
    else:
        state = "done" if run is not None and run.state == "done" and not lacks else "interrupted"
    return Progress(upload, request, state, run, _last_said(upload), lacks)


def all_imports(settings: Settings, log: PredictionLog) -> tuple[Progress, ...]:
    """Return the imports of uploaded files, the newest first; a file is removed where its process died just before."""
    found = tuple(each for upload in uploads(settings) if (each := progress(log, upload)) is not None)
    for each in found:
        if each.state in ("done", "failed"):
            each.upload.remove_file()
    return found


def _last_said(upload: Upload) -> str:
    """Return the error that ended the last process, or what it said last."""
    lines = tail(upload.log).splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    said = (errors or lines or [""])[-1].removeprefix("error: ")
    return said.replace(f"{upload.folder.resolve()}/", "")  # where files lie is not for the browser


def _start(settings: Settings, upload: Upload, arguments: Sequence[str]) -> bool:
    try:
        return _started(settings, upload, arguments)
    except OSError as error:
        raise ValueError(f"The process of the import must be started; it cannot: {error.strerror}.") from error


def _started(settings: Settings, upload: Upload, arguments: Sequence[str]) -> bool:
    with upload.log.open("ab") as output:
        # The child inherits the open file and with it the lock, which therefore lasts as long as the child.
        if not upload.lock(output):
            return False
        output.truncate(0)
        process = subprocess.Popen(
            [sys.executable, "-m", "storage", *arguments],
            cwd=ROOT,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # it outlives this server, and Ctrl+C in its terminal
        )
    _log.info("Process %s imports an uploaded file.", process.pid)
    threading.Thread(target=process.wait, daemon=True).start()  # no zombie is left
    return True


def _lacks_reference(log: PredictionLog, request: Request) -> bool:
    return request.reference is not None and all(r.name != "training" for r in log.references(request.model))


def _listed(names: Sequence[str]) -> str:
    """Return names in quotes: blanks at their ends, and a name that is empty, are kept."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(names)
    return line.getvalue()


def is_worked_on(settings: Settings, fingerprint: str) -> bool:
    """Tell whether a process imports this content right now."""
    asked = ((upload, upload.request) for upload in uploads(settings))
    return any(request and request.fingerprint == fingerprint and upload.is_worked_on for upload, request in asked)
