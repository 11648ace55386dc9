"""Column reports: the verdict and its reason at every edge that real columns have."""

import numpy as np
import pytest
from scipy import stats

from drift.columns.by_values import compare_each
from drift.columns.verdicts import report_windows
from drift.columns.windows import Compared
from drift.data.policy import DriftPolicy
from drift.data.samples import CategoricalSample, NumericSample, reference_from
from drift.data.windows import Column

POLICY = DriftPolicy()
NAN = float("nan")


def compare_columns(columns, references, samples, policy):
    """Return the reports of one window, the worst first."""
    found = compare_each(columns, references, samples, policy)
    return report_windows(columns, {name: Compared.of([part]) for name, part in found.items()}, policy)[0]


@pytest.fixture
def report(sample):
    """Return a function that compares one column of plain values."""

    def compare(kind, reference, current, policy=POLICY):
        both = sample(kind, [*reference, *current])  # one dictionary of categories for both
        n = len(reference)
        if kind == "numeric":
            parts = NumericSample(both.values[:n]), NumericSample(both.values[n:])
        else:
            parts = (
                CategoricalSample(both.codes[:n], both.categories),
                CategoricalSample(both.codes[n:], both.categories),
            )
        references = {"x": reference_from(parts[0])}
        return compare_columns([Column("x", kind)], references, {"x": parts[1]}, policy)[0]

    return compare


def normal(n, shift=0.0, seed=1):
    return np.random.default_rng(seed).normal(shift, 1, n)


def test_a_shifted_column_drifts_and_says_where(report):
    found = report("numeric", normal(3_000), normal(1_000, 0.5, seed=2))
    assert (found.verdict, found.test) == ("drift", "ks")
    expected = stats.ks_2samp(normal(3_000), normal(1_000, 0.5, seed=2), method="asymp")
    assert found.statistic == found.effect_size == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)
    assert "of reference values were <= " in found.reason
    assert found.reason.endswith(f"(KS distance {found.statistic:.2f}, adjusted p {found.p_value:.1e}).")


def test_a_small_shift_of_many_rows_is_a_warning(report):
    found = report("numeric", normal(40_000), normal(20_000, 0.08, seed=2))
    assert found.verdict == "warning"
    assert found.reason.startswith("Small but beyond chance: ")


def test_an_unchanged_column_is_stable(report):
    found = report("numeric", normal(3_000), normal(1_000, seed=3))
    assert found.verdict == "stable"
    assert found.reason.startswith("Within chance: KS distance 0.0")


@pytest.mark.parametrize(("n_values", "test"), [(20, "chi2"), (21, "ks")])
def test_numbers_of_up_to_20_values_are_compared_as_categories(report, n_values, test):
    reference = np.arange(2_100) % n_values
    found = report("numeric", reference, reference[:630])
    assert (found.test, found.verdict) == (test, "stable")


def test_categories_that_moved_are_named_with_their_points(report):
    found = report("categorical", ["a", "b", "c"] * 500, ["a"] * 500 + ["b"] * 400 + ["c"] * 100)
    assert (found.verdict, found.test) == ("drift", "chi2")
    assert found.effect_size == pytest.approx(0.2333, abs=1e-4)
    assert found.reason.startswith("23.3 points of traffic moved ('c' -23.3, 'a' +16.7), adjusted p ")


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_an_unseen_category_has_its_own_verdict(report, kind):
    found = report(kind, [1, 2] * 1_000, [1, 2] * 475 + [7] * 50)
    assert found.unseen_share == pytest.approx(0.05)
    assert found.unseen_categories == (("7", 50),)
    assert found.unseen_verdict == "warning"
    assert "5.0 % of values are unseen in the reference: '7' (50 rows)." in found.reason
    assert report(kind, [1, 2] * 1_000, [1, 2] * 400 + [7] * 200).unseen_verdict == "drift"


def test_a_single_unseen_row_is_no_alarm(report):
    found = report("categorical", ["a", "b"] * 250, ["a", "b"] * 250 + ["c"])
    assert found.unseen_p_value == pytest.approx(501 / 1001)
    assert found.verdict == "stable"


def test_columns_of_ids_are_not_alarming_for_being_new(report):
    found = report("categorical", [f"id{k}" for k in range(3_000)], [f"id{k}" for k in range(3_000, 4_000)])
    assert found.unseen_share == 0  # that they are new is no finding
    assert found.verdict == "insufficient"  # nothing could be tested: neither red nor green
    new = "100 % of the values are new even within the reference"
    assert found.reason == f"{new}: an id or free text. Only missing values are watched."


