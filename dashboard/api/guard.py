"""What stands before every request: security headers on every answer, and who may call the API."""

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, cast, get_args

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.api.limits import FailureLimit

Role = Literal["writer", "operator"]
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
# Whoever is no client of the API may still ask whether it is alive.
_OPEN_WITH_TOKENS = ("/health",)


class SecurityHeaders:
    """ASGI middleware that lets a page load from this server only, and be framed by none.

    Parameters
    ----------
    failure : answers where the app raises instead of answering
    page : the file of the page whose own scripts may run
    """

    def __init__(self, app: ASGIApp, failure: ASGIApp, page: Path | None = None) -> None:
        self.app = app
        self.failure = failure
        self.headers = {
            "Content-Security-Policy": content_security_policy(page.read_text(encoding="utf-8") if page else ""),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            await self.app(scope, receive, with_headers)
        except Exception:
            # Starlette would answer outside of this, without the headers. It still passes the error on to the log.
            if not started:
                await self.failure(scope, receive, with_headers)
            raise


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


class Access:
    """ASGI middleware that lets in who holds a token or, where there are none, who sits at this machine.

    The role of the caller is left in `request.state.role`.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Callable[[], Mapping[str, Role]],
        refuse: Callable[..., ASGIApp],
        failures: FailureLimit,
    ) -> None:
        self.app = app
        self.tokens = tokens
        self.refuse = refuse
        self.failures = failures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        seconds = self.failures.seconds_left(address)
        role = self._role(scope)
        # Where there is no token to guess, nobody locks out who sits here: a web page fails from this address too.
        if seconds and not (role and not self.tokens()) and scope["path"] not in _OPEN_WITH_TOKENS:
            message = f"client must wait {seconds} s, because it failed to show a token too often."
            refused = self.refuse(429, "too_many_failures", message, {"Retry-After": str(seconds)})
        elif role is None and not self.tokens():
            self.failures.fail(address)
            message = (
                "client must be on this machine, because no API tokens are set. Set DRIFT_API_TOKENS to let others in."
            )
            refused = self.refuse(403, "forbidden", message)
        elif role is None and scope["path"] not in _OPEN_WITH_TOKENS:
            self.failures.fail(address)
            message = "Authorization must be 'Bearer TOKEN' with a token of DRIFT_API_TOKENS; got none or another."
            refused = self.refuse(401, "unauthorized", message, {"WWW-Authenticate": "Bearer"})
        else:
            scope.setdefault("state", {})["role"] = role
            refused = self.app
        await refused(scope, receive, send)

    def _role(self, scope: Scope) -> Role | None:
        tokens = self.tokens()
        if tokens:
            return role_of(Headers(scope=scope).get("authorization", ""), tokens)
        return "operator" if from_this_machine(HTTPConnection(scope)) else None


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
