"""A model file that is not what it should be never serves and never judges: the job says why."""

import hashlib
import os
import pickle
from functools import partial

import pytest
import skops.io

from retrain.steps.pipeline import advance
from storage.jobs import queue
from storage.models import registration, registry
from tests.retrain.conftest import fill, run


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def hostile_files(folder):
    return {
        "a pickle": (pickle.dumps(Bomb(str(folder / "boom"))), "bad.skops must be a skops file"),
        "an unknown type": (
            skops.io.dumps({"estimator": partial(os.mkdir, str(folder / "boom"))}),
            "bad.skops must hold only allowed types; got ",
        ),
        "no file of ours": (skops.io.dumps({"recipe": "text"}), "bad.skops must hold categories, classes"),
    }


@pytest.mark.parametrize("kind", ["a pickle", "an unknown type", "no file of ours"])
def test_a_champion_that_is_a_hostile_file_ends_the_job_before_anything_of_it_runs(kind, log, artifacts, tmp_path):
    fill(log, artifacts)
    content, said = hostile_files(tmp_path)[kind]
    (artifacts / "bad.skops").write_bytes(content)
    registration.register_version(
        log,
        "m",
        uri="bad.skops",
        sha256=hashlib.sha256(content).hexdigest(),
        created_by="mallory",
        params=registry.read_version(log, "m", "v1").params,
        champion=True,
    )
    job = run(log, artifacts, queue.start(log, "m", "red turned bad", "ana", params={"window_rows": 1500}).job_id)
    assert (job.state, job.step) == ("rejected", "evaluate")
    assert said in job.note
    assert not (tmp_path / "boom").exists()
    assert len(registry.read_versions(log, "m")) == 2


def test_a_challenger_whose_file_was_swapped_after_training_is_refused(log, artifacts):
    fill(log, artifacts)
    job_id = queue.start(log, "m", "red turned bad", "ana", params={"window_rows": 1500}).job_id
    while queue.read_job(log, job_id).step != "evaluate":
        assert advance(log, artifacts, "test", job_id)
    (made,) = artifacts.glob(f"m-job{job_id}-*.skops")
    made.write_bytes(pickle.dumps(Bomb("boom")))
    job = run(log, artifacts, job_id)
    assert (job.state, job.step) == ("rejected", "evaluate")
    assert f"sha256 of {made.name} must be" in job.note
    assert not os.path.exists("boom")
    assert [version.version for version in registry.read_versions(log, "m")] == ["v1"]
