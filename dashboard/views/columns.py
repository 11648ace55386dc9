"""One column in depth: what moved, where, in which rows."""

import streamlit as st

from dashboard.column import panels, questions
from dashboard.reading import reads
from dashboard.reading.scope import read_scope
from dashboard.shown.badges import BADGES

scope = read_scope()
revision = reads.revision(scope.model)
board = reads.board(scope.model, revision, scope.window_text, scope.reference)
if board.columns:
    report = panels.column_choice(scope, board)
    detail = reads.detail(scope.model, revision, scope.window_text, scope.reference, report.column)
    panels.numbers(report, detail)
    if detail is not None:
        panels.figures(scope, report, detail, revision)
    panels.parts(scope, report, revision)
    questions.questions(scope, revision)
    panels.raw_rows(scope, board, revision)
else:
    badge = BADGES[board.verdict]
    st.badge(badge.word, icon=badge.icon, color=badge.colour)
    st.text(board.sentence)
