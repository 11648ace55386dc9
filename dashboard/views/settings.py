"""Settings: files brought in, models and their references, alerts, the rule in force, and who may do what."""

import streamlit as st

from dashboard.acting.who import ask_name, draw_answer
from dashboard.reading import reads
from dashboard.reading.scope import read_scope
from dashboard.settings import alert_panels, facts, file_form, progress
from dashboard.settings import models as settings_models
from dashboard.settings.words import watched_text

models = reads.models()
scope = read_scope() if models else None

top, who = st.columns([5, 1], gap="small", vertical_alignment="center")
with top:
    st.markdown(
        f"**{watched_text({model: reads.log().n_rows(model) for model in models})}** "
        "Imports and new references carry your name into the audit list."
    )
    draw_answer()
with who:
    ask_name()

names = ["Import a file", "Models and references", "Alerts", "Rule and thresholds", "Access"]
importing, known, told, rule, access = st.tabs(names, key="settings_tabs")
with importing:
    progress.draw_imports()
    file_form.draw_import()
    progress.draw_history()
with known:
    if scope is None:
        st.caption("No model yet. Import a file, or send rows to POST /predictions.")
    else:
        settings_models.draw_models(scope.model)
with told:
    alert_panels.draw_alerts(reads.log(), reads.settings(), scope.model if scope else "")
with rule:
    facts.draw_rule(scope)
with access:
    facts.draw_access()
