"""Windows by counts against windows value by value: the same verdicts, and the same numbers within the bound."""

import numpy as np
import pytest

from drift.columns.verdicts import report_windows
from drift.data.policy import DriftPolicy
from drift.data.series import sliding_windows
from drift.data.windows import Column, LastRows
from drift.monitor import comparison
from drift.monitor.comparison import compare_windows
from drift.monitor.references import prepare

COLUMNS = (
    Column("amount", "numeric"),
    Column("rounded", "numeric"),
    Column("parcels", "numeric"),
    Column("constant", "numeric"),
    Column("tax", "numeric"),
    Column("gaps", "numeric"),
    Column("odd", "numeric"),
    Column("empty", "numeric"),
    Column("channel", "categorical"),
    Column("country", "categorical"),
)
N = 20_000
POLICY = DriftPolicy()
SAME = ("n", "n_reference", "missing_share", "reference_missing_share", "missing_p_value", "unseen_p_value")


def values(seed, shift):
    rng = np.random.default_rng(seed)
    late = np.arange(N) >= N // 2
    amount = rng.normal(np.where(late, shift, 0), 1)
    return {
        "amount": amount,
        "rounded": np.round(amount, 1),
        "parcels": np.where(late & (rng.random(N) < shift / 10), 99.0, rng.integers(0, 9, N)),
        "constant": np.full(N, 0.3) if shift else np.where(late, 0.1 + 0.2, 0.3),
        "tax": rng.choice([0.1, 0.2, np.inf], N),
        "gaps": np.where(rng.random(N) < np.where(late, 0.1 + shift / 9, 0.1), np.nan, rng.exponential(size=N)),
        "odd": np.where(late & (rng.random(N) < 0.01), np.inf, rng.normal(size=N)),
        "empty": np.where(late, rng.normal(size=N), np.nan),
        "channel": rng.choice(["web", "app", None], N, p=[0.5, 0.4, 0.1]),
        "country": np.where(late & (rng.random(N) < shift / 5), "new", rng.choice([f"c{k}" for k in range(60)], N)),
    }


@pytest.fixture(params=[0.0, 0.02, 0.25, 0.5])
def source(array_source, request):
    return array_source(COLUMNS, values(3, request.param), {"training": 6_000})


def looks(source, windows, monkeypatch, exact_rows):
    monkeypatch.setattr(comparison, "EXACT_ROWS", exact_rows)
    ready = prepare(source, "m", "training", COLUMNS)
    extents, compared = compare_windows(source, "m", windows, ready, COLUMNS, POLICY, may_count=True)
    return extents, compared, report_windows(COLUMNS, compared, POLICY)


@pytest.mark.parametrize("windows", [sliding_windows(N, 40), sliding_windows(N, 3), [LastRows(30)]])
def test_counts_and_values_lead_to_the_same_verdicts(source, windows, monkeypatch):
    extents, _, by_value = looks(source, windows, monkeypatch, 10**9)
    same_extents, _, by_count = looks(source, windows, monkeypatch, 0)
    assert extents == same_extents
    for reports, others in zip(by_value, by_count, strict=True):
        counted = {report.column: report for report in others}
        assert counted.keys() == {column.name for column in COLUMNS}
        for a in reports:
            b = counted[a.column]
            assert [getattr(a, name) for name in SAME] == pytest.approx([getattr(b, name) for name in SAME])
            assert (a.verdict, a.test, a.note, a.unseen_categories) == (b.verdict, b.test, b.note, b.unseen_categories)
            assert a.out_of_range_share == pytest.approx(b.out_of_range_share, abs=1e-12)
            assert a.stability == pytest.approx(b.stability, abs=1e-12, nan_ok=True)
            assert a.movers == b.movers
            if a.test != "none":
                assert b.statistic - 1e-12 <= a.statistic <= b.statistic + b.statistic_bound + 1e-12


def test_a_long_look_reads_values_only_where_the_bound_leaves_the_verdict_open(source, monkeypatch):
    windows = sliding_windows(N, 10)
    prepare(source, "m", "training", COLUMNS)
    reads = []
    read = source.read_window
    monkeypatch.setattr(source, "read_window", lambda m, w, columns: reads.append(len(columns)) or read(m, w, columns))
    looks(source, windows, monkeypatch, 0)
    assert reads[:10] == [len(COLUMNS)] * 10  # what the source in memory counts
    assert set(reads[10:]) <= {1}
    assert len(reads[10:]) < 0.2 * 10 * len(COLUMNS)


def test_a_column_that_cannot_be_counted_leaves_its_neighbours_alone(source, monkeypatch):
    prepare(source, "m", "training", COLUMNS)
    source.broken["amount"] = OSError("the page is damaged")
    _, compared, boards = looks(source, sliding_windows(N, 4), monkeypatch, 0)
    assert [type(error) for error in compared["amount"].failed.values()] == [OSError] * 4
    assert compared["channel"].numbers["n"].tolist() == [N // 4] * 4
    assert {r.column for reports in boards for r in reports if r.verdict == "error"} == {"amount"}
