"""Predictions and their labels: how well the model does, and how well it should."""

import streamlit as st

from dashboard.predictions import data as performance_data
from dashboard.predictions import panels
from dashboard.reading import reads
from dashboard.reading.scope import read_scope

scope = read_scope()
revision = reads.revision(scope.model)
found = reads.board(scope.model, revision, scope.window_text, scope.reference).performance
shown = performance_data.predictions(scope.model, revision, scope.window_text, scope.reference)
if found is None or shown is None:
    st.badge("No classes and labels", icon=":material/label_off:", color="gray")
    st.text("This page needs a model that logs a predicted class and has a label column.")
else:
    panels.verdicts(found)
    panels.numbers(found, shown)
    panels.figures(shown, found)
    panels.versions(performance_data.versions(scope.model, revision, scope.window_text))
