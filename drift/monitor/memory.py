"""Things made once and used again: what a source, or a reference, carries so that no look makes them anew."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Thing = TypeVar("Thing")


class Memory:
    """Things by their kind and a key, of each kind those last used. Serves any number of threads.

    It lives as long as whoever carries it, and holds copies only: whatever is forgotten can be made again.

    Examples
    --------
    >>> memory = Memory()
    >>> memory.keep(str, ("m", 1), "made", at_most=1)
    >>> memory.recall(str, ("m", 1)), memory.recall(str, ("m", 2))
    ('made', None)
    """

    def __init__(self) -> None:
        self._kinds: dict[type, OrderedDict[Hashable, Any]] = {}
        self._lock = threading.Lock()

    def recall(self, kind: type[Thing], key: Hashable) -> Thing | None:
        """Return the thing that is kept under a key, None if it is not, or no longer, there."""
        with self._lock:
            kept = self._kinds.get(kind)
            if kept is None or key not in kept:
                return None
            kept.move_to_end(key)
            thing: Thing = kept[key]
            return thing

    def keep(self, kind: type[Thing], key: Hashable, thing: Thing, *, at_most: int | None = None) -> None:
        """Keep a thing under a key; beyond `at_most` things of its kind, the one unused for longest is forgotten."""
        with self._lock:
            kept = self._kinds.setdefault(kind, OrderedDict())
            kept[key] = thing
            kept.move_to_end(key)
            while at_most is not None and len(kept) > at_most:
                kept.popitem(last=False)

    def forget(self) -> None:
        """Forget everything: what it was made of has changed."""
        with self._lock:
            self._kinds.clear()

    def once(self, kind: type[Thing], key: Hashable, make: Callable[[], Thing]) -> Thing:
        """Return the thing that is kept under a key, made now if it is not there.

        Two threads that ask at once may both make it; both are handed equal things.
        """
        thing = self.recall(kind, key)
        if thing is None:
            thing = make()
            self.keep(kind, key, thing)
        return thing
