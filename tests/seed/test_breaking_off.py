"""A simulation that breaks off says why, even where that cannot be noted on its run."""

import pytest
import sqlalchemy as sa

from drift.data.windows import Column
from seed.demo import Plan, build_demo
from seed.live import play
from storage import open_log
from storage.database.engine import writing
from storage.database.schema import import_run
from storage.database.settings import Settings
from storage.jobs import runs
from storage.jobs.lessons import Lesson

DEMO, LESSON = Plan(model="m", rows=1_000), Lesson(model="m", scenario="none")


@pytest.mark.parametrize(
    ("source", "fingerprint", "simulate"),
    [
        (DEMO.source, DEMO.fingerprint, lambda log, settings: build_demo(log, settings, DEMO)),
        (LESSON.source, LESSON.fingerprint, lambda log, settings: play(log, settings, LESSON)),
    ],
    ids=["demo", "lesson"],
)
def test_the_reason_goes_up_with_a_note_on_the_run_that_is_held(postgres_url, tmp_path, source, fingerprint, simulate):
    log, other = open_log(f"{postgres_url}&options=-c%20lock_timeout%3D200"), open_log(postgres_url)
    settings = Settings.from_environment({"DRIFT_ARTIFACTS": str(tmp_path / "models")})
    log.register("m", [Column("amount", "numeric")])
    log.append("m", [{"predicted_at": "2026-09-01T00:00:00Z", "amount": 1.0}])
    run = runs.begin(log, "m", source, 100, fingerprint)
    with writing(other.engine) as holding:
        holding.execute(sa.select(import_run).where(import_run.c.id == run.id).with_for_update())
        with pytest.raises(ValueError, match="model must be a new one; 'm' holds 1 other rows") as caught:
            simulate(log, settings)
    (note,) = caught.value.__notes__
    assert "OperationalError: canceling statement due to lock timeout" in note
    assert "UPDATE" not in note
    for each in (log, other):
        each.close()
