"""Whatever the documents show can be done: every block of every document is run."""

import signal
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import yaml

from storage import open_log
from storage.jobs import queue
from storage.log import PredictionLog
from tests.api.servers import api_command, serving
from tests.documents.reading import GUIDE, blocks, commands
from tests.documents.running import N_LOANS, World, run_python
from tests.patience import wait_for
from tests.retrain.fake_github import REPOSITORY, TOKEN, FakeGitHub

pytestmark = pytest.mark.slow

# What is not run here, and why. Their options are looked at in test_documents.py.
NOT_RUN = {
    "pip install -r requirements.txt && streamlit run dashboard/app.py": "the journeys run the product, in a browser",
    "pip install -r requirements-dev.txt && pytest": "it is what runs this test",
    "python -m tests.benchmarks --rows 1000000,3000000,10000000 --peers EVIDENTLY_PYTHON NANNYML_PYTHON "
    "--json figures.json": "it takes more than an hour, and two environments with the peers in them",
}
# How a command ends that does not end with 0: the loans drift.
ENDS_WITH = {"python -m drift check": 1, "python -m drift timeline": 1}
# Whose blocks another test of this file runs, because something must go on beside them.
BESIDE = {"docs/http.md", "docs/retraining.md", "docs/alerts.md", "docs/lesson.md", "docs/your_data.md"}
ALONE = [document for document in GUIDE if document not in BESIDE]


def shell_of(document: str) -> list[str]:
    """Return the commands of a document that are run."""
    shown = [command for block in blocks(document) if block.language == "sh" for command in commands(block.text)]
    return [command for command in shown if command not in NOT_RUN]


def python_of(document: str) -> list[str]:
    return [block.text for block in blocks(document) if block.language == "python"]


def run_all(world: World, shown: list[str]) -> dict[str, str]:
    """Run commands one after the other; return what each printed."""
    return {command: world.run(command, exit_code(command)) for command in shown}


def exit_code(command: str) -> int:
    return next((code for begins, code in ENDS_WITH.items() if command.startswith(begins)), 0)


@pytest.fixture
def log_of():
    """Open the log of a world; it is closed after the test."""
    opened: list[PredictionLog] = []

    def open_it(world: World) -> PredictionLog:
        opened.append(open_log(world.settings.database_url))
        return opened[-1]

    yield open_it
    for log in opened:
        log.close()


def test_every_block_is_of_a_kind_that_is_run():
    kinds = {document: {block.language for block in blocks(document)} for document in GUIDE}
    assert set().union(*kinds.values()) == {"sh", "python", "yaml"}
    assert {document for document in ALONE if "python" in kinds[document]} == set()
    assert [document for document in GUIDE if "yaml" in kinds[document]] == ["docs/retraining.md"]


def test_what_is_not_run_is_shown_somewhere():
    shown = {
        command
        for name in GUIDE
        for block in blocks(name)
        if block.language == "sh"
        for command in commands(block.text)
    }
    assert set(NOT_RUN) <= shown


def test_readme_runs_from_an_empty_log(begun):
    told = run_all(begun, shell_of("README.md"))
    assert f"{N_LOANS:,} rows imported, 0 rejected" in "".join(told.values())


@pytest.mark.parametrize("document", [document for document in ALONE if document != "README.md"])
def test_the_commands_of_a_chapter_run(document, imported):
    told = run_all(imported, shell_of(document))
    assert all(told.values()), "a command must say what it has done."


def test_the_data_chapter_runs_from_file_to_erasure(begun, log_of, monkeypatch):
    told = run_all(begun, shell_of("docs/your_data.md"))
    assert any(f"{N_LOANS:,} rows imported" in said for said in told.values())
    log = log_of(begun)
    assert set(log.models()) == {"reviews", "car_loan", "concept"}
    assert not (log.read_rows("car_loan")["entity_id"] == "customer-17").any()
    monkeypatch.chdir(begun.folder)
    # In a folder of its own, as the example names the log.
    begun.run("mv var elsewhere")
    n = 6_000
    instants = pd.date_range(end=datetime.now(UTC), periods=n, freq="1min")
    frame = pd.DataFrame({"predicted_at": instants, "length": range(n), "prediction": "positive"})
    frame["request_id"] = [f"r{k}" for k in range(n)]
    (code,) = python_of("docs/your_data.md")
    labels = {"request_ids": ["r3", "r4"], "true_labels": ["negative", "positive"]}
    run_python(code, frame_or_records=frame, **labels)["log"].close()
    made = log_of(begun)
    assert made.n_rows("reviews") == n
    assert made.read_rows("reviews")["label"].notna().sum() == 2
    assert [reference.n for reference in made.references("reviews")] == [5_000]


