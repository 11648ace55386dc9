"""What the command lines share: how arguments are read, and how an error is told."""

import argparse
import os
import re
import sqlite3
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from storage.database.engine import DatabaseFault

# One name of a list: in quotes it is taken exactly as it stands, even where it is empty.
_NAME = re.compile(r' *(?:"(?P<quoted>(?:[^"]|"")*)" *|(?P<plain>[^,]*))(?:,|\Z)')
GOES_ON = "what was committed stays, and the same command goes on from there."


def guarded(run: Callable[[], int], *, goes_on: bool = False, to_log: bool = False) -> int:
    """Run a command; whatever goes wrong is told in one sentence, and a traceback is for logs alone.

    Parameters
    ----------
    run : the command; returns its exit code
    goes_on : whether the same command takes up work that was interrupted
    to_log : whether its output is a log, where the traceback of what nobody foresaw stands before the sentence

    Returns
    -------
    int
        The command's exit code; 2 after an error, 130 after Ctrl+C.
    """
    try:
        return run()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, DatabaseFault) as error:
        _tell(error, " ".join(str(error).split()))
        return 2
    except KeyboardInterrupt:
        print(f"\nStopped; {GOES_ON}" if goes_on else "\nStopped.", file=sys.stderr)
        return 130
    except Exception as error:  # a database that went away, a disk that is full
        if to_log:
            traceback.print_exc()
        _tell(error, _sentence(error))
        if goes_on:
            print(f"{GOES_ON[0].upper()}{GOES_ON[1:]}", file=sys.stderr)
        return 2


def _tell(error: Exception, sentence: str) -> None:
    for line in (f"error: {sentence}", *getattr(error, "__notes__", ())):
        print(line, file=sys.stderr)


def _sentence(error: Exception) -> str:
    if isinstance(error, sa.exc.DBAPIError) and _is_full(error.orig):
        return "The disk that holds the database is full; nothing of the last transaction was stored. Make room."
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0] if said else 'no more is known'}"


def _is_full(error: BaseException | None) -> bool:
    # SQLSTATE 53100 is PostgreSQL's disk_full.
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(error, "sqlstate", "") == "53100"


class ProgressBar:
    """A progress bar on a terminal; a line every tenth of the way in a log file."""

    def __init__(self, what: str = "rows") -> None:
        self._what = what
        self._tenth = -1

    def __call__(self, n_done: int, n_rows: int | None) -> None:
        share = n_done / n_rows if n_rows else None
        text = f"{n_done:,} {self._what}" if share is None else f"{n_done:,} of {n_rows:,} {self._what}"
        if sys.stderr.isatty():
            bar = "" if share is None else f"[{'#' * int(30 * share):<30}] "
            end = "\n" if share == 1 else ""
            print(f"\r{bar}{text} ", end=end, file=sys.stderr, flush=True)
        elif share is not None and int(10 * share) > self._tenth:
            self._tenth = int(10 * share)
            print(text, file=sys.stderr, flush=True)


def count_argument(text: str) -> int:
    """Read a whole number from 1 on.

    Examples
    --------
    >>> count_argument("20")
    20
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, at least 1; got {text!r}")
    return int(text)


def instant_argument(text: str) -> datetime:
    """Read an instant; without a zone it is meant in UTC, as the help of the option says.

    Examples
    --------
    >>> instant_argument("2026-11-23").isoformat()
    '2026-11-23T00:00:00+00:00'
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a time such as 2026-11-23T14:00:00+00:00; got {text!r}") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def names_argument(text: str) -> tuple[str, ...]:
    """Read a list of names; one that holds a comma stands in quotes, as in a CSV file."""
    found = (match.group("quoted", "plain") for match in _NAME.finditer(text))
    named = (plain or None if quoted is None else quoted.replace('""', '"') for quoted, plain in found)
    return tuple(name for name in named if name is not None)


def classes_argument(text: str) -> tuple[tuple[str, str], ...]:
    """Read names of predictions and labels with the classes for which they stand."""
    pairs = [tuple(part.strip() for part in name.split("=", 1)) for name in names_argument(text)]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError(f"classes must be pairs such as 1=granted,0=refused; got {text!r}")
    return tuple((name, stands_for) for name, stands_for in pairs)
