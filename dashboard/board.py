"""The pages and what stands above them: run alone by Streamlit, or by the application in dashboard/app.py."""

import sys
from pathlib import Path

import streamlit as st

# Streamlit puts this folder on the path, not the one above it.
if (root := str(Path(__file__).parents[1])) not in sys.path:
    sys.path.insert(0, root)

# Before st.navigation, and not a Material icon: that one is fetched from the internet.
st.set_page_config(page_title="Drift", page_icon="📉", layout="wide")

from dashboard.reading import empty  # noqa: E402  the path is set above
from dashboard.reading.scope import scope_bar  # noqa: E402  the path is set above

page = st.navigation(
    [
        st.Page("views/overview.py", title="Overview", icon=":material/monitoring:", default=True),
        st.Page("views/columns.py", title="Columns", icon=":material/tune:", url_path="columns"),
        st.Page("views/predictions.py", title="Predictions", icon=":material/fact_check:", url_path="performance"),
        st.Page("views/jobs.py", title="Retrain", icon=":material/model_training:", url_path="retrain"),
        st.Page("views/settings.py", title="Settings", icon=":material/settings:", url_path="settings"),
        st.Page("views/lesson.py", title="Lesson", icon=":material/school:", url_path="lesson"),
    ],
    position="top",
)
with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    scope = scope_bar()
    if scope is not None:
        empty.freshness(scope.model)
if scope is None and page.url_path not in empty.REACHABLE:
    empty.no_models()
else:
    page.run()
