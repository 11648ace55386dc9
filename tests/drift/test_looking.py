"""Windows by counts against windows value by value: the same verdicts, and the same numbers within the bound."""

from itertools import product

import numpy as np
import pytest

from drift import looking
from drift.columns import report_windows
from drift.compared import Compared
from drift.looking import compare_windows
from drift.monitor import prepare
from drift.policy import DriftPolicy
from drift.sliding import sliding_windows
from drift.windows import Column, LastRows

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
SAME = ("n", "n_reference", "n_values", "n_values_reference", "missing_p_value", "unseen_p_value")


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
    monkeypatch.setattr(looking, "EXACT_ROWS", exact_rows)
    ready = prepare(source, "m", "training", COLUMNS)
    extents, compared = compare_windows(source, "m", windows, ready, COLUMNS, POLICY, may_count=True)
    return extents, compared, report_windows(COLUMNS, compared, POLICY)


def agree(compared, window, told):
    """The numbers in arrays are those of the comparison that is told when asked."""
    alone = Compared.of([told])
    assert compared.tests[window] == alone.tests[0]
    for name, numbers in compared.numbers.items():
        assert numbers[window] == pytest.approx(alone.numbers[name][0], rel=1e-9, nan_ok=True), name


@pytest.mark.parametrize("windows", [sliding_windows(N, 40), sliding_windows(N, 3), [LastRows(30)]])
def test_counts_and_values_lead_to_the_same_verdicts(source, windows, monkeypatch):
    extents, exact, by_value = looks(source, windows, monkeypatch, 10**9)
    same_extents, counted, by_count = looks(source, windows, monkeypatch, 0)
    assert extents == same_extents
    for name, window in product((column.name for column in COLUMNS), range(len(windows))):
        a, b = exact[name].comparison(window), counted[name].comparison(window)
        assert [getattr(a, field) for field in SAME] == pytest.approx([getattr(b, field) for field in SAME])
        assert a.values.unseen == b.values.unseen
        assert a.values.out_of_range_share == pytest.approx(b.values.out_of_range_share, abs=1e-12)
        agree(counted[name], window, b)
        if a.values.result is None:
            assert (b.values.result, b.values.said) == (None, a.values.said)
            continue
        low = b.values.result.statistic
        assert low - 1e-12 <= a.values.result.statistic <= low + b.values.statistic_bound + 1e-12
        assert a.values.telling.stability == pytest.approx(b.values.telling.stability, abs=1e-12)
        assert a.values.telling.movers == b.values.telling.movers
    for reports, others in zip(by_value, by_count, strict=True):
        assert {r.column: r.verdict for r in reports} == {r.column: r.verdict for r in others}


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
