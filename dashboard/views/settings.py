"""Settings: files brought in, models and their references, alerts, the rule in force, and who may do what."""

import streamlit as st

from dashboard import alert_panels, data, settings_facts, settings_import, settings_models, settings_progress
from dashboard.acting_who import ask_name, draw_answer
from dashboard.scope import read_scope
from dashboard.settings_words import watched_text

models = data.models()
scope = read_scope() if models else None

top, who = st.columns([5, 1], gap="small", vertical_alignment="center")
with top:
    st.markdown(
        f"**{watched_text({model: data.log().n_rows(model) for model in models})}** "
        "Imports and new references carry your name into the audit list."
    )
    draw_answer()
with who:
    ask_name()

names = ["Import a file", "Models and references", "Alerts", "Rule and thresholds", "Access"]
importing, known, told, rule, access = st.tabs(names, key="settings_tabs")
with importing:
    settings_progress.draw_imports()
    settings_import.draw_import()
    settings_progress.draw_history()
with known:
    if scope is None:
        st.caption("No model yet. Import a file, or send rows to POST /predictions.")
    else:
        settings_models.draw_models(scope.model)
with told:
    alert_panels.draw_alerts(data.log(), data.settings(), scope.model if scope else "")
with rule:
    settings_facts.draw_rule(scope)
with access:
    settings_facts.draw_access()
