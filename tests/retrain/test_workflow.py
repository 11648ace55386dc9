"""The workflow that ships: what it may do, and its own commands run job after job as a runner would."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from storage.jobs import queue
from storage.models import registry
from tests.conftest import ROOT, require
from tests.retrain.conftest import fill
from tests.retrain.fake_github import REPOSITORY, TOKEN, FakeGitHub

pytestmark = pytest.mark.slow

WORKFLOW = ROOT / ".github" / "workflows" / "retrain.yml"
ACTIONS = [WORKFLOW, ROOT / ".github" / "actions" / "prepare" / "action.yml"]
RUN_URL = f"https://github.com/{REPOSITORY}/actions/runs/9000"
# What people, branches or commits may hold; `inputs` is what a person types.
TYPED = re.compile(r"inputs\b|github\.(event|head_ref|ref_name|actor|triggering_actor)\b|steps\.|needs\.")


def parsed(path: Path) -> Any:
    require(importlib.util.find_spec("yaml"), "python3-yaml")
    import yaml

    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    return {"on" if key is True else key: value for key, value in found.items()}


@pytest.fixture
def workflow() -> Any:
    return parsed(WORKFLOW)


def all_steps(content: Any) -> list[dict[str, Any]]:
    jobs_of = content.get("jobs", {"composite": content.get("runs", {})})
    return [step for job in jobs_of.values() for step in job["steps"]]


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.name)
def test_nothing_that_people_type_becomes_part_of_a_script(path):
    for step in all_steps(parsed(path)):
        assert "${{" not in step.get("run", ""), f"what a script needs comes through env: {step}"
    # The check itself would find it.
    assert TYPED.search("echo ${{ inputs.reason }}")


def test_inputs_reach_the_steps_through_the_environment_only(workflow):
    lines = [line.strip() for line in WORKFLOW.read_text(encoding="utf-8").splitlines() if "${{ inputs." in line]
    names = {line.split(":")[0] for line in lines}
    assert names == {"run-name", "group", "REASON", "MODEL", "JOB_ID"}
    assert set(workflow["env"]) >= {"REASON", "MODEL"}


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.name)
def test_actions_are_pinned_to_commits(path):
    for step in all_steps(parsed(path)):
        uses = step.get("uses", "./")
        assert uses.startswith("./") or re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", uses), uses


def test_the_workflow_may_read_and_nothing_else(workflow):
    assert workflow["permissions"] == {"contents": "read", "actions": "read"}
    assert not any("permissions" in job for job in workflow["jobs"].values())
    checkouts = [s for s in all_steps(workflow) if s.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) == len(workflow["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_it_is_started_by_hand_or_by_the_product_with_a_reason(workflow):
    assert list(workflow["on"]) == ["workflow_dispatch"]
    inputs = workflow["on"]["workflow_dispatch"]["inputs"]
    assert {name: value["required"] for name, value in inputs.items()} == {
        "reason": True,
        "model": False,
        "job_id": False,
    }
    assert workflow["run-name"] == "retrain ${{ inputs.model }}, job ${{ inputs.job_id || 'new' }}"


def test_one_run_per_model_and_a_person_before_anything_serves(workflow):
    assert workflow["concurrency"] == {"group": "retrain-${{ inputs.model }}", "cancel-in-progress": False}
    assert list(workflow["jobs"]) == ["collect", "train", "validate", "register", "deploy", "settle"]
    environments = {name: job["environment"] for name, job in workflow["jobs"].items() if "environment" in job}
    assert environments == {"deploy": "production"}
    assert "register" in workflow["jobs"]["deploy"]["needs"]


class Runner:
    """Runs the jobs of the workflow in their order, the way GitHub does: bash -e, outputs and environment by files."""

    def __init__(self, workflow: Any, folder: Path, hub: FakeGitHub, database_url: str, inputs: dict[str, str]) -> None:
        self.workflow, self.folder = workflow, folder
        self.outputs: dict[str, dict[str, str]] = {}
        self.said = ""
        self.values = {f"inputs.{name}": value for name, value in inputs.items()}
        self.values |= {"github.triggering_actor": "octocat", "github.server_url": "https://github.com"}
        self.values |= {"github.repository": REPOSITORY, "github.run_id": "9000", "github.token": TOKEN}
        self.values |= {"github.api_url": hub.url, "secrets.DRIFT_DATABASE_URL": database_url}
        self.values["vars.DRIFT_ARTIFACTS"] = str(folder / "models")

    def run(self, name: str) -> bool:
        """Run one job; tell whether it succeeded."""
        job = self.workflow["jobs"][name]
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DRIFT_", "GITHUB_"))}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
        environment = kept | {"PATH": path, "GITHUB_RUN_ID": "9000"}
        environment |= self._filled(self.workflow["env"]) | self._filled(job.get("env", {}))
        for step in job["steps"]:
            if "run" not in step:
                continue
            files = {key: self.folder / key for key in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY")}
            own = environment | self._filled(step.get("env", {})) | {key: str(path) for key, path in files.items()}
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
            self.said += done.stdout + done.stderr
            if done.returncode:
                return False
            if "id" in step:
                self.values |= {f"needs.{name}.outputs.{key}": v for key, v in _pairs(files["GITHUB_OUTPUT"]).items()}
            environment |= _pairs(files["GITHUB_ENV"])
        return True

    def _filled(self, variables: dict[str, str]) -> dict[str, str]:
        return {name: re.sub(r"\$\{\{ (.*?) \}\}", self._value, text) for name, text in variables.items()}

    def _value(self, expression: re.Match[str]) -> str:
        return self.values.get(expression[1].split(" || ")[0], "")


def _pairs(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def hub():
    fake = FakeGitHub()
    yield fake
    fake.close()


def test_the_whole_workflow_trains_waits_for_the_reviewer_and_hands_the_rollout_over(
    workflow, hub, log, artifacts, sqlite_url, tmp_path
):
    fill(log, artifacts)
    job_id = queue.start(log, "m", "red turned bad", "ana", params={"window_rows": 1500}).job_id
    inputs = {"reason": "red turned bad", "model": "m", "job_id": str(job_id)}
    runner = Runner(workflow, tmp_path, hub, sqlite_url, inputs)
    for name in ("collect", "train", "validate", "register"):
        assert runner.run(name), runner.said
    job = queue.read_job(log, job_id)
    assert (job.state, job.external_ref, job.result["version"]) == ("waiting_approval", RUN_URL, "v2")
    assert not runner.run("deploy"), "nobody was asked"
    assert "required reviewers" in runner.said
    hub.review("approved", "grace", "recall is fine")
    assert runner.run("deploy"), runner.said
    job = queue.read_job(log, job_id)
    assert (job.decided_by, job.external_ref) == ("grace", None)
    assert {step.name for step in queue.read_steps(log, job_id)} & {"shadow", "canary", "promote"}
    assert [step.attempt for step in queue.read_steps(log, job_id)[:6]] == [1] * 6
    assert TOKEN not in runner.said
    assert "**evaluate**" in (tmp_path / "GITHUB_STEP_SUMMARY").read_text(encoding="utf-8")


def test_a_hostile_reason_from_a_person_is_a_reason_and_no_script(workflow, hub, log, artifacts, sqlite_url, tmp_path):
    fill(log, artifacts)
    reason = f'"; touch {tmp_path}/boom; echo "$(touch {tmp_path}/boom)'
    runner = Runner(workflow, tmp_path, hub, sqlite_url, {"reason": reason, "model": "", "job_id": ""})
    log.append("m", [{"predicted_at": "2026-11-09T00:00:00Z", "label": "good"}])
    assert runner.run("collect"), runner.said
    (job,) = queue.read_jobs(log, "m")
    assert (job.reason, job.requested_by, job.external_ref, job.step) == (reason, "octocat", RUN_URL, "train")
    assert not (tmp_path / "boom").exists()
    assert runner.run("settle"), runner.said
    assert queue.read_job(log, job.id).state == "cancelled"
    assert registry.read_alias(log, "m", "champion") == "v1"
    # A step of a job that has ended fails, so that no later one runs.
    assert not runner.run("train")
