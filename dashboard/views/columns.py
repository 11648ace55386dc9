"""One column in depth: what moved, where, in which rows."""

import streamlit as st

from dashboard import asking, column_panels, data
from dashboard.labels import BADGES
from dashboard.scope import read_scope

scope = read_scope()
revision = data.revision(scope.model)
board = data.board(scope.model, revision, scope.window_text, scope.reference)
if board.columns:
    report = column_panels.column_choice(scope, board)
    detail = data.detail(scope.model, revision, scope.window_text, scope.reference, report.column)
    column_panels.numbers(report, detail)
    if detail is not None:
        column_panels.figures(scope, report, detail, revision)
    column_panels.parts(scope, report, revision)
    asking.questions(scope, revision)
    column_panels.raw_rows(scope, board, revision)
else:
    badge = BADGES[board.verdict]
    st.badge(badge.word, icon=badge.icon, color=badge.colour)
    st.text(board.sentence)
