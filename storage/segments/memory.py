"""Remembers what was read last of sealed segments: it does not change until one of them is repaired."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from storage.models.catalogue import Entry

# Room for the values of 400,000 rows x 16 columns, or for the counts of some timelines.
LIMIT_BYTES = 64 * 2**20
Part = TypeVar("Part")


class Remembered:
    """Parts of segments by key, those last used, up to so many bytes. Serves any number of threads."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._parts: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self,
        entry: Entry,
        keys: Sequence[Hashable],
        read: Callable[[], Mapping[Any, Part]],
        size: Callable[[Part], int],
    ) -> dict[Any, Part]:
        """Return the parts of these keys, from memory if all are there; `read` reads them all, but for absent ones."""
        # Another state of the segments has other keys: the old ones are forgotten as they grow old.
        named = {(entry.id, entry.seal_revision, key): key for key in keys}
        with self._lock:
            if all(name in self._parts for name in named):
                for name in named:
                    self._parts.move_to_end(name)
                return {key: self._parts[name][1] for name, key in named.items() if self._parts[name][1] is not None}
        found = dict(read())
        sizes = {name: size(found[key]) if key in found else 0 for name, key in named.items()}
        if sum(sizes.values()) <= self._limit // 2:  # a long scan must not wash out everything else
            self._keep({name: (sizes[name], found.get(key)) for name, key in named.items()})
        return found

    def _keep(self, parts: Mapping[Hashable, tuple[int, Any]]) -> None:
        with self._lock:
            for name, part in parts.items():
                self._size += part[0] - self._parts.pop(name, (0, None))[0]
                self._parts[name] = part
            while self._size > self._limit:
                _, (size, _) = self._parts.popitem(last=False)
                self._size -= size
