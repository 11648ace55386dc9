"""Is anything wrong, since when, and what to do: one page to read at 3 a.m."""

import streamlit as st

from dashboard.overview import panels
from dashboard.reading import reads
from dashboard.reading.scope import choose_column, read_scope
from dashboard.settings import alert_panels

scope = read_scope()
revision = reads.revision(scope.model)
board = reads.board(scope.model, revision, scope.window_text, scope.reference)
history = reads.history(scope.model, revision, scope.window_text, scope.reference)

alert_panels.draw_trouble()
left, right = st.columns([5, 3], gap="small")
with left:
    panels.verdict_card(scope, board, history)
with right:
    panels.action_card(scope, board)
panels.card_row(board, history)
if board.columns:
    column = panels.column_choice(scope, board, history, revision)
    if column != scope.column:
        choose_column(column)
    panels.two_charts(scope, board, history, revision, column)
    panels.heat_strip(history)
