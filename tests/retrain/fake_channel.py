"""A local HTTP server in the place of a chat's webhook: it records what it is sent, and answers as it is told to."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "T0000SECRETxyz"


@dataclass
class Reply:
    """An answer; `first` is called before it is given, and `drips` sends its head byte by byte."""

    status: int = 200
    body: str = "ok"
    headers: dict[str, str] = field(default_factory=dict)
    after_seconds: float = 0.0
    first: Callable[[], None] | None = None
    drips: bool = False


class FakeChannel:
    """A channel; `replies` are given one after the other, then `usual` for ever."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.usual = Reply()
        self.messages: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}/hooks/{SECRET}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        channel = self

        class Handler(BaseHTTPRequestHandler):
            def _respond(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length") or 0))
                channel.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                if sent:
                    channel.messages.append(json.loads(sent))
                reply = channel.replies.pop(0) if channel.replies else channel.usual
                if reply.first is not None:
                    reply.first()
                time.sleep(reply.after_seconds)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # whoever asked did not wait
                    self._write(reply)

            def _write(self, reply: Reply) -> None:
                if reply.drips:
                    for byte in b"HTTP/1.0 200 OK\r\nX-Long: " + 2_000 * b"x":
                        self.wfile.write(bytes([byte]))
                        time.sleep(0.2)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                data = reply.body.encode()
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = _respond

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
