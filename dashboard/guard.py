"""What stands before every request: security headers on answers, who may call the API, and how much they may send."""

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, cast, get_args

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Role = Literal["writer", "operator"]
MAX_BODY = 1_000_000
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# Whoever is no client of the API may still ask whether it is alive.
_OPEN_WITH_TOKENS = ("/health",)


class SecurityHeaders:
    """ASGI middleware that lets a page load from this server only, and be framed by none."""

    def __init__(self, app: ASGIApp, page: Path | None = None) -> None:
        self.app = app
        self.headers = {
            "Content-Security-Policy": content_security_policy(page.read_text(encoding="utf-8") if page else ""),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


def content_security_policy(page: str) -> str:
    """Return the policy under which a page works: nothing from elsewhere, no script but its files and its own lines.

    Examples
    --------
    >>> content_security_policy("<script>go()</script>").split("; ")[1]
    "script-src 'self' 'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='"
    """
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    ]
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", *hashes]),
        # Streamlit and Plotly write the sizes of what they draw into style attributes.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


class BodyLimit:
    """ASGI middleware that reads no more of a request than the API takes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > MAX_BODY:
                raise HTTPException(413, f"body must be at most {MAX_BODY:,} bytes; got more. Send it in parts.")
            return message

        await self.app(scope, counted if scope["type"] == "http" else receive, send)


class Access:
    """ASGI middleware that lets in who holds a token or, where there are none, who sits at this machine.

    The role of the caller is left in `request.state.role`.
    """

    def __init__(self, app: ASGIApp, tokens: Callable[[], Mapping[str, Role]], refuse: Callable[..., ASGIApp]) -> None:
        self.app = app
        self.tokens = tokens
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        tokens = self.tokens()
        if not tokens and not from_this_machine(HTTPConnection(scope)):
            message = (
                "client must be on this machine, because no API tokens are set. Set DRIFT_API_TOKENS to let others in."
            )
            await self.refuse(403, "forbidden", message)(scope, receive, send)
            return
        role = role_of(Headers(scope=scope).get("authorization", ""), tokens) if tokens else "operator"
        if role is None and scope["path"] not in _OPEN_WITH_TOKENS:
            message = "Authorization must be 'Bearer TOKEN' with a token of DRIFT_API_TOKENS; got none or another."
            await self.refuse(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})(scope, receive, send)
            return
        scope.setdefault("state", {})["role"] = role
        await self.app(scope, receive, send)


def from_this_machine(request: HTTPConnection) -> bool:
    """Tell whether a request comes from this machine and was meant for it.

    The Host is looked at too: a page of another site whose name was pointed at 127.0.0.1 sends its own name there.
    """
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    host = re.sub(r":\d+$", "", request.headers.get("host", "")).lower()
    return (mapped or address).is_loopback and host in _LOOPBACK_NAMES


def parse_tokens(text: str) -> dict[str, Role]:
    """Return the role of each token of `token:role,token:role`.

    Raises
    ------
    ValueError
        If a part has no token or no known role; the message holds no token.

    Examples
    --------
    >>> parse_tokens("k3y:writer, 0ther:operator")
    {'k3y': 'writer', '0ther': 'operator'}
    """
    tokens: dict[str, Role] = {}
    for position, part in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        token, _, role = part.rpartition(":")
        if not token or role not in get_args(Role):
            raise ValueError(
                f"DRIFT_API_TOKENS must be token:role,token:role with the roles {' and '.join(get_args(Role))}; "
                f"part {position} is not."
            )
        tokens[token] = cast(Role, role)
    return tokens


def role_of(authorization: str, tokens: Mapping[str, Role]) -> Role | None:
    """Return the role behind an Authorization header, or None; it takes as long whichever token is right."""
    scheme, _, given = authorization.partition(" ")
    role: Role | None = None
    for token, its_role in tokens.items():
        if hmac.compare_digest(given.strip().encode(), token.encode()):
            role = its_role
    return role if scheme.lower() == "bearer" else None
