"""How fast the API answers on loopback: `python -m tests.load`, with figures for docs/speed.md.

The server runs in a process of its own, on the demo's model; eight connections ask as fast as they are answered.
"""

import argparse
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from drift.data.windows import LastRows
from storage import open_log

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
REVIEW = {
    "text": "Great phone, the battery lasts for days! The camera is good as well, and delivery was quick.",
    "features": {"channel": "web", "region": "Europe", "device": "phone", "price": 49.9},
}


@dataclass
class Measured:
    """What came back: how long each answer took, in seconds, and the bodies of those that were no success."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    took: float = 0.0

    def line(self, n_rows: int = 1) -> str:
        """Return the figures in one line."""
        p50, p99 = np.percentile(np.array(self.seconds) * 1_000, [50, 99])
        rate = len(self.seconds) / self.took
        rows = f", {rate * n_rows:,.0f} rows/s" if n_rows > 1 else ""
        return f"{rate:,.0f} requests/s{rows}, p50 {p50:.1f} ms, p99 {p99:.1f} ms, {len(self.failures)} failures"


def ask(port: int, requests: Sequence[tuple[str, str, bytes, dict[str, str]]], n_connections: int = 8) -> Measured:
    """Send requests over so many connections at once, each as soon as the one before it was answered."""
    measured = Measured()
    waiting = iter(requests)
    taking = threading.Lock()

    def run() -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with taking:
                asked = next(waiting, None)
            if asked is None:
                break
            began = time.perf_counter()
            connection.request(*asked)
            answer = connection.getresponse()
            body = answer.read()
            measured.seconds.append(time.perf_counter() - began)
            if answer.status >= 300 or b'"rejected":[{' in body:
                measured.failures.append(body.decode()[:300])
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(n_connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    measured.took = time.perf_counter() - began
    return measured


@contextlib.contextmanager
def server(folder: Path, command: Sequence[str] = ()) -> Iterator[int]:
    """Run the API alone over the database of a folder; yield its port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    asked = command or ["uvicorn", "dashboard.api:api", "--host", HOST, "--log-level", "warning", "--port"]
    process = subprocess.Popen([sys.executable, "-m", *asked, str(port)], cwd=ROOT, env=environment(folder))
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                socket.create_connection((HOST, port), 1).close()
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def environment(folder: Path) -> dict[str, str]:
    """Return the settings of a product of its own in a folder."""
    own = {"DRIFT_DATABASE_URL": f"sqlite:///{folder}/drift.db", "DRIFT_ARTIFACTS": str(folder / "models")}
    return os.environ | own | {"DRIFT_WORKER": "external", "DRIFT_DEMO": "0"}


def fill(folder: Path, n: int) -> None:
    """Bring the log of a demo to `n` rows, with more of the kind that it holds."""
    log = open_log(f"sqlite:///{folder}/drift.db")
    try:
        known = log.read_rows("reviews", LastRows(5_000)).drop(columns=["text", "request_id", "label", "labelled_at"])
        rng, end = np.random.default_rng(7), known["predicted_at"].max()
        while (missing := n - log.n_rows("reviews")) > 0:
            size = min(missing, 100_000)
            rows = known.iloc[rng.integers(len(known), size=size)].reset_index(drop=True)
            rows["predicted_at"] = end + pd.to_timedelta(np.arange(1, size + 1), unit="ms")
            log.append("reviews", rows)
            end = rows["predicted_at"].max()
        log.catch_up("reviews")
    finally:
        log.close()


def predict_requests(n: int) -> list[tuple[str, str, bytes, dict[str, str]]]:
    """Return requests of `/predict`."""
    return [("POST", "/predict", json.dumps(REVIEW).encode(), JSON)] * n


def bulk_requests(n: int, n_rows: int) -> list[tuple[str, str, bytes, dict[str, str]]]:
    """Return requests of `/predictions`, with so many rows each, one a line."""
    now = time.time()
    made = []
    for k in range(n):
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now + k))
        lines = [
            json.dumps(
                {"predicted_at": f"{at}.{row:06}+00:00", "request_id": f"{now:.0f}-{k}-{row}", "length": 40 + row % 90}
                | {"words": 7 + row % 20, "oov_share": row % 11 / 50, "channel": ("web", "app")[row % 2]}
                | {
                    "price": 9.9 + row % 50,
                    "prediction": ("positive", "negative")[row % 3 == 0],
                    "score": row % 97 / 97,
                }
            )
            for row in range(n_rows)
        ]
        made.append(("POST", "/predictions?model=reviews", "\n".join(lines).encode(), NDJSON))
    return made


def check_requests(n: int) -> list[tuple[str, str, bytes, dict[str, str]]]:
    """Return requests of `/drift-check`."""
    return [("GET", "/drift-check?model=reviews&window=1000", b"", {})] * n


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 1 if a request failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument("--requests", type=int, default=4_000, metavar="N", help="to /predict (default 4,000)")
    parser.add_argument("--bulk", type=int, default=60, metavar="N", help="to /predictions (default 60)")
    parser.add_argument("--bulk-rows", type=int, default=4_000, metavar="N", help="in each of them (default 4,000)")
    parser.add_argument("--rows", type=int, default=12_000, metavar="N", help="in the log before (default 12,000)")
    parser.add_argument("--checks", type=int, default=200, metavar="N", help="to /drift-check (default 200)")
    options = parser.parse_args(arguments)
    failures: list[str] = []

    def tell(name: str, measured: Measured, n_rows: int = 1) -> None:
        print(f"{name:<40} {measured.line(n_rows)}", flush=True)
        failures.extend(measured.failures)

    with tempfile.TemporaryDirectory(prefix="drift-load-") as name:
        folder = Path(name)
        demo = [sys.executable, "-m", "seed", "--demo"]
        subprocess.run(demo, env=environment(folder), check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        fill(folder, options.rows)
        with server(folder) as port:
            ask(port, check_requests(1))  # the reference is read by the first one
            tell(f"/drift-check, 1,000 of {options.rows:,} rows", ask(port, check_requests(options.checks)))
            ask(port, predict_requests(50))  # and the model
            tell("/predict", ask(port, predict_requests(options.requests)))
            bulk = bulk_requests(options.bulk, options.bulk_rows)
            tell("/predictions, one row a line", ask(port, bulk), options.bulk_rows)
    print(f"load average {os.getloadavg()[0]:.1f}")
    for failure in failures[:3]:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