def test_the_clients_of_the_http_chapter_log_what_they_say(begun, log_of, tmp_path, capsys):
    now = datetime.now(UTC)
    frame = pd.DataFrame({"predicted_at": [now - timedelta(seconds=k) for k in range(300)], "channel": "fax"})
    frame["price"] = [None if k == 7 else k / 3 for k in range(300)]
    log = log_of(begun)
    with serving(api_command(), begun.settings, tmp_path) as (client, _):
        address = str(client.base_url).rstrip("/")
        begun.written = {"http://127.0.0.1:8501": address, "localhost:8501": address.removeprefix("http://")}
        told = []
        for block in blocks("docs/http.md"):
            if block.language == "sh":
                told += run_all(begun, commands(block.text)).values()
                continue
            known = run_python(begun.as_it_runs(block.text), frame=frame)
            assert known["answer"].json()["rejected"] == []
        assert "{'accepted': 1, 'rejected': []}" in capsys.readouterr().out
        assert '"variant":"champion"' in told[0].replace(" ", "")
        assert queue.read_job(log, 1).reason == "new vocabulary"
    rows = log.read_rows("reviews")
    batch = rows[rows["channel"] == "fax"]
    assert sorted(batch["predicted_at"]) == sorted(pd.to_datetime(frame["predicted_at"]))
    assert batch["price"].isna().sum() == 1
    (sent,) = rows[rows["request_id"] == "order-17"].to_dict("records")
    assert (sent["prediction"], sent["label"]) == ("positive", "negative")


def test_a_retrain_runs_as_its_chapter_says(worked, log_of):
    log = log_of(worked)
    shown = shell_of("docs/retraining.md")
    strategies = [command for command in shown if " add --" in command]
    start, status, approve, rollback = (command for command in shown[:4])
    run_all(worked, [start, status])
    (job,) = queue.read_jobs(log, "car_loan")
    wait_for(lambda: queue.read_job(log, job.id).state == "waiting_approval")
    worked.written = {"JOB": str(job.id)}
    assert "approved" in worked.run(approve)
    wait_for(lambda: queue.read_job(log, job.id).state == "promoted")
    assert "imported serves again instead of v1" in worked.run(rollback)
    run_all(worked, strategies)


def test_the_steps_of_a_run_on_github_are_the_commands_that_are_shown(begun, log_of):
    begin, train, gate, end = (
        next(command for command in shell_of("docs/retraining.md") if command.startswith(f"python -m retrain {name} "))
        for name in ("begin", "step", "gate", "end")
    )
    begun.run(
        "python -m storage import loans.parquet --model loans --time ts --prediction prediction --score score "
        "--label label --id id --ignore segment,customer"
    )
    github = FakeGitHub()
    try:
        begun.variables = {
            "RUN_URL": f"https://github.com/{REPOSITORY}/actions/runs/9000",
            "GITHUB_RUN_ID": "9000",
            "DRIFT_GITHUB_REPOSITORY": REPOSITORY,
            "DRIFT_GITHUB_TOKEN": TOKEN,
            "DRIFT_GITHUB_API": github.url,
        }
        number = begun.run(begin).strip()
        begun.written = {"--job 7": f"--job {number}"}
        before, after = ("precheck", "collect", "validate"), ("evaluate", "register")
        for step in before:
            begun.run(train.replace("--step train", f"--step {step}"))
        begun.run(train)
        for step in after:
            begun.run(train.replace("--step train", f"--step {step}"))
        github.review("approved", "rita", "go")
        begun.run(gate)
        log = log_of(begun)
        job = queue.read_job(log, int(number))
        assert (job.decision, job.decided_by, job.decision_note) == ("approve", "rita", "go")
        begun.run(end)
        # Once approved, the job is the product's own again, and a run that is over leaves it alone.
        job = queue.read_job(log, int(number))
        assert (job.external_ref, job.state) == (None, "queued")
    finally:
        github.close()


def test_the_stages_for_dvc_run(begun, log_of):
    (block,) = [block for block in blocks("docs/retraining.md") if block.language == "yaml"]
    begun.run(
        "mkdir data && mv loans.parquet data && git init -q && git -c user.name=a -c user.email=a@example.com "
        "commit -q --allow-empty -m data"
    )
    for stage in yaml.safe_load(block.text)["stages"].values():
        for needed in stage["deps"]:
            assert (begun.folder / needed).is_file()
        begun.run(stage["cmd"])
        for made in (name for out in stage.get("outs", stage.get("metrics")) for name in out):
            assert (begun.folder / made).is_file()
    (job,) = queue.read_jobs(log_of(begun), "loans")
    assert job.reason.startswith("data of ")


def test_the_alerts_chapter_sends_its_message(imported, hook):
    imported.variables = {"DRIFT_ALERT_URL": hook.url}
    run_all(imported, shell_of("docs/alerts.md"))
    assert len(hook.messages) == 1


def test_the_lesson_chapter_plays_until_it_is_stopped(begun, log_of):
    (live,) = (command for command in shell_of("docs/lesson.md") if "--live" in command)
    run_all(begun, [command for command in shell_of("docs/lesson.md") if command != live])
    log = log_of(begun)
    with begun.running(live, signal.SIGINT) as process:

        def is_live() -> bool:
            assert process.poll() is None, "the simulation ended before it was stopped."
            return "lesson" in log.models() and bool(log.references("lesson"))

        wait_for(is_live)
        n_before = log.n_rows("lesson")
        wait_for(lambda: log.n_rows("lesson") > n_before)
    assert process.returncode in (0, 130)


def test_the_lesson_chapter_tests_two_samples():
    (code,) = python_of("docs/lesson.md")
    known = run_python(code)
    assert known["lengths"].is_drifted
    assert known["labels"].effect_size == pytest.approx(0.2)
