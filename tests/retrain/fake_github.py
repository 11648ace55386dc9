"""A local HTTP server that answers as GitHub's REST API does, with the bodies of its documentation."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "a-token-that-must-not-be-seen"
REPOSITORY = "acme/reviews"
DOCUMENTATION = "https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event"
KNOWN_INPUTS = {"reason", "model", "job_id"}


@dataclass
class Answer:
    """An answer that is given instead of the right one; `starts` says that the run is started all the same."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    starts: bool = False
    after_seconds: float = 0.0


class FakeGitHub:
    """A repository with the workflow `retrain.yml`; what is asked of it is kept."""

    def __init__(self) -> None:
        self.next_answers: list[Answer] = []
        self.runs: list[dict[str, Any]] = []
        self.approvals: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.tells_run = True
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def dispatched(self) -> list[Any]:
        """The bodies of all requests for a run."""
        return [body for method, _, _, body in self.requests if method == "POST"]

    def review(self, state: str, by: str, comment: str = "", environment: str = "production") -> None:
        """Let a reviewer approve or reject the run."""
        places = [{"id": 161088068, "name": environment}]
        self.approvals = [{"state": state, "comment": comment, "environments": places, "user": {"login": by, "id": 1}}]

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> Answer:
        """Answer a request as GitHub would."""
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer(401, {"message": "Bad credentials", "status": "401"})
        if method == "POST" and self.next_answers:
            given = self.next_answers.pop(0)
            if given.starts:
                self._start(body)
            return given
        parts = urlsplit(path)
        base = f"/repos/{REPOSITORY}/actions"
        if method == "POST" and parts.path == f"{base}/workflows/retrain.yml/dispatches":
            return self._dispatch(body)
        if parts.path == f"{base}/workflows/retrain.yml/runs":
            since = parse_qs(parts.query)["created"][0].removeprefix(">=")
            found = [run for run in self.runs if run["created_at"] >= since]
            return Answer(200, {"total_count": len(found), "workflow_runs": found})
        if parts.path.startswith(f"{base}/runs/") and parts.path.endswith("/approvals"):
            return Answer(200, self.approvals)
        return Answer(404, {"message": "Not Found", "documentation_url": DOCUMENTATION, "status": "404"})

    def _dispatch(self, body: Any) -> Answer:
        unexpected = sorted(set(body["inputs"]) - KNOWN_INPUTS)
        if unexpected:
            message = f"Unexpected inputs provided: {json.dumps(unexpected)}"
            return Answer(422, {"message": message, "documentation_url": DOCUMENTATION, "status": "422"})
        if not body["inputs"].get("reason"):
            message = "Required input 'reason' not provided"
            return Answer(422, {"message": message, "documentation_url": DOCUMENTATION, "status": "422"})
        if not self.tells_run:
            if "return_run_details" in body:
                return Answer(400, {"message": '"return_run_details" is not a permitted key.', "status": "400"})
            self._start(body)
            return Answer(204)
        run = self._start(body)
        api = f"{self.url}/repos/{REPOSITORY}/actions/runs/{run['id']}"
        return Answer(200, {"workflow_run_id": run["id"], "run_url": api, "html_url": run["html_url"]})

    def _start(self, body: Any) -> dict[str, Any]:
        number = 9_000 + len(self.runs)
        inputs = body["inputs"]
        run = {
            "id": number,
            "name": "retrain",
            "display_title": f"retrain {inputs['model']}, job {inputs['job_id']}",
            "event": "workflow_dispatch",
            "status": "queued",
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "html_url": f"https://github.com/{REPOSITORY}/actions/runs/{number}",
        }
        self.runs.append(run)
        return run

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _respond(self) -> None:
                sent = self.rfile.read(int(self.headers.get("content-length") or 0))
                body = json.loads(sent) if sent else None
                headers = {name.lower(): value for name, value in self.headers.items()}
                fake.requests.append((self.command, self.path, headers, body))
                answer = fake.answer(self.command, self.path, headers, body)
                time.sleep(answer.after_seconds)
                data = b"" if answer.body is None else json.dumps(answer.body).encode()
                if isinstance(answer.body, str):
                    data = answer.body.encode()
                try:
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("content-type", "application/json; charset=utf-8")
                    self.send_header("content-length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except BrokenPipeError:
                    pass  # whoever asked did not wait

            do_GET = do_POST = _respond

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
