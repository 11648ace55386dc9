"""What each step of a retrain job does. A step reads, computes and returns an Outcome; the pipeline writes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import pandas as pd

from drift.windows import TimeSpan
from retrain import artifacts, checks, evaluation, recipes
from retrain.champion import champion_version, data_end_of, features_of, judge_champion, judgeable, judged, recipe_of
from retrain.params import RetrainParams
from retrain.rows import read_rows, split, write_rows
from storage import registry
from storage.audit import append_audit
from storage.jobs import Job
from storage.labelled import count_labels, read_labelled
from storage.leases import Outcome
from storage.log import PredictionLog
from storage.rows import category_text

Progress = Callable[[float, str], None]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a step may read: the log, the artifacts folder, its job and what the steps before it put out.

    `fence` is in the name of every file that a step writes: whoever lost the job cannot overwrite the new holder's.
    """

    log: PredictionLog
    artifacts: Path
    job: Job
    params: RetrainParams
    fence: int
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    progress: Progress = lambda share, note: None

    @property
    def rows_path(self) -> Path:
        """Where the collected rows are."""
        collected = self.outputs.get("collect", {})
        return self.artifacts / "jobs" / str(self.job.id) / collected.get("file", f"rows-{self.fence}.parquet")

    def rows(self) -> pd.DataFrame:
        """Return the collected rows."""
        return read_rows(self.rows_path, self.outputs["collect"]["sha256"])


def precheck(context: Context) -> Outcome:
    """Refuse what should not begin: within the cool-down, or without enough new labels."""
    params, job, log = context.params, context.job, context.log
    champion = champion_version(log, job.model)
    recipe = params.recipe or recipe_of(champion, log, job.model)
    if recipe not in recipes.RECIPES:
        return reject(f"The recipe must be one of {', '.join(recipes.RECIPES)}; the champion's is {recipe!r}.")
    if not any(column.role == "label" for column in log.columns(job.model)):
        return reject(f"Model {job.model!r} has no label column: there is nothing to learn from.")
    if (champion is None or champion.uri is None) and "prediction" not in {c.name for c in log.columns(job.model)}:
        return reject(
            f"Model {job.model!r} has neither a model file nor logged predictions: there is nothing to compare a "
            "challenger with. Log predictions, or register a first version (storage.registry.register_version)."
        )
    trained = [v.created_at for v in registry.versions(log, job.model) if v.job_id and v.stage != "withdrawn"]
    left = checks.cool_down_left(max(trained, default=None), datetime.now(UTC), params.cool_down_hours)
    if left and not params.override:
        what = f"The model was trained {_span(datetime.now(UTC) - max(trained))} ago"
        return reject(f"{what}; the cool-down ends in {_span(left)}. Override it if the reason is good enough.")
    since = data_end_of(champion)
    counts = count_labels(log, job.model, since)
    period = f"since the champion's data end ({since:%Y-%m-%d %H:%M} UTC)" if since else "in the log"
    if fault := checks.too_few(counts, params, period):
        return reject(fault, labels=counts)
    output = {"recipe": recipe, "champion": champion.version if champion else registry.IMPORTED, "labels": counts}

    def note_override(connection: Any) -> None:
        append_audit(connection, job.requested_by, "override cool-down", job.model, job=job.id, reason=job.reason)

    return _go_on("collect", output, effect=note_override if left else None)


def collect(context: Context) -> Outcome:
    """Write the newest labelled rows to a file that every later step reads."""
    log, model, params = context.log, context.job.model, context.params
    context.progress(0.1, f"reading the newest {params.window_rows:,} labelled rows")
    rows = read_labelled(log, model, params.window_rows)
    start, end = rows["predicted_at"].iloc[0], rows["predicted_at"].iloc[-1] + timedelta(microseconds=1)
    n_unlabelled = log.extent(model, TimeSpan(start, end)).n - len(rows)
    left_out = {"without a label yet": n_unlabelled}
    if context.outputs["precheck"]["recipe"] == "text":
        with_text = rows["text"].notna()
        left_out["without a text"] = int((~with_text).sum())
        rows = rows[with_text]
    if rows.empty:
        return reject("No labelled row of the window holds a text, and the recipe text needs one.", left_out=left_out)
    rows = rows.assign(label=rows["label"].map(category_text).astype(object))
    context.progress(0.7, f"writing {len(rows):,} rows")
    sha256 = write_rows(rows, context.rows_path)
    output = {"file": context.rows_path.name, "sha256": sha256, "n": len(rows), "left_out": left_out}
    output |= {"start": start.isoformat(), "end": end.isoformat()}
    output |= {"labels": _label_counts(rows)}
    return _go_on("validate", output)


def validate(context: Context) -> Outcome:
    """Refuse data that could corrupt a model."""
    log, model = context.log, context.job.model
    rows, columns = context.rows(), log.columns(model)
    older, newest = split(rows, context.params.holdout_share)
    features = [column for column in columns if column.role == "feature"]
    fault = checks.too_few(_label_counts(older), _at_least_two(context.params), "to train on")
    fault = fault or checks.schema_fault(features_of(champion_version(log, model)), columns, rows)
    references = log.references(model)
    if not fault and references:
        samples = log.read_reference(model, references[0].name, features)
        fault = checks.pipeline_fault(newest, samples, references[0].name)
    repeated = checks.duplicate_share(rows, [*(c.name for c in features), "text", "label"])
    if not fault and repeated > checks.MAX_DUPLICATES:
        fault = f"{repeated:.1%} of the rows repeat earlier ones: the log was filled twice, or the source is stuck."
    delays = (rows["labelled_at"] - rows["predicted_at"]).dt.total_seconds()
    output: dict[str, Any] = {"duplicates_share": repeated, "median_label_delay_seconds": float(delays.median())}
    output |= {"missing_shares": checks.missing_shares(rows, columns)}
    return reject(fault, **output) if fault else _go_on("train", output)


