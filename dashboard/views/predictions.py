"""Predictions and their labels: how well the model does, and how well it should."""

import streamlit as st

from dashboard import data, performance_data, performance_panels
from dashboard.scope import read_scope

scope = read_scope()
revision = data.revision(scope.model)
found = data.board(scope.model, revision, scope.window_text, scope.reference).performance
shown = performance_data.predictions(scope.model, revision, scope.window_text, scope.reference)
if found is None or shown is None:
    st.badge("No classes and labels", icon=":material/label_off:", color="gray")
    st.text("This page needs a model that logs a predicted class and has a label column.")
else:
    performance_panels.verdicts(found)
    performance_panels.numbers(found, shown)
    performance_panels.figures(shown, found)
    performance_panels.versions(performance_data.versions(scope.model, revision, scope.window_text))
