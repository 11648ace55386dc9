"""Answers that leave at once: without this, each one waits 40 ms for the caller's acknowledgement of its head.

Streamlit opens its socket without naming the protocol, and asyncio turns Nagle's algorithm off only where TCP is named.
"""

import socket
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send


class NoDelay:
    """ASGI middleware that turns Nagle's algorithm off on the connection of a request.

    ASGI does not show connections. uvicorn's `receive` belongs to an object that has one; with another server
    nothing happens.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
        connection = transport.get_extra_info("socket") if transport else None
        if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await self.app(scope, receive, send)
