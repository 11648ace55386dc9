import pytest

from retrain.models.recipes import fit, recipe_fault
from storage.jobs import decisions, queue
from storage.models import registry
from tests.retrain.conftest import COLUMNS, fill, run, simulated

OWN = "tests.retrain.own_recipe"
RECENT = {"window_rows": 1500, "holdout_share": 0.25}


def job_with(log, artifacts, recipe, **more):
    fill(log, artifacts)
    return run(log, artifacts, queue.start(log, "m", "why", "ana", params=RECENT | {"recipe": recipe} | more).job_id)


def test_a_recipe_of_ones_own_trains_a_version_that_is_trained_so_again(log, artifacts):
    job = job_with(log, artifacts, f"{OWN}:by_number")
    assert job.state == "waiting_approval", job.note
    decisions.approve(log, job.id, "ben")
    assert run(log, artifacts, job.id).state == "promoted"
    version = registry.read_version(log, "m", "v2")
    assert (version.params["recipe"], version.params["features"]) == (f"{OWN}:by_number", ["x"])
    again = queue.start(log, "m", "again", "ana", params=RECENT | {"override": True, "min_rows": 100}).job_id
    job = run(log, artifacts, again)
    precheck = next(step.output for step in queue.read_steps(log, again) if step.name == "precheck")
    assert precheck["recipe"] == f"{OWN}:by_number"


def test_a_type_that_nobody_reviewed_does_not_come_into_service(log, artifacts):
    job = job_with(log, artifacts, f"{OWN}:unknown_type")
    assert (job.state, job.step) == ("rejected", "evaluate")
    assert "must hold only allowed types; got tests.retrain.own_recipe.Secretive" in job.note


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("forest", "The recipe must be one of text, tabular, or module:function; got 'forest'."),
        ("os:system", "module must be one of your own; got 'os' of Python's library."),
        ("os.path:join", "module must be one of your own"),
        ("no_such_module:fit", "No module named 'no_such_module'"),
        (f"{OWN}:absent", "has no attribute 'absent'"),
        (f"{OWN}:NOT_CALLABLE", "NOT_CALLABLE must be a function; got int."),
        ("a b:fit", "module:function; got 'a b:fit'"),
        (f"{OWN}:by_number.__globals__", "module:function; got"),
        ("../x:fit", "module:function; got"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_before_anything_is_read(recipe, said, log, artifacts):
    job = job_with(log, artifacts, recipe)
    assert (job.state, job.step) == ("rejected", "precheck")
    assert said in job.note


def test_a_recipe_must_return_a_model():
    rows = simulated(200)
    with pytest.raises(ValueError, match=r"must return a retrain\.models\.FittedModel; got str"):
        fit(f"{OWN}:no_model", rows, rows["label"].tolist(), COLUMNS)


def test_our_own_recipes_are_no_faults():
    assert recipe_fault("text") is None
    assert recipe_fault(f"{OWN}:by_number") is None
