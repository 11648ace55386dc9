"""Segments against the slow obvious way: whatever was done to a log, its windows hold what its rows say."""

import itertools
import tempfile
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drift.data.windows import Column, LastRows, RowSpan, TimeSpan
from drift.monitor.references import prepare
from drift.statistics.grid import cell_counts
from storage import PredictionLog, open_log
from storage.database.engine import reading
from storage.database.schema import (
    block_histogram,
    model,
    reference,
    reference_values,
    segment,
    segment_histogram,
    segment_values,
)
from storage.models.catalogue import read_entry
from storage.reading import selection
from storage.segments.seal import rebuild
from storage.upkeep.retention import erase, retain
from storage.upkeep.verification import verify

pytestmark = pytest.mark.each_database

START = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = (
    Column("amount", "numeric"),
    Column("parcels", "numeric"),
    Column("channel", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("label", "categorical", "label"),
)
ADDED = (Column("price", "numeric"), Column("device", "categorical"))
SEGMENT, BLOCK = 16, 4


@pytest.fixture
def small_segments(monkeypatch):
    """Make segments of 16 rows and blocks of 4 segments, so that a few hundred rows fill several blocks."""
    for module in ("segments.seal", "writing.batches"):
        monkeypatch.setattr(f"storage.{module}.SEGMENT_ROWS", SEGMENT)
    for module in ("segments.grids", "segments.counts", "segments.repair", "upkeep.retention", "upkeep.verification"):
        monkeypatch.setattr(f"storage.{module}.BLOCK_SEGMENTS", BLOCK)
    for module in ("segments.view", "writing.batches"):
        monkeypatch.setattr(f"storage.{module}.MOST_UNSEALED", 16 * SEGMENT)
    monkeypatch.setattr("storage.segments.seal._OVERGROWN", 2 * SEGMENT)
    monkeypatch.setattr("storage.segments.seal._COUNTED_AT_ONCE", 3)
    monkeypatch.setattr("storage.writing.batches._BULK_ROWS", 6)
    monkeypatch.setattr("storage.segments.counts._ROWS_AT_ONCE", 2 * SEGMENT)
    monkeypatch.setattr("storage.upkeep.retention._SEGMENTS_AT_ONCE", 3)


def drawn(rng, columns, times):
    """Draw rows with gaps, ties, infinities and categories that come later."""
    n = len(times)
    newest = 2 + int(rng.integers(4))
    values = {
        "amount": rng.normal(size=n),
        "parcels": rng.integers(0, 5, n).astype(float),
        "channel": [f"c{k}" for k in rng.integers(newest, size=n)],
        "prediction": rng.choice(["yes", "no"], n),
        "price": rng.choice([1.5, 2.5, np.inf, -np.inf], n),
        "device": rng.choice(["phone", "tablet"], n),
    }
    frame = pd.DataFrame({column.name: values[column.name] for column in columns if column.name in values})
    frame = frame.astype({name: object for name in ("channel", "prediction", "device") if name in frame})
    for name in frame:
        frame.loc[rng.random(n) < 0.1, name] = None
    frame["predicted_at"] = pd.to_datetime([at.isoformat() for at in times], format="ISO8601", utc=True)
    frame["entity_id"] = [f"e{k}" for k in rng.integers(12, size=n)]
    frame["request_id"] = [f"r{rng.integers(2**60)}" for _ in times]
    return frame


class Life:
    """A log to which things happen."""

    def __init__(self, url, seed):
        self.log = open_log(url)
        self.rng = np.random.default_rng(seed)
        self.log.register("m", COLUMNS)
        self.now = START
        self.requests = []
        self.n_references = 0

    def append(self, n):
        steps = self.rng.choice([0.0, 0.0003, 0.9, 1.7], n)
        self.write([self.now + timedelta(seconds=float(s)) for s in np.cumsum(steps)])

    def append_one_by_one(self, n):
        for _ in range(n):
            self.append(1)

    def late(self, n):
        back = self.rng.uniform(0, max((self.now - START).total_seconds(), 1) + 5, n)
        self.write([self.now - timedelta(seconds=float(s)) for s in back])

    def write(self, times):
        frame = drawn(self.rng, self.log.columns("m"), times)
        assert self.log.append("m", frame).accepted == len(times)
        self.requests += frame["request_id"].tolist()
        self.now = max([self.now, *times])

    def twice(self, _):
        stored = self.log.read_rows("m")["request_id"].tolist()
        if stored:
            row = {"predicted_at": self.now, "request_id": stored[-1], "channel": "never"}
            assert self.log.append("m", [row]).accepted == 0

    def label(self, n):
        self.log.label("m", self.requests[-n:], ["yes"] * len(self.requests[-n:]))

    def catch_up(self, _):
        self.log.catch_up("m")

    def freeze(self, n):
        if self.log.n_rows("m") and self.n_references < 3:
            self.log.freeze_reference("m", f"reference {self.n_references}", rows=20 + 9 * n)
            self.n_references += 1

    def add_columns(self, _):
        self.log.register("m", [*COLUMNS, *ADDED])

    def erase(self, n):
        erase(self.log, "m", f"e{n % 12}")

    def retain(self, n):
        newest = self.log.extent("m", LastRows(10**9)).end or self.now
        retain(self.log, "m", min(newest, self.now) - timedelta(seconds=6 * n))

    def rebuild(self, _):
        rebuild(self.log.shelf, "m")


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *["append"] * 5,
                *["append_one_by_one", "late", "late", "twice", "label", "catch_up", "freeze", "freeze"],
                *["add_columns", "erase", "retain", "rebuild"],
            ]
        ),
        st.integers(1, 60),
    ),
    min_size=3,
    max_size=14,
)


