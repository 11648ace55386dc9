"""Work that is cheaper together: a bounded queue whose thread takes what has gathered and does it at once."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
_Owner = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Result]"]


class Full(Exception):
    """The queue holds as much as it may: whoever asks must come again later."""


class Grouping(Generic[Item, Result]):
    """A queue of items, and the thread that hands them to a function in groups.

    A group is handed over when it is large enough or its first item has waited long enough; what comes meanwhile waits
    for the next one. The thread starts with the first item and ends with `close`.

    Parameters
    ----------
    name : of the thread
    work : takes a group, returns for each of its items a result or the error that its owner gets
        What it raises itself goes to the owner of every item.
    size_of : how much of the capacity an item takes
    capacity : sizes that may wait at once; a single larger item is let into an empty queue
    group_size : a group is full with this much
    linger : seconds that the first item of a group waits for others
    """

    def __init__(
        self,
        name: str,
        work: Callable[[list[Item]], Sequence[Result | Exception]],
        size_of: Callable[[Item], int] = lambda _: 1,
        *,
        capacity: int,
        group_size: int,
        linger: float,
    ) -> None:
        self.name, self.capacity, self.group_size, self.linger = name, capacity, group_size, linger
        self._work, self._size_of = work, size_of
        self._waiting: deque[tuple[Item, int, _Owner[Result] | None]] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def size(self) -> int:
        """How much waits now."""
        return self._size

    async def ask(self, item: Item) -> Result:
        """Let an item wait for its group, and return what became of it.

        Raises
        ------
        Full
            If the queue is full, or closed.
        """
        loop = asyncio.get_running_loop()
        owner: asyncio.Future[Result] = loop.create_future()
        self._put(item, (loop, owner))
        return await owner

    def put(self, item: Item) -> None:
        """Let an item wait for its group; nobody hears what became of it.

        Raises
        ------
        Full
            If the queue is full, or closed.
        """
        self._put(item, None)

    def close(self) -> None:
        """Do what waits, take nothing more, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _put(self, item: Item, owner: "_Owner[Result] | None") -> None:
        size = self._size_of(item)
        with self._changed:
            if self._closing or (self._waiting and self._size + size > self.capacity):
                raise Full(f"{self.name} must have room; {self._size:,} of {self.capacity:,} wait already.")
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self.name, daemon=True)
                thread.start()  # before the item is in: what raises here has left nothing behind
                self._thread = thread
            self._waiting.append((item, size, owner))
            self._size += size
            # The thread sleeps through what comes while a group gathers.
            if len(self._waiting) == 1 or self._size >= self.group_size:
                self._changed.notify()

    def _run(self) -> None:
        while group := self._gathered():
            items = [item for item, _ in group]
            results: Sequence[Result | Exception]
            try:
                results = self._work(items)
            except Exception as error:  # whatever it is, it belongs to those who wait for it
                results = [error] * len(items)
            # One call for all owners: each one wakes the thread of their loop.
            settled: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Result], Result | Exception]]] = {}
            for (_, owner), result in zip(group, results, strict=True):
                if owner is not None:
                    settled.setdefault(owner[0], []).append((owner[1], result))
            for loop, pairs in settled.items():
                with contextlib.suppress(RuntimeError):  # the loop has ended, and with it whoever asked
                    loop.call_soon_threadsafe(_settle, pairs)

    def _gathered(self) -> "list[tuple[Item, _Owner[Result] | None]]":
        """Wait for a group and take it off the queue; none is left once the queue is closed."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            until = time.monotonic() + self.linger
            while self._size < self.group_size and not self._closing:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            group: list[tuple[Item, _Owner[Result] | None]] = []
            taken = 0
            while self._waiting and (not group or taken + self._waiting[0][1] <= self.group_size):
                item, size, owner = self._waiting.popleft()
                taken += size
                group.append((item, owner))
            self._size -= taken
            return group


def _settle(pairs: "list[tuple[asyncio.Future[Result], Result | Exception]]") -> None:
    for future, result in pairs:
        # Whoever has given up does not wait any more; the work was done all the same.
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