def train(context: Context) -> Outcome:
    """Fit the challenger on the older part of the rows, by the champion's recipe."""
    recipe, params = context.outputs["precheck"]["recipe"], context.params
    older, _ = split(context.rows(), params.holdout_share)
    context.progress(0.2, f"training on {len(older):,} rows by the recipe {recipe}")
    columns = context.log.columns(context.job.model)
    model = recipes.fit(recipe, older, older["label"].tolist(), columns, params.seed)
    context.progress(0.8, "writing the model file")
    name = f"{context.job.model}-job{context.job.id}-{context.fence}"
    artifact = artifacts.save(model, context.artifacts, name)
    output = {"uri": artifact.uri, "sha256": artifact.sha256, "recipe": recipe, "n": len(older)}
    output |= {"features": list(model.columns), "classes": list(model.classes)}
    return _go_on("evaluate", output | {"data_end": _after_last(older)})


def evaluate(context: Context) -> Outcome:
    """Compare champion and challenger on the newest rows, which the challenger has not seen."""
    job, params, trained = context.job, context.params, context.outputs["train"]
    _, newest = split(context.rows(), params.holdout_share)
    champion = champion_version(context.log, job.model)
    newest = judgeable(champion, newest)
    if newest.empty:
        return reject(
            "None of the held-out rows can judge the champion: it learnt from them, or answered none of them."
        )
    context.progress(0.1, f"scoring {len(newest):,} held-out rows with both models")
    before = judge_champion(context.artifacts, champion, newest)
    challenger = artifacts.load(context.artifacts, trained["uri"], trained["sha256"])
    found = evaluation.compare(newest["label"].tolist(), before, judged(challenger, newest))
    name = champion.version if champion else registry.IMPORTED
    result: dict[str, Any] = {
        "champion": evaluation.plain(found.champion, version=name),
        "challenger": evaluation.plain(found.challenger),
        "difference": found.difference,
        "interval": list(found.interval),
        "p_value": found.p_value,
        "n_held_out": found.n_held_out,
        "held_out_start": newest["predicted_at"].iloc[0].isoformat(),
        "held_out_end": _after_last(newest),
    }
    said = result["sentence"] = found.sentence()
    if not found.passes(params.max_loss):
        return reject(f"The challenger is not good enough: {said}.", result=result, **result)
    if job.dry_run:
        return reject(f"Dry run, nothing is registered. The challenger would pass: {said}.", result=result, **result)
    return _go_on("register", result, result=result, note=f"The challenger passes: {said}.")


def register(context: Context) -> Outcome:
    """Give the challenger a version, and let the job wait for a person."""
    job, outputs = context.job, context.outputs
    trained, measured = outputs["train"], outputs["evaluate"]
    params = {name: trained[name] for name in ("recipe", "features", "classes", "data_end")}
    params |= {"n_trained": trained["n"], "data_start": outputs["collect"]["start"], "seed": context.params.seed}
    values = {"job_id": job.id, "uri": trained["uri"], "sha256": trained["sha256"], "params": params}
    values |= {"data_sha256": outputs["collect"]["sha256"], "created_by": job.requested_by, "metrics": dict(measured)}
    values |= {"code_version": f"scikit-learn {library_version('scikit-learn')}"}
    return Outcome(
        state="waiting_approval",
        step="approval",
        note=f"Waiting for approval. The challenger passes every check: {measured['sentence']}.",
        result={"after_approval": "promote"},
        effect=lambda connection: {"version": registry.add_version(connection, job.model, values)},
    )


def promote(context: Context) -> Outcome:
    """Let the challenger serve; the champion is kept as `previous`."""
    job = context.job
    version = (job.result or {})["version"]
    by = job.decided_by or job.requested_by
    champion = champion_version(context.log, job.model)
    serving, judged_by = champion.version if champion else registry.IMPORTED, context.outputs["evaluate"]["champion"]
    if serving != judged_by["version"]:  # such as after a rollback: what was approved is no longer the question
        why = f"{version} was compared with {judged_by['version']}, but {serving} serves now: start another job."
        return replace(reject(why), effect=lambda connection: registry.withdraw(connection, job.model, version, by))
    return Outcome(
        state="promoted",
        step="promote",
        note=f"{version} serves, approved by {by}.",
        output={"version": version},
        effect=lambda connection: registry.promote(connection, job.model, version, by, job=job.id),
    )


STEPS: dict[str, Callable[[Context], Outcome]] = {
    "precheck": precheck,
    "collect": collect,
    "validate": validate,
    "train": train,
    "evaluate": evaluate,
    "register": register,
    "promote": promote,
}


def reject(why: str, *, result: Mapping[str, Any] | None = None, **output: Any) -> Outcome:
    """End the job with the reason why it must not go on."""
    return Outcome(
        state="rejected", step="", step_state="rejected", note=why, output=output | {"why": why}, result=result or {}
    )


def _go_on(step: str, output: Mapping[str, Any], **more: Any) -> Outcome:
    return Outcome(state="queued", step=step, output=output, **more)


def _label_counts(rows: pd.DataFrame) -> dict[str, int]:
    return {str(name): int(n) for name, n in rows["label"].value_counts().items()}


def _after_last(rows: pd.DataFrame) -> str:
    end: str = (rows["predicted_at"].iloc[-1] + timedelta(microseconds=1)).isoformat()
    return end


def _at_least_two(params: RetrainParams) -> RetrainParams:
    # The limits count new labels; here it only matters that there is something to tell apart.
    return RetrainParams(min_rows=10, min_class_rows=min(params.min_class_rows, 5))


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
