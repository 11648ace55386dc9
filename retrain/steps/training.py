"""What a job does to make a challenger: train it, compare it with the champion, register it."""

from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import version as library_version

import pandas as pd

from retrain.judging import evaluation
from retrain.judging.guardrails import ScoreShares, score_shares
from retrain.judging.slices import compare_slices
from retrain.models import artifacts, recipes
from retrain.models.champion import champion_version, judge_champion, judgeable, judged
from retrain.models.fitted import answers_from
from retrain.models.rows import split
from retrain.steps.context import Context, go_on, reject
from retrain.steps.outputs import Evaluated, Trained
from storage.jobs.job_rows import Registered
from storage.jobs.leases import Outcome
from storage.models import registration, registry


def train(context: Context) -> Outcome:
    """Fit the challenger on the older part of the rows, by the champion's recipe."""
    recipe, params = context.prechecked.recipe, context.params
    older, _ = split(context.rows(), params.holdout_share)
    context.progress(0.2, f"training on {len(older):,} rows by the recipe {recipe}")
    columns = context.log.columns(context.job.model)
    model = recipes.fit(recipe, older, older["label"].tolist(), columns, params.seed)
    context.progress(0.8, "writing the model file")
    name = f"{context.job.model}-job{context.job.id}-{context.fence}"
    artifact = artifacts.save(model, context.artifacts, name)
    output = Trained(
        uri=artifact.uri,
        sha256=artifact.sha256,
        recipe=recipe,
        n=len(older),
        features=model.columns,
        classes=model.classes,
        data_end=_after_last(older),
    )
    return go_on("evaluate", output)


def evaluate(context: Context) -> Outcome:
    """Compare champion and challenger on the newest rows, which the challenger has not seen."""
    trained = context.trained
    _, newest = split(context.rows(), context.params.holdout_share)
    champion = champion_version(context.log, context.job.model)
    newest = judgeable(champion, newest)
    if newest.empty:
        return reject(
            "None of the held-out rows can judge the champion: it learnt from them, or answered none of them."
        )
    context.progress(0.1, f"scoring {len(newest):,} held-out rows with both models")
    before = judge_champion(context.artifacts, champion, newest)
    challenger = judged(artifacts.load(context.artifacts, trained.uri, trained.sha256), newest)
    truth = newest["label"].tolist()
    comparison = evaluation.compare(truth, before, challenger)
    slices = compare_slices(newest, context.features(), context.reference_samples(), truth, before, challenger)
    found = Evaluated(
        comparison=comparison,
        compared_with=champion.version if champion else registry.IMPORTED,
        held_out_start=newest["predicted_at"].iloc[0].to_pydatetime(),
        held_out_end=_after_last(newest),
        slices=slices.slices,
        rollout=context.prechecked.rollout,
        sentence=comparison.sentence(),
    )
    return _judged(context, found, slices.worse_where_it_drifted(), challenger)


def _judged(context: Context, found: Evaluated, worse: str | None, challenger: evaluation.Judged) -> Outcome:
    """Say whether the challenger may go on; `worse` says by how much it is worse where the data drifted."""
    said, result = found.sentence, found.plain()
    if not found.comparison.passes(context.params.max_loss):
        return reject(f"The challenger is not good enough: {said}.", result=result, **result)
    if worse:
        return reject(f"The challenger is worse where the data drifted: {worse}. Over all: {said}.", result=result)
    if context.job.dry_run:
        return reject(f"Dry run, nothing is registered. The challenger would pass: {said}.", result=result, **result)
    passing = replace(found, score_shares=_score_shares(challenger))
    return go_on("register", passing, result=result, note=f"The challenger passes: {said}.")


def register(context: Context) -> Outcome:
    """Give the challenger a version, and let the job wait for a person."""
    job, trained, collected, measured = context.job, context.trained, context.collected, context.evaluated
    params = {name: trained.plain()[name] for name in ("recipe", "features", "classes", "data_end")}
    params |= {"n_trained": trained.n, "data_start": collected.start.isoformat(), "seed": context.params.seed}
    values = {"job_id": job.id, "uri": trained.uri, "sha256": trained.sha256, "params": params}
    values |= {"data_sha256": collected.sha256, "created_by": job.requested_by, "metrics": measured.plain()}
    values |= {"code_version": f"scikit-learn {library_version('scikit-learn')}"}
    rollout = "shadow" if context.prechecked.rollout == "canary" else "promote"
    asks = context.params.needs_approval
    said = f"The challenger passes every check: {measured.sentence}."
    return Outcome(
        state="waiting_approval" if asks else "queued",
        step="approval" if asks else rollout,
        note=f"Waiting for approval. {said}" if asks else f"{said} The job was set up to go on without an approval.",
        result=Registered(after_approval=rollout).plain(),
        effect=lambda connection: Registered(registration.add_version(connection, job.model, values)).plain(),
    )


def _score_shares(challenger: evaluation.Judged) -> ScoreShares | None:
    """Return how the challenger's scores are spread: what it serves later is compared with that."""
    if challenger.probabilities is None:
        return None
    return score_shares(answers_from(challenger.probabilities, challenger.classes).scores)


def _after_last(rows: pd.DataFrame) -> datetime:
    last: datetime = rows["predicted_at"].iloc[-1].to_pydatetime()
    return last + timedelta(microseconds=1)