def test_a_risen_missing_share_drifts_while_the_values_do_not(report):
    current = normal(1_000, seed=2)
    current[:150] = NAN
    found = report("numeric", normal(3_000), current)
    assert (found.verdict, found.value_verdict, found.missing_verdict) == ("drift", "stable", "drift")
    assert found.reason.startswith("Missing values rose from 0 % to 15 % of rows. Within chance: ")
    assert found.largest_effect == pytest.approx(0.15)


def test_missing_values_that_come_back_are_noticed_too(report):
    found = report("categorical", ["a", "b", None, None] * 500, ["a", "b"] * 300)
    assert found.missing_verdict == "drift"
    assert "Missing values fell from 50 % to 0 % of rows." in found.reason


def test_infinities_are_out_of_range_and_as_new_as_an_unseen_category(report):
    current = normal(1_000, seed=2)
    current[:60], current[60:80] = np.inf, -np.inf
    found = report("numeric", normal(3_000), current)
    assert found.unseen_categories == (("inf", 60), ("-inf", 20))
    assert 0.08 <= found.out_of_range_share < 0.09
    assert found.unseen_verdict == "warning"
    both = report("numeric", current, current)
    assert (both.unseen_share, both.verdict) == (0.0, "stable")


def test_values_beyond_the_reference_are_counted(report):
    assert report("numeric", np.arange(1_000.0), np.arange(500.0, 1_500.0)).out_of_range_share == 0.5


@pytest.mark.parametrize(("kind", "before", "after"), [("numeric", 3.0, 4.0), ("categorical", "a", "b")])
def test_a_constant_that_changed_drifts(report, kind, before, after):
    found = report(kind, [before] * 500, [after] * 100)
    assert (found.test, found.verdict, found.effect_size) == ("constant", "drift", 1.0)
    assert found.reason.startswith(f"Constant changed '{before:g}' -> '{after:g}'" if kind == "numeric" else "Constant")
    assert found.log10_p < -100


@pytest.mark.parametrize(
    ("kind", "before", "after"), [("numeric", 0.3, 0.1 + 0.2), ("numeric", 0.0, 0.0), ("categorical", "a", "a")]
)
def test_the_same_constant_is_stable(report, kind, before, after):
    found = report(kind, [before] * 500, [after] * 100)
    assert (found.test, found.verdict, found.p_value, found.unseen_share) == ("constant", "stable", 1.0, 0.0)


def test_a_constant_that_begins_to_vary_drifts(report):
    found = report("numeric", [5.0] * 500, [5.0] * 50 + [6.0] * 30 + [7.0] * 20)
    assert (found.verdict, found.test, found.effect_size) == ("drift", "chi2", 0.5)


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_too_few_rows_say_what_they_could_have_shown(report, kind):
    found = report(kind, np.arange(1_000) % 30, np.arange(42) % 30)
    assert found.verdict == "insufficient"
    assert np.isnan(found.p_value)
    assert found.reason.startswith("Not enough data: 42 of 50 rows; with these, only ")


def test_an_empty_window_is_too_little_data(report):
    found = report("numeric", normal(100), [])
    assert (found.verdict, found.reason) == ("insufficient", "Not enough data: 0 of 50 rows.")


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_a_column_that_is_missing_throughout_the_window_drifts(report, kind):
    found = report(kind, [1, 2, 3] * 200, [None] * 200)
    assert (found.verdict, found.value_verdict) == ("drift", "insufficient")
    assert found.reason.startswith("Missing values rose from 0 % to 100 % of rows.")


@pytest.mark.parametrize("current", [[1, 2] * 100, [None] * 200])
def test_a_column_that_the_reference_never_held_asks_for_a_newer_reference(report, current):
    found = report("categorical", [None] * 500, current)
    assert found.verdict == "insufficient"
    assert "freeze a newer reference" in found.reason


def test_a_short_reference_is_too_little_data(report):
    found = report("numeric", normal(30), normal(500, 3))
    assert found.verdict == "insufficient"
    assert "The reference holds 30 of 50 values" in found.reason


def test_a_column_that_cannot_be_computed_leaves_its_neighbours_alone(sample):
    columns = [Column(name, "numeric") for name in ("good", "absent", "unread", "mixed")]
    references = {name: reference_from(sample("numeric", normal(200))) for name in ("good", "unread", "mixed")}
    samples = {
        "good": sample("numeric", normal(100, 2)),
        "absent": sample("numeric", normal(100)),
        "unread": OSError("the disk is gone"),
        "mixed": sample("categorical", ["a"] * 100),
    }
    reports = {found.column: found for found in compare_columns(columns, references, samples, POLICY)}
    assert [reports[name].verdict for name in ("good", "absent", "unread", "mixed")] == ["drift", *["error"] * 3]
    assert reports["unread"].reason == "Could not be computed: the disk is gone"
    assert "the reference must hold what the window holds" in reports["absent"].reason


