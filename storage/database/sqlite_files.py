"""What an SQLite file says of itself before it is opened: that it is one, and that all of it is there."""

from pathlib import Path

_MAGIC = b"SQLite format 3\x00"
# https://www.sqlite.org/fileformat.html: the page size, the number of pages, and the two counters that say
# whether that number can be trusted.
_PAGE_SIZE, _COUNTER, _N_PAGES, _COUNTED_AT = slice(16, 18), slice(24, 28), slice(28, 32), slice(92, 96)
_HEADER_BYTES = 100


def fault_of(path: Path) -> str | None:
    """Return why a file cannot be used as an SQLite database and what to do, or None if nothing speaks against it."""
    try:
        if not path.exists() or path.stat().st_size == 0:
            return None
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as error:
        return f"{path} must be a file that can be read: {error.strerror}."
    if not header.startswith(_MAGIC):
        return (
            f"{path} must be an SQLite database; it starts with {header[:16]!r}. "
            "Name another file in DRIFT_DATABASE_URL, or move this one away."
        )
    n_bytes, expected = path.stat().st_size, _whole_size(header)
    if n_bytes < expected and not _has_wal(path):
        return (
            f"{path} must be a whole SQLite database; it holds {n_bytes:,} of {expected:,} bytes. "
            "Restore it from a backup, or name another file in DRIFT_DATABASE_URL."
        )
    return None


def _whole_size(header: bytes) -> int:
    """Return how many bytes the file must hold by its own account; 0 where it does not say."""
    if len(header) < _HEADER_BYTES:
        return _HEADER_BYTES
    size, counter, n_pages, counted_at = (
        int.from_bytes(header[part], "big") for part in (_PAGE_SIZE, _COUNTER, _N_PAGES, _COUNTED_AT)
    )
    return n_pages * (65_536 if size == 1 else size) if counter == counted_at else 0


def _has_wal(path: Path) -> bool:
    """Tell whether pages may still lie in the write-ahead log: after a crash they are no fault."""
    wal = path.with_name(path.name + "-wal")
    return wal.exists() and wal.stat().st_size > 0
