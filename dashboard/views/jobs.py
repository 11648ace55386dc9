"""Retrain: the state in one sentence, the running job, the decision, and all that was done before."""

from datetime import UTC, datetime

import streamlit as st

from dashboard.acting.who import ask_name, draw_answer
from dashboard.jobs import data as jobs_data
from dashboard.jobs import decision, lists, panels, strategies, trial, versions
from dashboard.jobs.checks import obstacles, preflight
from dashboard.jobs.words import headline
from dashboard.reading import reads
from dashboard.reading.scope import read_scope

LEVELS = {
    "ok": (st.success, ":material/check_circle:"),
    "info": (st.info, ":material/info:"),
    "act": (st.warning, ":material/front_hand:"),
    "bad": (st.error, ":material/error:"),
}

DECIDED = {
    "proposed": decision.draw_proposal,
    "waiting_approval": decision.draw_decision,
    "canary": trial.draw_trial,
}

model = read_scope().model
log, settings = reads.log(), reads.settings()
found = jobs_data.read_retraining(log, model)
labelled = jobs_data.read_labelled(log, model, log.revision(model), jobs_data.data_end(found.champion))
at = datetime.now(UTC)
checks = preflight(found, labelled, jobs_data.read_prospects(log, found, at), at)
active, last = found.active, found.last

top, who = st.columns([5, 1], gap="small", vertical_alignment="top")
with top:
    champion = found.champion.version if found.champion else None
    said = headline(model, active, last, champion, obstacles(checks), found.n_workers)
    show, icon = LEVELS[said.level]
    show(said.text, icon=icon)
    draw_answer()
with who:
    ask_name()

left, right = st.columns([3, 2], gap="small")
with left.container(border=True, gap="small", key="job" if active else "start"):
    if active is not None:
        panels.draw_active_job(log, active, found.n_workers)
    else:
        panels.draw_start(log, settings, model, checks, labelled.n_all)
if active is None:
    with left.container(border=True, gap="small", key="last_job"):
        if last is not None:
            panels.draw_job(log, last)
            versions.draw_retry(log, settings, last)
        else:
            panels.draw_plan()
if active is not None and active.state == "canary":
    with left.container(border=True, gap="small", key="on_trial"):
        decision.draw_comparison(active)
with right:
    if active is not None and active.state in DECIDED:
        with st.container(border=True, gap="small", key="decision"):
            DECIDED[active.state](log, settings, active)
    elif active is None and last is not None and last.result:
        with st.container(border=True, gap="small", key="compared"):
            decision.draw_comparison(last)
    if active is None:
        with st.container(border=True, gap="small", key="preflight"):
            panels.draw_preflight(settings, checks, found.n_workers)
    elif active.state not in DECIDED:
        with st.container(border=True, gap="small", key="worker"):
            panels.draw_worker(settings, found.n_workers)
    with st.container(border=True, gap="small", key="versions"):
        versions.draw_versions(log, found)

history, by_itself, audit = st.tabs(["History", "Schedules and triggers", "Audit"])
with history:
    lists.draw_history(found.history)
with by_itself:
    strategies.draw_strategies(log, model, found.n_workers)
with audit:
    lists.draw_audit(found.audit)