def test_a_code_without_a_category_is_an_error_and_not_a_crash(sample):
    reference = reference_from(sample("categorical", ["a", "b"] * 100))
    broken = CategoricalSample(np.full(100, 9), ("a", "b"))
    found = compare_columns([Column("x", "categorical")], {"x": reference}, {"x": broken}, POLICY)[0]
    assert (found.verdict, "codes must lie between -1 and 1" in found.reason) == ("error", True)


def test_the_worst_column_comes_first(sample):
    shifts = {"calm": 0.0, "far": 2.0, "near": 0.6}
    references = {name: reference_from(sample("numeric", normal(1_000))) for name in shifts}
    samples = {name: sample("numeric", normal(500, shift, seed=5)) for name, shift in shifts.items()}
    reports = compare_columns([Column(name, "numeric") for name in shifts], references, samples, POLICY)
    assert [found.column for found in reports] == ["far", "near", "calm"]


def test_p_values_are_adjusted_over_all_columns(sample):
    names = [f"c{k}" for k in range(8)]
    references = {name: reference_from(sample("numeric", normal(400, seed=k))) for k, name in enumerate(names)}
    samples = {name: sample("numeric", normal(300, seed=90 + k)) for k, name in enumerate(names)}
    reports = compare_columns([Column(name, "numeric") for name in names], references, samples, POLICY)
    expected = stats.false_discovery_control([found.p_value for found in reports])
    assert [found.adjusted_p_value for found in reports] == pytest.approx(expected)


def test_a_grown_dictionary_of_categories_changes_nothing(sample):
    reference = reference_from(CategoricalSample(np.repeat([0, 1], 500), ("a", "b")))
    found = compare_columns(
        [Column("x", "categorical")],
        {"x": reference},
        {"x": CategoricalSample(np.repeat([0, 1], 100), ("a", "b", "never here"))},
        POLICY,
    )[0]
    assert (found.verdict, found.unseen_share, found.effect_size) == ("stable", 0.0, 0.0)


def test_renamed_categories_change_nothing(report):
    rng = np.random.default_rng(3)
    reference, current = rng.choice(4, 900, p=[0.4, 0.3, 0.2, 0.1]), rng.choice(4, 400)
    names = np.array(["zebra", "ant", "cow", "dog"])
    found, renamed = report("categorical", reference, current), report("categorical", names[reference], names[current])
    assert renamed.p_value == pytest.approx(found.p_value, rel=1e-12)
    assert renamed.effect_size == pytest.approx(found.effect_size, rel=1e-12)


def test_a_healthy_window_seldom_alarms(sample):
    rng = np.random.default_rng(12)
    columns = [Column("a", "numeric"), Column("b", "numeric"), Column("c", "categorical"), Column("d", "categorical")]

    def draw(n):
        return {
            "a": NumericSample(rng.normal(size=n)),
            "b": NumericSample(np.where(rng.random(n) < 0.02, NAN, rng.integers(0, 9, n))),
            "c": CategoricalSample(rng.choice(5, n, p=[0.5, 0.3, 0.1, 0.07, 0.03]), tuple("abcde")),
            "d": CategoricalSample(np.minimum(rng.zipf(1.7, n), 400) - 1, tuple(map(str, range(400)))),
        }

    alarms = []
    for _ in range(300):
        references = {name: reference_from(drawn) for name, drawn in draw(2_003).items()}
        reports = compare_columns(columns, references, draw(499), POLICY)
        alarms.append(any(found.verdict != "stable" for found in reports))
    # Three questions per column, each held to .01 over the columns.
    assert np.mean(alarms) <= 0.04


def test_reports_keep_free_text_short_and_printable(report):
    found = report("categorical", ["a", "b"] * 500, ["a", "b"] * 200 + ["\x1b[31m" + "x" * 200] * 200)
    assert "\x1b" not in found.reason
    assert "x" * 41 not in found.reason


def test_the_reason_counts_the_traffic_that_was_tested(report):
    rng = np.random.default_rng(1)
    reference, current = rng.integers(0, 300, 3_000), rng.integers(0, 150, 997)
    found = report("categorical", [f"k{k}" for k in reference], [f"k{k}" for k in current])
    assert f"{100 * found.effect_size:.1f} points of traffic moved" in found.reason
