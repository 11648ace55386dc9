"""A log of many segments against a plain table of the same rows: whatever is done, every window agrees."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from drift.data.samples import NumericSample
from drift.data.windows import Column, LastRows, RowSpan, TimeSpan, Window
from storage import PredictionLog, open_log
from storage.segments.seal import rebuild
from storage.upkeep.retention import erase, retain
from storage.upkeep.verification import verify

pytestmark = [pytest.mark.slow, pytest.mark.each_database]

AMOUNT, CHANNEL, LABEL = COLUMNS = (
    Column("amount", "numeric"),
    Column("channel", "categorical"),
    Column("label", "categorical", "label"),
)
START = datetime(2026, 9, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BATCH = 7_000


@dataclass
class Plain:
    """The same rows in a frame, sorted by time at every look: slow and obvious."""

    log: PredictionLog
    rng: np.random.Generator
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    n_batches: int = 0

    def append(self, n: int, first: int, last: int) -> None:
        """Append rows at distinct random instants of `first` to `last` seconds after the start."""
        at = np.sort(self.rng.choice(np.arange(1_000 * first, 1_000 * last), n, replace=False))
        frame = pd.DataFrame(
            {
                "predicted_at": START + pd.to_timedelta(at, unit="ms"),
                "amount": np.where(self.rng.random(n) < 0.05, np.nan, self.rng.normal(size=n).round(3)),
                "channel": self.rng.choice(np.array(["web", "app", "shop", None], object), n),
                "request_id": [f"b{self.n_batches}-{k}" for k in range(n)],
                "entity_id": [f"e{k}" for k in self.rng.integers(0, 50, n)],
            }
        )
        # Two of one millisecond have no order to test: the plain table keeps the times of all rows apart.
        if len(self.rows):
            frame = frame[~frame["predicted_at"].isin(self.rows["predicted_at"])].reset_index(drop=True)
        self.n_batches += 1
        assert self.log.append("m", frame).accepted == len(frame)
        self.rows = pd.concat([self.rows, frame.assign(label=None)]).sort_values("predicted_at", ignore_index=True)

    def check(self) -> None:
        """Compare windows of every kind, short and long, at the ends and in the middle."""
        n = len(self.rows)
        assert self.log.n_rows("m") == n
        windows: list[Window] = [LastRows(k) for k in (1, 100, 8_192, 8_193, n, 2 * n)]
        for _ in range(6):
            first, last = sorted(self.rng.integers(0, n, 2).tolist())
            windows += [RowSpan(first, last + 1)]
            times = self.rows["predicted_at"]
            windows += [TimeSpan(times[first].to_pydatetime(), times[last].to_pydatetime() + SECOND)]
        for window in windows:
            self._check(window)

    def _check(self, window: Window) -> None:
        expected = self.rows
        if isinstance(window, LastRows):
            expected = expected.tail(window.n)
        elif isinstance(window, RowSpan):
            expected = expected[window.first : window.last]
        else:
            at = expected["predicted_at"]
            expected = expected[(at >= window.start) & (at < window.end)]
        extent = self.log.extent("m", window)
        assert extent.n == len(expected), window
        if not isinstance(window, TimeSpan):
            assert extent.start == expected["predicted_at"].iloc[0]
            assert extent.end == expected["predicted_at"].iloc[-1] + timedelta(microseconds=1)
        found = self.log.read_window("m", window, COLUMNS)
        amount = found["amount"]
        assert isinstance(amount, NumericSample)
        np.testing.assert_array_equal(amount.values, expected["amount"].to_numpy())
        for name in ("channel", "label"):
            sample = found[name]
            values = np.array([*sample.categories, None], object)[sample.codes]  # code -1 is the last: missing
            plain = expected[name].astype(object).where(expected[name].notna(), None).to_numpy()
            np.testing.assert_array_equal(values, plain, err_msg=f"{window} {name}")

    def label(self, n: int) -> None:
        """Label random rows, some of them for the second time."""
        chosen = self.rng.choice(len(self.rows), n, replace=False)
        values = self.rng.choice(["yes", "no"], n)
        ids = self.rows["request_id"].to_numpy()[chosen].tolist()
        assert self.log.label("m", ids, values.tolist()).accepted == n
        self.rows["label"] = self.rows["label"].astype(object)
        self.rows.loc[chosen, "label"] = values

    def erase(self, entity: str) -> None:
        """Erase one person's rows, wherever they stand."""
        gone = self.rows["entity_id"] == entity
        assert erase(self.log, "m", entity) == gone.sum()
        self.rows = self.rows[~gone].reset_index(drop=True)

    def retain(self, share: float) -> None:
        """Let the oldest rows go."""
        before = self.rows["predicted_at"].iloc[int(len(self.rows) * share)].to_pydatetime()
        gone = self.rows["predicted_at"] < before
        assert retain(self.log, "m", before) == gone.sum()
        self.rows = self.rows[~gone].reset_index(drop=True)


@pytest.fixture
def plain(database_url):
    log = open_log(database_url)
    log.register("m", COLUMNS)
    yield Plain(log, np.random.default_rng(11))
    log.close()


class TestContractAtScale:
    """As TestContract, over rows of several segments."""

    @pytest.mark.parametrize("caught_up", [False, True], ids=["at once", "caught up"])
    def test_every_window_agrees_with_a_plain_table_whatever_is_done_to_the_log(self, plain, caught_up):
        def settle():
            if caught_up:
                plain.log.catch_up("m")
            plain.check()
            assert verify(plain.log, "m") == ()

        for part in range(4):
            plain.append(BATCH, 10_000 * part, 10_000 * (part + 1))
        plain.log.freeze_reference("m", "training", rows=9_000)
        settle()
        plain.append(500, 0, 30_000)  # late, all over the sealed rows
        plain.append(1, 100, 101)
        settle()
        plain.label(2_000)
        settle()
        plain.erase("e7")
        settle()
        plain.retain(0.4)
        settle()
        plain.append(BATCH, 40_000, 50_000)
        plain.append(300, 0, 40_000)  # some of them older than everything that was kept
        plain.label(1_000)
        settle()
        rebuild(plain.log.shelf, "m")
        settle()
        reference = plain.log.read_reference("m", "training", [AMOUNT])["amount"]
        assert reference.values.size == 9_000  # it is a copy: retention and erasure of rows leave it as it is

    def test_a_column_that_comes_later_is_missing_in_what_was_sealed_before(self, plain):
        plain.append(2 * BATCH, 0, 20_000)
        price = Column("price", "numeric")
        plain.log.register("m", [*COLUMNS, price])
        rows = [{"predicted_at": START + (30_000 + k) * SECOND, "price": k} for k in range(100)]
        plain.log.append("m", rows)
        values = plain.log.read_window("m", LastRows(10_000), [price])["price"].values
        assert np.isnan(values[:-100]).all()
        assert values[-100:].tolist() == list(range(100))
