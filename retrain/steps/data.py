"""What a job does before it trains: may it begin, which rows are there, could they corrupt a model."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from drift.data.windows import LastRows, TimeSpan
from retrain.judging import before
from retrain.models import recipes
from retrain.models.champion import champion_version, data_end_of, features_of, recipe_of
from retrain.models.rows import split, write_rows
from retrain.params import RetrainParams
from retrain.steps.context import Context, go_on, reject
from retrain.steps.outputs import Collected, Prechecked, Validated
from storage.checking.cells import category_text
from storage.database.audit import append_audit
from storage.jobs.leases import Outcome
from storage.models import registry
from storage.models.shadow import read_last_served
from storage.references.labelled import count_labels, read_labelled

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
    rollout, why_rollout = before.choose_rollout(params.rollout, has_file, read_last_served(log, job.model), at)
    if rollout is None:
        return reject(why_rollout)
    trained = [v.created_at for v in registry.read_versions(log, job.model) if v.job_id and v.stage != "withdrawn"]
    left = before.cool_down_left(max(trained, default=None), at, params.cool_down_hours)
    if left and not params.override:
        what = f"The model was trained {_span(at - max(trained))} ago"
        return reject(f"{what}; the cool-down ends in {_span(left)}. Override it if the reason is good enough.")
    since = data_end_of(champion)
    counts = count_labels(log, job.model, since)
    period = f"since the champion's data end ({since:%Y-%m-%d %H:%M} UTC)" if since else "in the log"
    if fault := before.too_few(counts, params, period) or _broken_feed(context):
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
    features = context.features()
    fault = before.too_few(_label_counts(older), _at_least_two(context.params), "to train on")
    fault = fault or before.schema_fault(features_of(champion_version(log, model)), columns, rows)
    reference = log.default_reference(model)
    if not fault and reference is not None:
        samples = log.read_reference(model, reference.name, features)
        fault = before.pipeline_fault(newest, samples, reference.name)
    repeated = before.duplicate_share(rows, [*(c.name for c in features), "text", "label"])
    if not fault and repeated > before.MAX_DUPLICATES:
        fault = f"{repeated:.1%} of the rows repeat earlier ones: the log was filled twice, or the source is stuck."
    delays = (rows["labelled_at"] - rows["predicted_at"]).dt.total_seconds()
    output = Validated(
        duplicates_share=repeated,
        median_label_delay_seconds=float(delays.median()),
        slowest_label_delay_seconds=float(delays.quantile(0.95)),
        missing_shares=before.missing_shares(rows, columns),
    )
    return reject(fault, **output.plain()) if fault else go_on("train", output)


def _impossible(context: Context, champion: registry.Version | None, recipe: str) -> str | None:
    """Say what the model lacks for any retrain at all."""
    model, columns = context.job.model, context.log.columns(context.job.model)
    if fault := recipes.recipe_fault(recipe):
        return fault
    if not any(column.role == "label" for column in columns):
        return f"Model {model!r} has no label column: there is nothing to learn from."
    has_file = champion is not None and champion.uri is not None
    return before.nothing_to_compare(model, has_file, [column.name for column in columns])


def _broken_feed(context: Context) -> str | None:
    """Say which column of the newest rows looks broken: such a drift is mended and not learnt."""
    reference = context.log.default_reference(context.job.model)
    if reference is None:
        return None
    newest = context.log.read_rows(context.job.model, LastRows(_NEWEST))
    return before.pipeline_fault(newest, context.reference_samples(), reference.name)


def _label_counts(rows: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(n) for name, n in rows["label"].value_counts().items()}


def _at_least_two(params: RetrainParams) -> RetrainParams:
    # The limits count new labels; here it only matters that there is something to tell apart.
    return RetrainParams(min_rows=10, min_class_rows=min(params.min_class_rows, 5))


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
