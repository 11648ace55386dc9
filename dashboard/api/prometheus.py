"""Figures about the product itself, as Prometheus reads them: https://prometheus.io/docs/instrumenting/exposition_formats/"""

import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Seconds; the last bucket is +Inf.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"


@dataclass(frozen=True)
class Sample:
    """One value with its labels; `suffix` is that of a histogram's parts."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Family:
    """Values of one name."""

    name: str
    kind: str
    help: str
    samples: Sequence[Sample]


class Latencies:
    """How many requests each route answered with each status, and how long that took."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._buckets: dict[tuple[str, str, str], list[int]] = {}
        self._seconds: dict[tuple[str, str, str], float] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        key = (method if method in _METHODS else OTHER, route, str(status))
        with self._counting:
            buckets = self._buckets.setdefault(key, [0] * (len(BUCKETS) + 1))
            buckets[sum(seconds > limit for limit in BUCKETS)] += 1
            self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    def family(self) -> Family:
        """Return the counts as a histogram."""
        samples = []
        with self._counting:
            for key, counts in sorted(self._buckets.items()):
                labels = dict(zip(("method", "route", "status"), key, strict=True))
                n = 0
                for limit, count in zip((*map("{:g}".format, BUCKETS), "+Inf"), counts, strict=True):
                    n += count
                    samples.append(Sample(n, labels | {"le": limit}, "_bucket"))
                samples += [Sample(self._seconds[key], labels, "_sum"), Sample(n, labels, "_count")]
        return Family("drift_http_request_duration_seconds", "histogram", "How long requests took.", samples)


class Measure:
    """ASGI middleware that counts answers by route: whatever has no route of ours counts as one."""

    def __init__(self, app: ASGIApp, latencies: Latencies, routes: Sequence[object]) -> None:
        self.app = app
        self.latencies = latencies
        # The list grows while routes are added.
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, noted)
        finally:
            self.latencies.observe(scope["method"], self._route(scope["path"]), status, time.perf_counter() - began)

    def _route(self, path: str) -> str:
        for route in self.routes:
            if isinstance(route, Route) and (route.path == path or route.path_regex.match(path)):
                return route.path
        return OTHER


def text_of(families: Iterable[Family]) -> str:
    r"""Return figures in Prometheus' text format.

    Examples
    --------
    >>> print(text_of([Family("rows", "gauge", "Rows logged.", [Sample(3, {"model": 'a"b'})])]), end="")
    # HELP rows Rows logged.
    # TYPE rows gauge
    rows{model="a\"b"} 3
    """
    lines = []
    for family in families:
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        lines += [f"{family.name}{one.suffix}{_labels(one.labels)} {_number(one.value)}" for one in family.samples]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    if math.isfinite(value):
        return f"{value:.15g}"
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
