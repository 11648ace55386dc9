"""The contract of `drift.monitor.source.Source`: one class for arrays in memory and for the log on every database."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from drift.columns.report import ColumnReport
from drift.data.policy import DriftPolicy
from drift.data.series import sliding_windows
from drift.data.windows import Column, LastRows, RowSpan, TimeSpan, Window
from drift.life.ledger import Kept
from drift.monitor import comparison
from drift.monitor.boards import PREVIOUS, check, timeline
from drift.monitor.labels import follow_labels, known_reference, outcome_columns
from drift.monitor.performance import check_performance
from drift.monitor.questions import words
from drift.monitor.references import prepare
from drift.monitor.source import Place, Source, extent_of, monitored
from drift.monitor.watch import acknowledge_stream, snooze, watch
from drift.performance.concept import ACCURACY
from storage import open_log
from tests.drift.array_source import MINUTE, START, ArraySource

COLUMNS = (
    Column("length", "numeric"),
    Column("items", "numeric"),
    Column("channel", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)
N, N_REFERENCE, CHANGE = 2_600, 800, 1_700
MICRO = timedelta(microseconds=1)
WINDOWS: tuple[Window, ...] = (
    LastRows(300),
    LastRows(10 * N),
    RowSpan(900, 1_300),
    RowSpan(N - 100, N + 100),
    RowSpan(N, N + 100),
    TimeSpan(START + 1_700 * MINUTE, START + 2_000 * MINUTE),
    TimeSpan(START + 1_700 * MINUTE + MICRO, START + 2_000 * MINUTE + MICRO),
    TimeSpan(START - 9 * MINUTE, START - 2 * MINUTE),
)


def values(seed: int = 1, n: int = N) -> dict[str, Any]:
    """Return columns of a model that grows worse at row 1,700, where `length` and `channel` move too."""
    rng = np.random.default_rng(seed)
    later = np.arange(n) >= CHANGE
    score = rng.random(n)
    right = rng.random(n) < np.where(later, 0.6, 0.9)
    return {
        "length": np.where(rng.random(n) < 0.05, np.nan, rng.normal(size=n) + later),
        "items": rng.integers(0, 9, n).astype(float),
        "channel": [str(c) for c in np.where(later & (rng.random(n) < 0.3), "fax", rng.choice(["web", "app"], n))],
        "prediction": [str(c) for c in np.where(score > 0.5, "yes", "no")],
        "score": score,
        "label": [
            None if unknown else str(c)
            for unknown, c in zip(rng.random(n) < 0.3, np.where((score > 0.5) == right, "yes", "no"), strict=True)
        ],
    }


def arrivals(labels: list[str | None], seed: int = 2) -> list[datetime | None]:
    """Return when labels came: a fifth with their row, the others up to ten hours later, often several at once."""
    rng = np.random.default_rng(seed)
    waits = np.where(rng.random(len(labels)) < 0.2, 0, rng.integers(0, 600, len(labels)))
    return [
        None if label is None else START + k * MINUTE + int(wait) * MINUTE
        for k, (label, wait) in enumerate(zip(labels, waits, strict=True))
    ]


def texts() -> list[str | None]:
    return [None if k % 3 == 0 else f"good tea {'lit' if k >= CHANGE else 'cup'}" for k in range(N)]


def in_arrays() -> ArraySource:
    found = values()
    return ArraySource(COLUMNS, found, {"training": N_REFERENCE}, arrivals(found["label"]), texts())


@pytest.fixture(params=["arrays", "sqlite", "postgresql"])
def source(request: pytest.FixtureRequest) -> Iterator[Source]:
    """The same rows in arrays, and in logs that were handed them in any order."""
    if request.param == "arrays":
        yield in_arrays()
        return
    log = open_log(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))
    log.register("m", COLUMNS)
    found = values()
    frame = pd.DataFrame(found | {"predicted_at": [START + k * MINUTE for k in range(N)]})
    frame = frame.assign(labelled_at=arrivals(found["label"]), text=texts())
    frame = frame.sample(frac=1, random_state=3).astype({"label": object, "text": object})
    log.append("m", frame.head(N // 2))
    log.append("m", frame.tail(N - N // 2))
    log.freeze_reference("m", "training", rows=N_REFERENCE)
    yield log
    log.close()


@pytest.fixture
def add(source: Source) -> Callable[..., None]:
    """Return a function that adds a row at a time, with some of its values."""
    if isinstance(source, ArraySource):
        return lambda at, **row: source.insert(at, row)
    return lambda at, **row: source.append("m", [{"predicted_at": at, **row}])  # type: ignore[attr-defined]  # the other source is the log


def plain(sample: Any) -> list[Any]:
    if hasattr(sample, "values"):
        return [None if value != value else value for value in sample.values.tolist()]
    return [None if code < 0 else sample.categories[code] for code in sample.codes.tolist()]


def plain_of(held: Any) -> list[Any]:
    return [None if value is None or value != value else value for value in list(held)]


def rows_of(window: Window) -> slice:
    if isinstance(window, LastRows):
        return slice(max(N - window.n, 0), N)
    if isinstance(window, RowSpan):
        return slice(window.first, window.last)
    at = [START + k * MINUTE for k in range(N)]
    return slice(*(sum(a < edge for a in at) for edge in (window.start, window.end)))


def evidence(source: Source) -> Kept:
    columns = monitored(source, "m")
    watch(source, "m", prepare(source, "m", "training", columns), columns)
    kept = source.ledger("m", "training").read(states=True)
    assert kept is not None
    return kept


def agree(found: Kept, expected: Kept) -> None:
    """Compare evidence stream by stream."""
    assert (found.rule, found.n_streams) == (expected.rule, expected.n_streams)
    assert found.phi == pytest.approx(expected.phi, rel=1e-12)
    assert found.progress.keys() == expected.progress.keys() == found.states.keys()
    for name, there in expected.progress.items():
        here = found.progress[name]
        assert (here.position, here.mark.at) == (there.position, there.mark.at), name
        assert (here.score, here.life_p) == pytest.approx((there.score, there.life_p), rel=1e-12), name
    assert told(found) == told(expected)


def told(kept: Kept) -> set[tuple[Any, ...]]:
    return {(r.stream, r.alarm.row, r.alarm.bet, r.alarm.onset, r.mark.at, r.onset_at) for r in kept.alarms}


def numbers(report: ColumnReport) -> dict[str, float]:
    found = report._asdict() | {"stability": report.stability, "betting_score": report.betting_score}
    return {name: value for name, value in found.items() if isinstance(value, int | float)}


def same_boards(found: Any, expected: Any) -> None:
    for here, there in zip(found, expected, strict=True):
        assert (here.conclusion, here.n) == (there.conclusion, there.n)
        assert (here.window, here.reference, here.rule) == (there.window, there.reference, there.rule)
        assert [report.column for report in here.columns] == [report.column for report in there.columns]
        for one, other in zip(here.columns, there.columns, strict=True):
            assert (one.verdict, one.test, one.reason) == (other.verdict, other.test, other.reason)
            assert one.unseen_categories == other.unseen_categories
            assert numbers(one) == pytest.approx(numbers(other), rel=1e-12, abs=1e-12, nan_ok=True), one.column
        assert {r.stream: r.onset_at for r in here.alarms} == {r.stream: r.onset_at for r in there.alarms}


class TestSource:
    """What the monitor relies on, whatever keeps the rows."""

    def test_windows_are_half_open_and_cut_off_at_the_ends_of_the_log(self, source):
        assert (source.columns("m"), source.n_rows("m")) == (COLUMNS, N)
        for window, extent in zip(WINDOWS, source.extents("m", WINDOWS), strict=True):
            rows = range(N)[rows_of(window)]
            assert extent.n == len(rows), window
            if isinstance(window, TimeSpan):
                assert (extent.start, extent.end) == (window.start, window.end)
            elif rows:
                assert (extent.start, extent.end) == (START + rows[0] * MINUTE, START + rows[-1] * MINUTE + MICRO)
                assert extent.start.utcoffset() == timedelta(0)
            else:
                assert (extent.start, extent.end) == (None, None)

    def test_values_come_in_the_order_of_time(self, source):
        known = values()
        for window in WINDOWS:
            for name, sample in source.read_window("m", window, COLUMNS).items():
                assert plain(sample) == plain_of(known[name][rows_of(window)]), (window, name)

    def test_a_reference_stays_as_it_was_frozen(self, source, add):
        add(START - MINUTE, length=7.0)
        reference = source.default_reference("m")
        assert [record.name for record in source.references("m")] == [reference.name] == ["training"]
        end = START + (N_REFERENCE - 1) * MINUTE + MICRO
        assert (reference.n, reference.start, reference.end) == (N_REFERENCE, START, end)
        for name, sample in source.read_reference("m", "training", COLUMNS).items():
            assert plain(sample) == plain_of(values()[name][:N_REFERENCE]), name

    def test_what_is_unknown_is_refused(self, source):
        with pytest.raises(ValueError, match=r"model must be .*m.*; got 'x'"):
            source.columns("x")
        with pytest.raises(ValueError, match=r"reference must be .*training.*; got 'x'"):
            source.read_reference("m", "x", COLUMNS)
        with pytest.raises(ValueError, match=r"reference must be .*training.*; got 'x'"):
            source.stream("m", "x").n_after(None, 1)

    @pytest.mark.parametrize("edges", ["of the reference", "of nobody"])
    def test_rows_are_counted_in_the_very_cells_that_are_given(self, source, edges):
        columns = monitored(source, "m")
        cells = prepare(source, "m", "training", columns).cells(columns)
        if edges == "of nobody":
            cells = {"length": np.array([-1.0, 0.0, 0.25]), "items": np.array([3.0]), "channel": None}
        counts = source.counts("m", WINDOWS, cells)
        assert list(counts) == list(cells)
        for name, counted in counts.items():
            assert (counted.edges is None) == (cells[name] is None)
            for window, row, n_missing in zip(WINDOWS, counted.counts, counted.n_missing, strict=True):
                held = values()[name][rows_of(window)]
                if cells[name] is None:
                    here = {c: n for c, n in zip(counted.categories, row.tolist(), strict=True) if n}
                    assert here == pd.Series(held, dtype=object).value_counts().to_dict(), (name, window)
                else:
                    np.testing.assert_array_equal(counted.edges, cells[name])
                    held = held[~np.isnan(held)]
                    cell = np.searchsorted(cells[name], held)  # cell i holds edges[i - 1] < value <= edges[i]
                    assert row.tolist() == np.bincount(cell, minlength=cells[name].size + 1).tolist(), (name, window)
                assert row.sum() + n_missing == len(range(N)[rows_of(window)])

    def test_categories_have_one_code_in_counts_windows_and_references(self, source):
        counted = source.counts("m", [LastRows(400)], {"channel": None})["channel"]
        window = source.read_window("m", LastRows(400), COLUMNS)["channel"]
        reference = source.read_reference("m", "training", COLUMNS)["channel"]
        assert "fax" in counted.categories
        n = min(len(counted.categories), len(window.categories), len(reference.categories))
        assert counted.categories[:n] == window.categories[:n] == reference.categories[:n]

    def test_the_revision_tells_every_change_and_no_look(self, source, add):
        seen = [source.revision("m")]
        check(source, "m", LastRows(500))
        assert source.revision("m") == seen[0]
        add(START + N * MINUTE, length=1.0)
        seen.append(source.revision("m"))
        acknowledge_stream(source, "m", "training", "length", by="ana")
        seen.append(source.revision("m"))
        snooze(source, "m", "training", "channel", START + 2 * N * MINUTE, by="ana")
        seen.append(source.revision("m"))
        assert seen == sorted(set(seen))

    def test_the_rows_after_a_reference_are_handed_out_in_order_and_once(self, source):
        stream, columns = source.stream("m", "training"), monitored(source, "m")
        assert stream.n_after(None, 10**6) == N - N_REFERENCE
        assert stream.n_after(None, 100) == 100
        last, ids, read = None, [], []
        while len(rows := stream.rows_after(last, 700, columns).ids):
            found = stream.rows_after(last, 700, columns)
            np.testing.assert_array_equal(found.ids, rows)
            ids, last, read = [*ids, *rows.tolist()], int(rows[-1]), [*read, *plain(found.samples["length"])]
            assert stream.n_after(last, 10**6) == N - N_REFERENCE - len(ids)
        assert ids == sorted(set(ids))
        assert read == plain_of(values()["length"][N_REFERENCE:])
        assert stream.instant_before(ids[50], 60) == START + (N_REFERENCE - 10) * MINUTE
        assert stream.instant_before(ids[50], 10**6) == START

    def test_the_ledger_lets_only_those_write_who_have_read_the_newest(self, source):
        kept, ledger = evidence(source), source.ledger("m", "training")
        progress = kept.progress["length"]
        stored = [(progress, kept.states["length"])]
        assert ledger.write(kept, "rows", stored, []) == kept.version + 1
        assert ledger.write(kept, "rows", stored, []) is None
        assert ledger.read().version == kept.version + 1
        assert ledger.read().states == {}
        assert ledger.begin(kept).version == kept.version + 1  # begun already
        assert ledger.now().utcoffset() == timedelta(0)

    def test_answers_stay_with_their_alarms(self, source):
        evidence(source)
        until = START + 2 * N * MINUTE
        snooze(source, "m", "training", "channel", until, by="ana", note="a sale")
        answered = acknowledge_stream(source, "m", "training", "length", by="bo", kind="false alarm").acknowledged
        alarms = {record.stream: record for record in evidence(source).alarms if record.stream in ("channel", "length")}
        assert (alarms["channel"].snoozed.until, alarms["channel"].snoozed.by) == (until, "ana")
        assert (alarms["length"].acknowledged.by, alarms["length"].acknowledged.kind) == ("bo", "false alarm")
        assert alarms["length"].acknowledged.mark.at == answered.mark.at
        with pytest.raises(ValueError, match="must have an alarm that nobody has acknowledged"):
            acknowledge_stream(source, "m", "training", "length", by="bo")

    def test_a_late_row_leaves_the_evidence_that_it_would_have_left_in_time(self, source, add):
        evidence(source)
        add(START + (CHANGE - 100) * MINUTE + timedelta(seconds=30), length=9.0, channel="web")
        other = in_arrays()
        other.insert(START + (CHANGE - 100) * MINUTE + timedelta(seconds=30), {"length": 9.0, "channel": "web"})
        agree(evidence(source), evidence(other))

    def test_labels_have_an_order_of_their_own(self, source):
        label, prediction = values()["label"], values()["prediction"]
        came = arrivals(label)
        order = sorted((came[k], k) for k in range(N_REFERENCE, N) if label[k] is not None)
        place: Place | None = None
        found: list[tuple[str, str]] = []
        while len((outcomes := source.read_outcomes("m", "training", place, 333)).ids):
            found += zip(plain(outcomes.prediction), plain(outcomes.label), strict=True)
            place = int(outcomes.micros[-1]), int(outcomes.ids[-1])
            assert source.outcome_before("m", "training", place, 0) == order[len(found) - 1][0]
            assert source.outcome_before("m", "training", place, 100) == order[len(found) - 101][0]
        assert found == [(prediction[k], label[k]) for _, k in order]
        assert source.outcome_before("m", "training", place, N) == order[0][0]

    def test_labels_tell_how_long_they_took(self, source):
        came = arrivals(values()["label"])
        newest = [(came[k] - START - k * MINUTE).total_seconds() for k in range(N - 500, N) if came[k] is not None]
        assert sorted(source.read_delays("m", LastRows(500), 10**6).tolist()) == sorted(newest)
        assert sorted(source.read_delays("m", LastRows(500), 50).tolist()) == sorted(newest[-50:])

    def test_texts_are_those_of_the_newest_rows_that_have_one(self, source):
        present = [text for text in texts()[-300:] if text is not None]
        assert list(source.read_texts("m", LastRows(300), 10**6)) == present
        assert list(source.read_texts("m", LastRows(300), 7)) == present[-7:]
        found = words(source, "m", LastRows(300), "training")
        assert "lit" in found.words.said

    @pytest.mark.parametrize("exact_rows", [comparison.EXACT_ROWS, 0])
    def test_boards_and_evidence_are_those_of_the_same_rows_in_memory(self, source, monkeypatch, exact_rows):
        monkeypatch.setattr(comparison, "EXACT_ROWS", exact_rows)
        other = in_arrays()
        same_boards(timeline(source, "m", WINDOWS), timeline(other, "m", WINDOWS))
        slid = sliding_windows(N, 13)
        same_boards(timeline(source, "m", slid), timeline(other, "m", slid))
        same_boards([check(source, "m", WINDOWS[2], PREVIOUS)], [check(other, "m", WINDOWS[2], PREVIOUS)])
        agree(evidence(source), evidence(other))

    def test_what_labels_say_is_the_same_of_the_same_rows_in_memory(self, source):
        other = in_arrays()
        found, expected = (check_performance(s, "m", LastRows(600), None, DriftPolicy()) for s in (source, other))
        same_boards([found], [expected])
        # Rows have other ids in each source: alarms are compared without.
        assert replace(found.performance, alarms=()) == replace(expected.performance, alarms=())
        assert {record.onset_at for record in found.alarms} == {record.onset_at for record in expected.alarms}
        assert found.performance.concept.verdict == "drift"
        for here in (source, other):
            known = known_reference(here, "m", None, outcome_columns(here, "m"))
            kept, watches = follow_labels(here, "m", known)
            assert ACCURACY in watches
            assert kept.progress[ACCURACY].position >= 1_000

    def test_threads_share_one_source(self, source):
        expected, boards = check(in_arrays(), "m", LastRows(700)), []
        starts = threading.Barrier(6)

        def look() -> None:
            starts.wait()
            boards.append(check(source, "m", LastRows(700)))

        threads = [threading.Thread(target=look) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same_boards(boards, [expected] * 6)
        assert extent_of(source, "m", LastRows(700)) == expected.window

    def test_what_was_made_of_a_reference_stays_with_its_source(self, source):
        columns = monitored(source, "m")
        ready = prepare(source, "m", "training", columns)
        assert prepare(source, "m", "training", columns) is ready
        assert prepare(in_arrays(), "m", "training", columns) is not ready
