"""The one sentence of a board."""

from datetime import UTC, datetime

import pytest

from drift.board.headline import board_verdict, headline, headline_since, who_moved
from drift.columns.report import ColumnReport
from drift.data.policy import WORST_FIRST, DriftPolicy

POLICY = DriftPolicy()


def report(column, verdict="stable", effect=0.0, role="feature", **more):
    """Build the report of a column whose values lead to the verdict."""
    plain = ColumnReport(
        column=column,
        kind="numeric",
        role=role,
        test="ks",
        n=500,
        n_reference=5_000,
        effect_size=effect,
        verdict=verdict,
        value_verdict=verdict if verdict != "error" else "insufficient",
        note="The page is damaged.",
    )
    return plain._replace(**more)


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [
        ([], "insufficient"),
        (["insufficient"], "insufficient"),
        (["stable", "insufficient"], "stable"),
        (["stable", "error", "insufficient"], "error"),
        (["error", "warning"], "warning"),
        (["warning", "drift", "error"], "drift"),
    ],
)
def test_the_worst_column_decides_and_too_little_data_only_alone(verdicts, worst):
    assert board_verdict([report(f"c{k}", verdict) for k, verdict in enumerate(verdicts)]) == worst


@pytest.mark.parametrize(
    ("reports", "sentence"),
    [
        ([report("a"), report("b")], "Stable: none of 2 columns moved beyond chance."),
        ([report("a")], "Stable: none of 1 column moved beyond chance."),
        (
            [report("a", effect=0.7, adjusted_p_value=1e-9), report("b", effect=0.2, adjusted_p_value=0.4)],
            "Stable: no alarm stands; far from the reference all the same: 1 of 2 columns (a most).",
        ),
        (
            [report("a", "drift", 0.3), report("b", "drift", 0.5), report("c")],
            "Drift: 2 of 3 features (b moved most, KS distance 0.50).",
        ),
        ([report("a", "drift", 0.3)], "Drift: the only feature (a moved most, KS distance 0.30)."),
        (
            [report("prediction", "drift", 0.3, "prediction", test="chi2"), report("a")],
            "Drift: prediction (prediction moved most, 30.0 points of traffic).",
        ),
        (
            [report("a", "drift", 0.3), report("b", "warning", 0.05)],
            "Drift: 1 of 2 features (a moved most, KS distance 0.30); b moved too, but not far.",
        ),
        (
            [report("a", "drift", 0.3), *(report(f"b{k}", "warning", 0.05) for k in range(5))],
            "Drift: 1 of 6 features (a moved most, KS distance 0.30); 5 columns moved too, but not far.",
        ),
        (
            [report("a", "warning", 0.04), report("b")],
            "Warning: 1 of 2 features moved beyond chance, but not far (a moved most, KS distance 0.04).",
        ),
        (
            [report("a", "error"), report("b")],
            "Check failed for 1 column (a); 1 column stayed stable.",
        ),
        ([report("a", "error"), report("b", "error")], "Check failed: the page is damaged."),
        (
            [report("a", "drift", 0.3), report("b", "error"), report("c", "insufficient")],
            "Drift: 1 of 3 features (a moved most, KS distance 0.30); 1 column could not be checked (b); "
            "1 column had too little data.",
        ),
        ([report("a", "insufficient", test="none", note="Few rows.")], "Not enough data: a: few rows."),
        ([report("a", "insufficient", n_reference=9)], "Not enough data: the reference holds 9 of 50 rows."),
    ],
)
def test_the_sentence_says_who_moved_and_how_far(reports, sentence):
    worst_first = sorted(reports, key=lambda found: WORST_FIRST.index(found.verdict))
    assert headline(worst_first, 500, POLICY) == sentence


def test_a_short_window_says_how_short_it_is():
    assert headline([report("a", "insufficient")], 7, POLICY) == "Not enough data: 7 of 50 rows."
    assert headline([], 0, POLICY) == "Not enough data: 0 of 50 rows."


def test_missing_values_that_moved_most_are_named_as_such():
    lost = report("a", "drift", 0.0, value_verdict="stable", missing_verdict="drift", missing_share=0.4)
    lost = lost._replace(reference_missing_share=0.0)
    assert headline([lost], 500, POLICY) == (
        "Drift: the only feature (a: missing values rose from 0 % to 40 % of rows)."
    )


def test_outputs_are_named_and_features_counted():
    outputs = [report("prediction", "drift", role="prediction"), report("score", "drift", role="score")]
    features = [report("a", "drift"), report("b", "drift"), report("c")]
    assert who_moved([*outputs, *features[:2]], [*outputs, *features]) == "prediction, score and 2 of 3 features"
    assert who_moved(outputs, [*outputs, *features]) == "prediction and score"


def test_a_drift_without_a_healthy_window_before_it_may_be_older_and_ties_have_no_order():
    one, two = report("a", "drift", 0.4), report("b", "drift", 0.3)
    since = datetime(2026, 11, 22, 14, tzinfo=UTC)
    said = headline_since([[one, two]], since, may_be_older=True)
    assert said == "Drift since 2026-11-22 14:00 UTC or earlier: 2 of 2 features (a moved most at first)."
    assert "14:00 UTC:" in headline_since([[one]], since)
