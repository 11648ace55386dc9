"""What bounds a caller: how much may be sent at once, and how often an address may fail to prove who it is."""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1_000_000
# Rows that come one a line are worked on while they come.
MAX_STREAM = 64_000_000
STREAMED = ("application/x-ndjson", "application/jsonl")
_ROWS = ("/predictions", "/labels")


class BodyLimit:
    """ASGI middleware that reads no more of a request than the API takes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        n_bytes = 0
        limit = MAX_STREAM if scope["path"] in _ROWS and is_streamed(Headers(scope=scope)) else MAX_BODY

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > limit:
                raise HTTPException(413, f"body must be at most {limit:,} bytes; got more. Send it in parts.")
            return message

        await self.app(scope, counted, send)


def is_streamed(headers: Headers) -> bool:
    """Tell whether a body holds one JSON object a line."""
    return content_type(headers) in STREAMED


def content_type(headers: Headers) -> str:
    """Return the kind of a body without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class FailureLimit:
    """Counts the failures of addresses; who fails too often within a span has to wait until it is over.

    Parameters
    ----------
    n_allowed : failures of an address within `seconds`
    n_addresses : so many are remembered, those that failed last
    clock : seconds that only grow
    """

    def __init__(
        self,
        n_allowed: int = 20,
        seconds: float = 60,
        n_addresses: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.n_allowed, self.seconds, self.n_addresses, self._clock = n_allowed, seconds, n_addresses, clock
        # address -> when its span began, and its failures since
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._counting = threading.Lock()

    def __len__(self) -> int:
        return len(self._failures)

    def seconds_left(self, address: str) -> int:
        """Return how long an address has to wait, 0 where it may go on."""
        if not self._failures:
            return 0
        began, n = self._failures.get(network_of(address), (0.0, 0))
        left = began + self.seconds - self._clock()
        return int(left) + 1 if n >= self.n_allowed and left > 0 else 0

    def fail(self, address: str) -> None:
        """Count a failure of an address."""
        network, now = network_of(address), self._clock()
        with self._counting:
            began, n = self._failures.pop(network, (now, 0))
            if now - began >= self.seconds:
                began, n = now, 0
            self._failures[network] = (began, n + 1)
            if len(self._failures) > self.n_addresses:
                self._failures.popitem(last=False)


def network_of(address: str) -> str:
    """Return what one caller can be told apart by: an IPv4 address, or the network of an IPv6 one.

    Examples
    --------
    >>> network_of("10.0.0.7"), network_of("2001:db8::17"), network_of("::ffff:10.0.0.7")
    ('10.0.0.7', '2001:db8::/64', '10.0.0.7')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if parsed.version == 4:
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.ip_network((parsed, 64), strict=False))
