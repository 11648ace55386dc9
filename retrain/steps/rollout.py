"""The steps of a rollout: the challenger scores unseen, then answers for some, for more, and serves at last.

The job's result says how far a trial is (`canary`). Between two looks the job holds no worker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from retrain.judging.confidence import Evidence, weigh
from retrain.judging.guardrails import Guardrail, broken, check_guardrails
from retrain.models.artifacts import RefusedArtifact
from retrain.models.champion import champion_version
from retrain.models.rows import ChangedRows
from retrain.steps.accepted import Accepted, accepted_rows
from retrain.steps.context import Context, reject
from retrain.steps.outputs import JobResult, Promoted, refused
from retrain.steps.trial import Phase, Trial
from storage.database.clock import now
from storage.jobs.job_rows import StepState
from storage.jobs.leases import Outcome
from storage.models import promotion, registry
from storage.models.shadow import count_shadow, read_shadow_health, read_shadow_pairs
from storage.references import of_champion

# What a challenger answers, phase by phase: the first only after it has scored unseen, the later ones only after the
# labels have shown that it is not worse.
SHARES = (0.1, 0.5, 1.0)
_QUIET = timedelta(minutes=10)


def shadow(context: Context) -> Outcome:
    """Let the challenger score every request unseen, until it has scored enough of them and nothing looks broken."""
    look = _look(context)
    if look is None:
        return _begin(context, "shadow", 0.0)
    if why := look.why_back():
        return _back(context, look, why)
    least = context.params.min_answers
    if look.n_scored < least:
        return _wait(context, look, f"Shadow: {look.n_scored:,} of at least {least:,} requests were scored unseen.")
    return _begin(context, "canary", SHARES[0], look)


def canary(context: Context) -> Outcome:
    """Let the challenger answer a growing share, as long as neither labels nor guardrails speak against it."""
    look = _look(context)
    if look is None:
        return _begin(context, "shadow", 0.0)
    if why := look.why_back():
        return _back(context, look, why)
    share, least = look.trial.share, context.params.min_answers
    if look.trial.n_canary < least or look.evidence.decision != "promote":
        answered = f"Canary at {share:.0%}: {look.trial.n_canary:,} of at least {least:,} answers."
        return _wait(context, look, f"{answered} {look.evidence.sentence()}")
    if larger := [more for more in SHARES if more > share]:
        return _begin(context, "canary", larger[0], look)
    said = f"The canary has passed at every share. {look.evidence.sentence()}"
    return Outcome(state="queued", step="promote", output=look.trial.plain(), note=said, result=_kept(look.trial))


def promote(context: Context) -> Outcome:
    """Let the challenger serve, with what it was accepted on as the reference; the champion is kept as `previous`."""
    job, version, by = context.job, _version(context), _decider(context)
    if why := _other_champion(context):
        said = f"{why}: start another job."
        return replace(reject(said), effect=lambda connection: promotion.withdraw(connection, job.model, version, by))
    accepted, why_none = _accepted(context)
    counts: dict[str, Any] = {}
    if accepted is not None:
        counts = {"n_reference": len(accepted.rows), "n_held_out": accepted.n_held_out}

    def serve(connection: Any) -> Mapping[str, Any]:
        # Whoever promotes by hand may have done so while the rows were answered; the next attempt finds out.
        compared = context.evaluated.compared_with
        promotion.promote(connection, job.model, version, by, instead_of=compared, job=job.id, **counts)
        adopted = of_champion.adopt_reference(connection, job.model, version, accepted.rows) if accepted else None
        return {"reference": adopted}

    who = f"approved by {by}" if job.decided_by else f"asked for by {by} without an approval"
    note = " ".join(part for part in (f"{version} serves, {who}.", why_none, _optimistic(accepted)) if part)
    output = Promoted(version=version, **counts)
    return Outcome(state="promoted", step="promote", note=note, output=output.plain(), effect=serve)


def _accepted(context: Context) -> tuple[Accepted | None, str]:
    """Return the next reference; None and why, where it cannot be made: it is no reason to serve a worse model."""
    context.progress(0.2, "answering the held-out rows, which later ones are compared with")
    try:
        return accepted_rows(context), ""
    except (ChangedRows, RefusedArtifact) as error:
        return None, f"It brings no reference of its own: {error}"


def _optimistic(accepted: Accepted | None) -> str:
    if accepted is None or not accepted.n_trained_on:
        return ""
    n, n_in = len(accepted.rows), accepted.n_trained_on
    return f"It was trained on {n_in:,} of the {n:,} rows of its reference: what it says of them is optimistic."


@dataclass(frozen=True)
class _Look:
    """What one look at a trial finds; the trial holds it already."""

    at: datetime
    last_request_at: datetime
    trial: Trial
    n_scored: int
    evidence: Evidence
    guardrails: tuple[Guardrail, ...]
    other_champion: str | None

    def why_back(self) -> str | None:
        """Say why the trial must end; None if it may go on."""
        if self.other_champion:
            return f"{self.other_champion}."
        return self.evidence.sentence() if self.evidence.decision == "roll back" else broken(self.guardrails)


def _look(context: Context) -> _Look | None:
    """Look at the trial; None if it has not begun."""
    trial = JobResult.of(context.job.result).trial
    if trial is None:
        return None
    context.progress(0.5, "looking at what both models said")
    about, at = (context.log, context.job.model, _version(context)), datetime.now(UTC)
    pairs, params = read_shadow_pairs(*about, trial.since), context.params
    seen = {"n_won": pairs.n_won, "n_lost": pairs.n_lost, "min_rows": params.min_labelled}
    evidence = weigh(pairs.n, margin=params.max_loss, **seen)
    health = read_shadow_health(*about, trial.since)
    guardrails = check_guardrails(health, context.evaluated.score_shares)
    n_scored, n_canary = count_shadow(*about, trial.since)[0], count_shadow(*about, trial.phase_since)[1]
    return _Look(
        at=at,
        last_request_at=health["at"].iloc[-1].to_pydatetime() if len(health) else trial.since,
        trial=trial.looked_at(at, n_scored=n_scored, n_canary=n_canary, evidence=evidence, guardrails=guardrails),
        n_scored=n_scored,
        evidence=evidence,
        guardrails=guardrails,
        other_champion=_other_champion(context),
    )


def _begin(context: Context, step: Phase, share: float, look: _Look | None = None) -> Outcome:
    """Begin a phase: the alias moves in the transaction that says so."""
    job, version = context.job, _version(context)

    def move(connection: Any) -> Mapping[str, Any]:
        alias = "challenger" if step == "canary" else "shadow"
        promotion.begin_trial(connection, job.model, version, alias, share or 1.0, _decider(context))
        at = now(connection)
        first = Trial(phase=step, share=share, since=at, phase_since=at, n_canary=0)
        return _kept(look.trial.begun(step, share, at) if look else first)

    said = f"The canary at {share:.0%} began." if share else "The challenger scores every request unseen."
    round_ = _next_look(context, step, said, step_state="waiting" if job.step == step else "done")
    return replace(round_, effect=move)


def _kept(trial: Trial) -> dict[str, Any]:
    """Return what the job's result keeps of a trial."""
    return {"canary": trial.plain()}


