"""Is anything wrong, since when, and what to do: one page to read at 3 a.m."""

import streamlit as st

from dashboard import alert_panels, data, overview_panels
from dashboard.scope import choose_column, read_scope

scope = read_scope()
revision = data.revision(scope.model)
board = data.board(scope.model, revision, scope.window_text, scope.reference)
history = data.history(scope.model, revision, scope.window_text, scope.reference)

alert_panels.draw_trouble()
left, right = st.columns([5, 3], gap="small")
with left:
    overview_panels.verdict_card(scope, board, history)
with right:
    overview_panels.action_card(scope, board)
overview_panels.card_row(board, history)
if board.columns:
    column = overview_panels.column_choice(scope, board, history, revision)
    if column != scope.column:
        choose_column(column)
    overview_panels.two_charts(scope, board, history, revision, column)
    overview_panels.heat_strip(history)
