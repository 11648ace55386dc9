"""What the steps before the rollout do. A step reads, computes and returns an Outcome; the pipeline writes it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as library_version
from typing import Any

import pandas as pd

from drift.samples import Sample
from drift.windows import Column, LastRows, TimeSpan
from retrain import artifacts, checks, evaluation, recipes
from retrain.champion import champion_version, data_end_of, features_of, judge_champion, judgeable, judged, recipe_of
from retrain.context import Context, go_on, reject
from retrain.guardrails import ScoreShares, score_shares
from retrain.models import answers_from
from retrain.outputs import Collected, Evaluated, Prechecked, Trained, Validated
from retrain.params import RetrainParams
from retrain.rows import split, write_rows
from retrain.slices import compare_slices
from storage import registry
from storage.audit import append_audit
from storage.job_rows import Registered
from storage.labelled import count_labels, read_labelled
from storage.leases import Outcome
from storage.rows import category_text
from storage.shadow import last_served

# A fault of the feed shows in the newest rows, labelled or not.
_NEWEST = 500


def precheck(context: Context) -> Outcome:
    """Refuse what should not begin: within the cool-down, or without enough new labels."""
    params, job, log = context.params, context.job, context.log
    champion, at = champion_version(log, job.model), datetime.now(UTC)
    recipe = params.recipe or recipe_of(champion, log, job.model)
    if why := _impossible(context, champion, recipe):
        return reject(why)
    has_file = champion is not None and champion.uri is not None
    rollout, why_rollout = checks.choose_rollout(params.rollout, has_file, last_served(log, job.model), at)
    if rollout is None:
        return reject(why_rollout)
    trained = [v.created_at for v in registry.versions(log, job.model) if v.job_id and v.stage != "withdrawn"]
    left = checks.cool_down_left(max(trained, default=None), at, params.cool_down_hours)
    if left and not params.override:
        what = f"The model was trained {_span(at - max(trained))} ago"
        return reject(f"{what}; the cool-down ends in {_span(left)}. Override it if the reason is good enough.")
    since = data_end_of(champion)
    counts = count_labels(log, job.model, since)
    period = f"since the champion's data end ({since:%Y-%m-%d %H:%M} UTC)" if since else "in the log"
    if fault := checks.too_few(counts, params, period) or _broken_feed(context):
        return reject(fault, labels=counts)
    output = Prechecked(
        recipe=recipe,
        champion=champion.version if champion else registry.IMPORTED,
        labels=counts,
        rollout=rollout,
        rollout_why=why_rollout,
    )

    def note_override(connection: Any) -> None:
        append_audit(connection, job.requested_by, "override cool-down", job.model, job=job.id, reason=job.reason)

    return go_on("collect", output, effect=note_override if left else None)


def collect(context: Context) -> Outcome:
    """Write the newest labelled rows to a file that every later step reads."""
    log, model, params = context.log, context.job.model, context.params
    context.progress(0.1, f"reading the newest {params.window_rows:,} labelled rows")
    rows = read_labelled(log, model, params.window_rows)
    start, end = rows["predicted_at"].iloc[0], rows["predicted_at"].iloc[-1] + timedelta(microseconds=1)
    n_unlabelled = log.extent(model, TimeSpan(start, end)).n - len(rows)
    left_out = {"without a label yet": n_unlabelled}
    if context.prechecked.recipe == "text":
        with_text = rows["text"].notna()
        left_out["without a text"] = int((~with_text).sum())
        rows = rows[with_text]
    if rows.empty:
        return reject("No labelled row of the window holds a text, and the recipe text needs one.", left_out=left_out)
    rows = rows.assign(label=rows["label"].map(category_text).astype(object))
    context.progress(0.7, f"writing {len(rows):,} rows")
    output = Collected(
        file=context.new_rows_path.name,
        sha256=write_rows(rows, context.new_rows_path),
        n=len(rows),
        left_out=left_out,
        start=start.to_pydatetime(),
        end=end.to_pydatetime(),
        labels=_label_counts(rows),
    )
    return go_on("validate", output)


def validate(context: Context) -> Outcome:
    """Refuse data that could corrupt a model."""
    log, model = context.log, context.job.model
    rows, columns = context.rows(), log.columns(model)
    older, newest = split(rows, context.params.holdout_share)
    features = [column for column in columns if column.role == "feature"]
    fault = checks.too_few(_label_counts(older), _at_least_two(context.params), "to train on")
    fault = fault or checks.schema_fault(features_of(champion_version(log, model)), columns, rows)
    reference = log.default_reference(model)
    if not fault and reference is not None:
        samples = log.read_reference(model, reference.name, features)
        fault = checks.pipeline_fault(newest, samples, reference.name)
    repeated = checks.duplicate_share(rows, [*(c.name for c in features), "text", "label"])
    if not fault and repeated > checks.MAX_DUPLICATES:
        fault = f"{repeated:.1%} of the rows repeat earlier ones: the log was filled twice, or the source is stuck."
    delays = (rows["labelled_at"] - rows["predicted_at"]).dt.total_seconds()
    output = Validated(
        duplicates_share=repeated,
        median_label_delay_seconds=float(delays.median()),
        slowest_label_delay_seconds=float(delays.quantile(0.95)),
        missing_shares=checks.missing_shares(rows, columns),
    )
    return reject(fault, **output.plain()) if fault else go_on("train", output)


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
    slices = compare_slices(newest, _features(context), _reference_samples(context), truth, before, challenger)
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
        effect=lambda connection: Registered(registry.add_version(connection, job.model, values)).plain(),
    )


def _impossible(context: Context, champion: registry.Version | None, recipe: str) -> str | None:
    """Say what the model lacks for any retrain at all."""
    model, columns = context.job.model, context.log.columns(context.job.model)
    if fault := recipes.recipe_fault(recipe):
        return fault
    if not any(column.role == "label" for column in columns):
        return f"Model {model!r} has no label column: there is nothing to learn from."
    has_file = champion is not None and champion.uri is not None
    return checks.nothing_to_compare(model, has_file, [column.name for column in columns])


def _broken_feed(context: Context) -> str | None:
    """Say which column of the newest rows looks broken: such a drift is mended and not learnt."""
    reference = context.log.default_reference(context.job.model)
    if reference is None:
        return None
    newest = context.log.read_rows(context.job.model, LastRows(_NEWEST))
    return checks.pipeline_fault(newest, _reference_samples(context), reference.name)


def _reference_samples(context: Context) -> Mapping[str, Sample]:
    reference = context.log.default_reference(context.job.model)
    if reference is None:
        return {}
    return context.log.read_reference(context.job.model, reference.name, _features(context))


def _features(context: Context) -> list[Column]:
    return [column for column in context.log.columns(context.job.model) if column.role == "feature"]


def _score_shares(challenger: evaluation.Judged) -> ScoreShares | None:
    """Return how the challenger's scores are spread: what it serves later is compared with that."""
    if challenger.probabilities is None:
        return None
    return score_shares(answers_from(challenger.probabilities, challenger.classes).scores)


def _label_counts(rows: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(n) for name, n in rows["label"].value_counts().items()}


def _after_last(rows: pd.DataFrame) -> datetime:
    last: datetime = rows["predicted_at"].iloc[-1].to_pydatetime()
    return last + timedelta(microseconds=1)


def _at_least_two(params: RetrainParams) -> RetrainParams:
    # The limits count new labels; here it only matters that there is something to tell apart.
    return RetrainParams(min_rows=10, min_class_rows=min(params.min_class_rows, 5))


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