def _wait(context: Context, look: _Look, said: str) -> Outcome:
    if look.at - look.last_request_at > _QUIET:
        came = f"No request has come since {look.last_request_at:%Y-%m-%d %H:%M} UTC"
        said = f"{said} {came}: promote or roll back by hand if none will."
    again = _next_look(context, context.job.step or "", said)
    return replace(again, output=look.trial.plain(), result=_kept(look.trial))


def _next_look(context: Context, step: str, said: str, step_state: StepState = "waiting") -> Outcome:
    pause = timedelta(seconds=context.params.look_seconds)
    return Outcome(state="canary", step=step, step_state=step_state, note=said, wait=pause)


def _back(context: Context, look: _Look, why: str) -> Outcome:
    """End the trial by itself: the champion answers everything again."""
    model, version = context.job.model, _version(context)
    return Outcome(
        state="rolled_back",
        step="",
        step_state="rejected",
        note=f"{version} was rolled back by itself. {why}",
        output=refused(look.trial.plain(), why),
        result=_kept(look.trial),
        effect=lambda connection: promotion.withdraw(connection, model, version, "the worker", why=why),
    )


def _other_champion(context: Context) -> str | None:
    """Say that what was compared and approved is no longer the question, such as after a roll back."""
    champion = champion_version(context.log, context.job.model)
    serving = champion.version if champion else registry.IMPORTED
    compared = context.evaluated.compared_with
    if serving == compared:
        return None
    return f"{_version(context)} was compared with {compared}, but {serving} serves now"


def _version(context: Context) -> str:
    if context.job.version is None:
        raise ValueError(f"job {context.job.id} must have registered a version before its rollout; got none.")
    return context.job.version


def _decider(context: Context) -> str:
    return context.job.decided_by or context.job.requested_by