def agree(life, log):
    """Compare every kind of read with the rows themselves."""
    n_rows = len(log.read_rows("m"))
    assert log.n_rows("m") == n_rows
    rng = life.rng
    edges = sorted({*rng.integers(0, n_rows + 3, 6).tolist(), 0, n_rows, SEGMENT, 2 * SEGMENT - 1})
    windows = [RowSpan(a, b) for a, b in itertools.pairwise(edges)]
    windows += [LastRows(1), LastRows(SEGMENT + 3), LastRows(10**6), *log.cut("m", 3)]
    seconds = np.sort(rng.uniform(-3, (life.now - START).total_seconds() + 3, 6))
    instants = [START + timedelta(seconds=float(s)) for s in seconds]
    if n_rows:
        at = log.extent("m", RowSpan(n_rows // 2, n_rows // 2 + 1))
        instants += [at.start, at.end]
    instants = sorted(set(instants))
    windows += [TimeSpan(a, b) for a, b in itertools.pairwise(instants)]
    columns = log.columns("m")
    with reading(log.engine) as connection:
        entry = read_entry(connection, "m")
        layout = log.catalogue.layout(connection, entry)
        dictionary = log.catalogue.dictionary(connection, entry)
        obvious = [selection.read_samples(connection, layout, dictionary, window, columns) for window in windows]
        extents = [selection.read_extent(connection, layout.table, window) for window in windows]
    assert log.extents("m", windows) == extents
    for window, expected in zip(windows, obvious, strict=True):
        found = log.read_window("m", window, columns)
        for name, sample in expected.items():
            np.testing.assert_array_equal(plain(found[name]), plain(sample), err_msg=f"{window} {name}")
    monitored = [column for column in columns if column.role != "label"]
    for frozen in log.references("m"):
        counted = log.counts("m", windows, prepare(log, "m", frozen.name, monitored).cells(monitored))
        for row, expected in enumerate(obvious):
            for column in monitored:
                counts, sample = counted[column.name], expected[column.name]
                if column.kind == "numeric":
                    right = cell_counts(np.sort(sample.values), counts.edges)
                else:
                    right = sample.counts()
                np.testing.assert_array_equal(counts.counts[row], right, err_msg=f"{windows[row]} {column.name}")
                assert counts.n_missing[row] == len(sample) - right.sum()


def plain(sample):
    return sample.values if hasattr(sample, "values") else sample.codes


def live(url, operations, seed):
    life = Life(url, seed)
    for name, n in operations:
        getattr(life, name)(n)
        agree(life, life.log)
    second = PredictionLog(life.log.engine)  # one that remembers nothing
    agree(life, second)
    assert verify(life.log, "m") == ()
    life.log.catch_up("m")
    agree(life, second)
    assert verify(life.log, "m") == ()
    life.log.close()


@pytest.mark.slow
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(operations=OPERATIONS, seed=st.integers(0, 2**16))
def test_whatever_happens_to_a_log_its_windows_hold_what_its_rows_say(small_segments, operations, seed):
    with tempfile.TemporaryDirectory() as folder:
        live(f"sqlite:///{folder}/log.db", operations, seed)


LIVES = {
    "late rows": [
        ("append", 60),
        ("freeze", 2),
        ("append", 60),
        ("late", 9),
        ("catch_up", 1),
        ("append", 60),
        ("late", 60),
    ],
    "single rows": [("append_one_by_one", 60), ("freeze", 1), ("late", 3), ("append_one_by_one", 40)],
    "deletions": [
        ("append", 60),
        ("append", 60),
        ("freeze", 1),
        ("erase", 3),
        ("append", 50),
        ("retain", 9),
        ("erase", 4),
    ],
    "columns": [
        ("append", 50),
        ("freeze", 1),
        ("add_columns", 1),
        ("append", 60),
        ("freeze", 3),
        ("late", 5),
        ("rebuild", 1),
    ],
    "labels": [("append", 60), ("label", 40), ("twice", 1), ("late", 20), ("label", 60), ("erase", 5), ("catch_up", 1)],
}


@pytest.mark.parametrize("operations", LIVES.values(), ids=LIVES)
def test_the_same_on_both_databases(small_segments, database_url, operations):
    live(database_url, operations, seed=5)


def test_rows_are_sealed_once_however_many_seal_at_the_same_time(small_segments, database_url):
    log = open_log(database_url)
    log.register("m", COLUMNS)
    problems, done = [], threading.Event()

    def run(what):
        own = open_log(database_url)
        try:
            what(own)
        except Exception as error:
            problems.append(error)
        finally:
            own.close()

    def write(own):
        for k in range(60):
            # Two clocks that do not agree: some rows come late.
            at = START + timedelta(seconds=k + float(np.random.default_rng(k).uniform(0, 9)))
            own.append("m", [{"predicted_at": at + timedelta(seconds=j), "amount": k + j} for j in range(3)])

    def seal(own):
        while not done.is_set():
            own.catch_up("m")

    sealers = [threading.Thread(target=run, args=(seal,)) for _ in range(2)]
    writers = [threading.Thread(target=run, args=(write,)) for _ in range(3)]
    for thread in [*sealers, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in sealers:
        thread.join()
    assert problems == []
    log.catch_up("m")
    assert log.n_rows("m") == 3 * 60 * 3
    assert verify(log, "m") == ()
    expected = np.sort(log.read_rows("m")["amount"])
    np.testing.assert_array_equal(
        np.sort(log.read_window("m", LastRows(10**6), COLUMNS[:1])["amount"].values), expected
    )
    log.close()


def test_many_rows_older_than_the_log_are_sealed_anew(small_segments, sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    rows = [{"predicted_at": START + timedelta(seconds=k), "amount": k} for k in range(200)]
    log.append("m", rows[100:])
    log.append("m", rows[:100])
    log.catch_up("m")
    assert verify(log, "m") == ()
    with reading(log.engine) as connection:
        sizes = connection.execute(sa.select(segment.c.n).order_by(segment.c.k)).scalars().all()
    assert sizes == [SEGMENT] * (200 // SEGMENT)
    assert log.read_window("m", RowSpan(50, 150), COLUMNS[:1])["amount"].values.tolist() == list(range(50, 150))
    log.close()


def test_an_erased_person_leaves_no_trace_in_an_sqlite_file(small_segments, tmp_path):
    path = tmp_path / "log.db"
    log = open_log(f"sqlite:///{path}")
    log.register("m", COLUMNS)
    rows = [
        {"predicted_at": START + timedelta(seconds=k), "amount": k, "entity_id": "nobody", "request_id": f"r{k}"}
        for k in range(100)
    ]
    rows[40] |= {"entity_id": "a certain person", "amount": 123456.789, "request_id": "a certain request"}
    log.append("m", rows)
    log.freeze_reference("m", "training", rows=30)
    log.label("m", ["a certain request"], ["yes"])
    traces = [b"a certain person", b"a certain request", np.float64(123456.789).tobytes()]
    traces.append(traces[-1][::-1])  # how a row keeps its numbers
    assert erase(log, "m", "a certain person") == 1
    log.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [trace for trace in traces if trace in stored] == []


def test_retention_says_how_many_rows_went_and_positions_go_on(small_segments, sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    log.append("m", [{"predicted_at": START + timedelta(seconds=k), "amount": k} for k in range(150)])
    assert retain(log, "m", START + timedelta(seconds=70)) == 70
    assert (log.n_rows("m"), log.n_retired("m")) == (80, 70)
    assert log.read_window("m", RowSpan(0, 2), COLUMNS[:1])["amount"].values.tolist() == [70, 71]
    assert retain(log, "m", START + timedelta(seconds=1_000)) == 80
    assert (log.n_rows("m"), log.n_retired("m"), verify(log, "m")) == (0, 150, ())
    log.append("m", [{"predicted_at": START + timedelta(seconds=900), "amount": 1}])
    assert log.extent("m", LastRows(9)).n == 1
    log.close()


def test_a_long_log_that_was_never_sealed_is_read_from_its_rows(small_segments, sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    log.append("m", [{"predicted_at": START + timedelta(seconds=k), "amount": k} for k in range(900)])
    log.freeze_reference("m", "training", rows=200)
    with log.engine.begin() as connection:  # as the first release left it
        for table in (segment_values, segment_histogram, block_histogram, segment):
            connection.execute(sa.delete(table))
        connection.execute(sa.update(model).values(sealed_id=None, n_sealed=0, seal_revision=9))
        connection.execute(sa.update(reference).values(counted_to=0))
        connection.execute(sa.update(reference_values).values(edges=None))
    log = PredictionLog(log.engine)
    assert log.read_window("m", RowSpan(850, 852), COLUMNS[:1])["amount"].values.tolist() == [850, 851]
    cells = prepare(log, "m", "training", COLUMNS[:1]).cells(COLUMNS[:1])
    counts = log.counts("m", [LastRows(100), RowSpan(5, 10)], cells)["amount"]
    assert counts.counts.sum(axis=1).tolist() == [100, 5]
    assert log.append("m", [{"predicted_at": START + timedelta(seconds=901), "amount": 1}]).accepted == 1
    log.catch_up("m")
    assert verify(log, "m") == ()
    log.close()


def test_rows_that_are_committed_are_accepted_though_what_they_complete_cannot_be_sealed(sqlite_url):
    log = open_log(sqlite_url)
    log.register("broken", [Column("x", "numeric")])
    start = datetime(2026, 9, 1, tzinfo=UTC)

    def rows(first, n):
        return [{"predicted_at": start + timedelta(seconds=first + k), "x": float(k)} for k in range(n)]

    log.append("broken", rows(0, 8_190))
    log.freeze_reference("broken", "training", rows=100)
    with log.engine.begin() as connection:
        changed = sa.update(reference_values).values(edges=b"changed by hand")
        assert connection.execute(changed).rowcount
    log.close()
    log = open_log(sqlite_url)
    report = log.append("broken", rows(8_190, 5))
    assert (report.accepted, report.rejected) == (5, ())
    assert log.n_rows("broken") == 8_195
    log.close()


def test_counts_in_the_cells_of_a_reference_are_looked_up_and_in_others_read_from_the_rows(small_segments, sqlite_url):
    log = open_log(sqlite_url)
    log.register("m", COLUMNS)
    values = np.random.default_rng(4).normal(size=6 * SEGMENT).tolist()
    log.append("m", [{"predicted_at": START + timedelta(seconds=k), "amount": x} for k, x in enumerate(values)])
    log.freeze_reference("m", "training", rows=SEGMENT)
    log.catch_up("m")
    windows = [RowSpan(k * SEGMENT, (k + 2) * SEGMENT) for k in range(3)]
    own = prepare(log, "m", "training", COLUMNS[:1]).cells(COLUMNS[:1])
    other = {"amount": own["amount"][::2]}
    held, merged = (log.counts("m", windows, cells)["amount"].counts for cells in (own, other))
    np.testing.assert_array_equal(np.add.reduceat(held, [0, *range(1, held.shape[1], 2)], axis=1), merged)
    with log.engine.begin() as connection:  # whoever reads values from now on gets zeros
        data = segment_values.c.data
        connection.execute(sa.update(segment_values).values(data=sa.func.zeroblob(sa.func.length(data))))
    again = PredictionLog(log.engine)
    np.testing.assert_array_equal(again.counts("m", windows, own)["amount"].counts, held)
    assert (again.counts("m", windows, other)["amount"].counts != merged).any()
    log.close()
