"""Boards as tables and as short series: pure functions that pages hand to Streamlit."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from dashboard.shown.badges import BADGES, TESTS, number_cell, p_cell
from dashboard.shown.details import ColumnDetail
from drift.board.result import Board
from drift.columns.report import ColumnReport
from drift.monitor.boards import drifting_since
from drift.statistics.distribution import Distribution
from drift.wording import number_text, share_text


def column_history(boards: Sequence[Board], column: str) -> list[tuple[Board, ColumnReport]]:
    """Return a column's report in every window that has one, the oldest first."""
    return [(board, report) for board in boards for report in board.columns if report.column == column]


def column_since(boards: Sequence[Board], column: str) -> datetime | None:
    """Return since when a column drifts, by its alarm where one stands, or None if it does not in the newest window."""
    verdicts = [
        (board.window, report.verdict) for board in boards for report in board.columns if report.column == column
    ]
    found = drifting_since(verdicts)
    if found is None:
        return None
    alarm = column_history(boards, column)[-1][1].alarm
    return alarm.onset_at if alarm else found[0]


def column_table(board: Board, boards: Sequence[Board]) -> pd.DataFrame:
    """Return a row per column, the worst first, with its effect over time.

    Parameters
    ----------
    board : whose columns are listed
    boards : of the windows of the timeline, the oldest first

    Returns
    -------
    DataFrame, shape (columns of the board, 12)
        `effect` is a float from 0 to 1, `trend` a list of them, `n` an int, `verdict` a list of one badge; else text.
    """
    return pd.DataFrame(
        {
            "column": [report.column for report in board.columns],
            "verdict": [[BADGES[report.verdict].cell] for report in board.columns],
            "effect": [report.effect_size for report in board.columns],
            "trend": [_effects(boards, report.column) for report in board.columns],
            "test": [TESTS[report.test] for report in board.columns],
            "statistic": [number_cell(report.statistic) for report in board.columns],
            "p": [p_cell(report.p_value) for report in board.columns],
            "adjusted": [p_cell(report.adjusted_p_value) for report in board.columns],
            "missing": [_share(report.missing_share) for report in board.columns],
            "unseen": [_share(report.unseen_share) for report in board.columns],
            "n": [report.n for report in board.columns],
            "reason": [report.reason for report in board.columns],
        }
    )


def parts_frame(parts: Sequence[ColumnReport], by: str) -> pd.DataFrame:
    """Return a row for every category of another column: how far a column moved there.

    Parameters
    ----------
    parts : one report per category
    by : the name of the other column

    Returns
    -------
    DataFrame, shape (len(parts), 7)
    """
    return pd.DataFrame(
        {
            by: [part.column for part in parts],
            "verdict": [[BADGES[part.verdict].cell] for part in parts],
            "effect": [number_cell(round(part.effect_size, 3)) for part in parts],
            "p adjusted": [p_cell(part.adjusted_p_value) for part in parts],
            "n": [part.n for part in parts],
            "reference n": [part.n_reference for part in parts],
            "what moved": [part.reason for part in parts],
        }
    )


def quantiles_frame(detail: ColumnDetail) -> pd.DataFrame:
    """Return the quantiles of a numeric column, side by side.

    Returns
    -------
    DataFrame, shape (quantiles, 4), all text
    """
    return pd.DataFrame(
        {
            "quantile": [f"{level:.0%}" for level, _, _ in detail.quantiles],
            "reference": [number_text(before) for _, before, _ in detail.quantiles],
            "current": [number_text(now) for _, _, now in detail.quantiles],
            "change": [
                f"{'+' if now > before else ''}{number_text(now - before)}" for _, before, now in detail.quantiles
            ],
        }
    )


def categories_frame(shown: Distribution, residuals: np.ndarray) -> pd.DataFrame:
    """Return the categories of a column, those that moved most first.

    Parameters
    ----------
    shown : shares by category, shapes (n_categories,)
    residuals : float array, shape (n_categories,), in standard errors

    Returns
    -------
    DataFrame, shape (n_categories, 5), all text
    """
    change = shown.current_share - shown.reference_share
    order = np.argsort(-np.abs(change), kind="stable")
    return pd.DataFrame(
        {
            "category": [shown.categories[k] for k in order],
            "reference": [share_text(float(shown.reference_share[k])) for k in order],
            "current": [share_text(float(shown.current_share[k])) for k in order],
            "points": [f"{100 * change[k]:+.1f}" for k in order],
            "residual": [f"{residuals[k]:+.1f}" for k in order],
        }
    )


def _effects(boards: Sequence[Board], column: str) -> list[float]:
    effects = [report.effect_size for _, report in column_history(boards, column)]
    return [round(effect, 4) for effect in effects if effect == effect]


def _share(share: float) -> str:
    return "–" if share != share else share_text(share)
