"""The storage contract: one class of tests that every database must pass."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from drift.data.samples import CategoricalSample, NumericSample
from drift.data.windows import Column, LastRows, RowSpan, TimeSpan
from storage import PredictionLog, open_log
from storage.models.catalogue import UnknownModel
from storage.writing.unreadable import read_unreadable

pytestmark = pytest.mark.each_database

COLUMNS = (
    Column("length", "numeric"),
    Column("channel", "categorical"),
    Column("prediction", "categorical", "prediction"),
    Column("score", "numeric", "score"),
    Column("label", "categorical", "label"),
)
START = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.fixture
def reviews(log):
    log.register("reviews", COLUMNS)
    return log


def row(minute: float, **values):
    return {"predicted_at": START + timedelta(minutes=minute), "prediction": "positive", **values}


def lengths(log: PredictionLog, window) -> list[float]:
    sample = log.read_window("reviews", window, [COLUMNS[0]])["length"]
    assert isinstance(sample, NumericSample)
    return sample.values.tolist()


class TestContract:
    """What callers rely on, whatever the database is."""

    def test_rows_come_back_in_time_order_whatever_order_they_came_in(self, reviews):
        reviews.append("reviews", [row(m, length=m) for m in (3, 1, 2)])
        reviews.append("reviews", [row(m, length=m) for m in (5, 0, 4)])
        assert lengths(reviews, LastRows(10)) == [0, 1, 2, 3, 4, 5]
        assert lengths(reviews, LastRows(2)) == [4, 5]
        assert lengths(reviews, RowSpan(1, 4)) == [1, 2, 3]

    def test_a_span_of_time_is_half_open_to_the_microsecond(self, reviews):
        micro = timedelta(microseconds=1)
        reviews.append("reviews", [{"predicted_at": START + k * micro, "length": k} for k in range(5)])
        assert lengths(reviews, TimeSpan(START + micro, START + 4 * micro)) == [1, 2, 3]
        extent = reviews.extent("reviews", TimeSpan(START + micro, START + 4 * micro))
        assert (extent.n, extent.start, extent.end) == (3, START + micro, START + 4 * micro)
        assert reviews.extent("reviews", LastRows(3)).start == START + 2 * micro

    def test_missing_values_are_nan_and_minus_one_and_infinity_is_a_value(self, reviews):
        reviews.append(
            "reviews", [row(0, length=None, channel="web"), row(1, length=np.inf), row(2, length=float("nan"))]
        )
        samples = reviews.read_window("reviews", LastRows(3), COLUMNS[:2])
        np.testing.assert_array_equal(samples["length"].values, [np.nan, np.inf, np.nan])
        channel = samples["channel"]
        assert isinstance(channel, CategoricalSample)
        assert channel.codes.tolist() == [0, -1, -1]
        assert channel.categories == ("web",)

    def test_a_bad_row_is_named_and_the_others_land(self, reviews):
        report = reviews.append(
            "reviews",
            [
                row(0, length=1),
                row(1, length="long"),
                {"predicted_at": "2026-09-01T00:02:00", "length": 2},
                {"length": 3},
                row(4, colour="red"),
                row(5, length=5),
                row(6, length=10**400),
                row(7, channel="half a pair \ud800"),
            ],
        )
        assert report.accepted == 5
        assert [bad.row for bad in report.rejected] == [2, 3, 4]
        errors = {bad.row: bad.error for bad in report.rejected}
        cells = {each.column: each for each in report.unreadable}
        assert cells["length"].rows == (1, 6)
        assert cells["length"].errors[0] == "must be a number; got 'long'"
        assert (cells["channel"].rows, "Unicode" in cells["channel"].errors[0]) == ((7,), True)
        assert "must carry a time zone" in errors[2]
        assert "predicted_at must be a time with a zone" in errors[3]
        assert "colour" in errors[4]
        stored = lengths(reviews, LastRows(9))
        assert [x for x in stored if x == x] == [1, 5]
        totals = {total.column: (total.n, total.reason) for total in read_unreadable(reviews, "reviews")}
        assert totals == {"length": (2, "must be a number"), "channel": (1, "must be Unicode text")}

    def test_a_request_is_stored_once_whatever_is_sent_twice(self, reviews):
        first = reviews.append("reviews", [row(0, request_id="a", length=1), row(1, request_id="b", length=2)])
        again = reviews.append("reviews", [row(0, request_id="a", length=9), row(2, request_id="c", length=3)])
        within = reviews.append("reviews", [row(3, request_id="d", length=4), row(3, request_id="d", length=5)])
        assert (first.accepted, again.accepted, within.accepted) == (2, 1, 1)
        assert [bad.row for bad in again.rejected] == [0]
        assert "'a' is in the log already" in again.rejected[0].error
        assert lengths(reviews, LastRows(9)) == [1, 2, 3, 4]
        assert reviews.n_rows("reviews") == 4

    def test_a_frame_and_its_records_are_stored_alike(self, reviews, tmp_path):
        rng = np.random.default_rng(3)
        frame = pd.DataFrame(
            {
                "predicted_at": pd.date_range(START, periods=500, freq="7s").as_unit("us"),
                "length": np.where(rng.random(500) < 0.1, np.nan, rng.normal(size=500)),
                "channel": rng.choice(["web", "app", None], 500),
                "prediction": rng.choice(["positive", "negative"], 500),
                "score": rng.random(500),
                "request_id": [f"r{k}" for k in range(500)],
            }
        )
        reviews.append("reviews", frame)
        other = open_log(f"sqlite:///{tmp_path}/other.db")
        other.register("reviews", COLUMNS)
        other.append("reviews", frame.to_dict("records"))
        pd.testing.assert_frame_equal(reviews.read_rows("reviews"), other.read_rows("reviews"))
        other.close()

    def test_rows_of_one_millisecond_all_have_a_place(self, reviews):
        for _ in range(3):
            assert reviews.append("reviews", [{"predicted_at": START, "length": k} for k in range(200)]).accepted == 200
        reviews.append("reviews", [row(1, length=1)])
        assert reviews.append("reviews", [{"predicted_at": START, "length": k} for k in range(200)]).accepted == 200
        assert reviews.n_rows("reviews") == 801
        assert reviews.extent("reviews", LastRows(10_000)).n == 801

    def test_a_late_label_is_written_once_and_a_corrected_one_replaces_it(self, reviews):
        reviews.append("reviews", [row(0, request_id="a"), row(1, request_id="b")])
        came, later = START + timedelta(days=3), START + timedelta(days=5)
        report = reviews.label("reviews", ["a", "nobody", None], ["negative", "positive", "positive"], came)
        assert report.accepted == 1
        assert {bad.row: bad.error.split()[0] for bad in report.rejected} == {1: "request_id", 2: "request_id"}
        assert reviews.label("reviews", ["a"], ["negative"], later).accepted == 1
        labelled = reviews.read_rows("reviews", labelled_only=True)
        assert labelled["label"].tolist() == ["negative"]
        assert labelled["labelled_at"].tolist() == [came]
        reviews.label("reviews", ["a"], ["positive"], later)
        assert reviews.read_rows("reviews", labelled_only=True)["labelled_at"].tolist() == [later]

    def test_a_label_of_an_unknown_request_takes_no_place_in_the_dictionary(self, reviews):
        reviews.append("reviews", [row(0, request_id="a")])
        assert reviews.label("reviews", ["nobody", "a"], ["a typo", "positive"]).accepted == 1
        label = next(column for column in reviews.columns("reviews") if column.name == "label")
        assert reviews.read_window("reviews", LastRows(9), [label])["label"].categories == ("positive",)

    def test_a_model_name_of_two_lines_is_refused(self, reviews):
        with pytest.raises(ValueError, match="model must start with a letter"):
            reviews.register("other\n", COLUMNS)

    def test_a_reference_stays_as_it_is_whatever_happens_to_the_log(self, reviews):
        reviews.append("reviews", [row(m, length=m, channel="web") for m in range(10)])
        reference = reviews.freeze_reference("reviews", "training", rows=4)
        assert (reference.n, reference.start, reference.end) == (4, START, START + timedelta(minutes=3, microseconds=1))
        reviews.append("reviews", [row(0.5, length=99, channel="app")])
        samples = reviews.read_reference("reviews", "training", COLUMNS)
        assert samples["length"].values.tolist() == [0, 1, 2, 3]
        assert samples["channel"].codes.tolist() == [0, 0, 0, 0]
        assert samples["score"].values.size == 4
        by_time = reviews.freeze_reference("reviews", "second", START, START + timedelta(minutes=2))
        assert by_time.n == 3
        assert [r.name for r in reviews.references("reviews")] == ["training", "second"]

    @pytest.mark.parametrize(
        ("arguments", "must"),
        [
            ({"name": "training", "rows": 3}, "must have a new name"),
            ({"name": "previous", "rows": 3}, "must be named"),
            ({"name": "empty", "start": START - timedelta(days=9), "end": START - timedelta(days=8)}, "must hold rows"),
            ({"name": "both"}, "must be given by start and end, or by rows"),
        ],
    )
    def test_a_reference_that_cannot_be_frozen_says_why(self, reviews, arguments, must):
        reviews.append("reviews", [row(m, length=m) for m in range(10)])
        reviews.freeze_reference("reviews", "training", rows=4)
        with pytest.raises(ValueError, match=must):
            reviews.freeze_reference("reviews", **arguments)

    def test_an_unknown_model_is_named_beside_the_known_ones(self, reviews):
        with pytest.raises(UnknownModel, match=r"must be a registered one \(reviews\); got 'revues'"):
            reviews.append("revues", [])

    def test_a_model_can_gain_columns_but_not_change_them(self, reviews):
        reviews.append("reviews", [row(0, length=1)])
        reviews.register("reviews", [*COLUMNS, Column("price", "numeric")])
        assert reviews.append("reviews", [row(1, length=2, price=9.5)]).accepted == 1
        price = reviews.read_window("reviews", LastRows(2), [Column("price", "numeric")])["price"]
        np.testing.assert_array_equal(price.values, [np.nan, 9.5])
        with pytest.raises(ValueError, match="length must stay numeric feature"):
            reviews.register("reviews", [Column("length", "categorical")])

    @pytest.mark.parametrize(
        "columns",
        [
            [Column("![x](http://example.org)", "numeric")],
            [Column("id", "numeric")],
            [Column("Price", "numeric"), Column("price", "numeric")],
            [Column("outcome", "categorical", "label")],
            [],
        ],
    )
    def test_a_column_that_cannot_be_stored_or_shown_safely_is_refused(self, reviews, columns):
        with pytest.raises(ValueError, match="must"):
            reviews.register("other", columns)
        assert reviews.models() == ("reviews",)

    def test_every_write_moves_the_revision_and_a_second_process_sees_it(self, reviews, database_url):
        second = open_log(database_url)
        seen = [second.revision("reviews")]
        reviews.append("reviews", [row(0, request_id="a", channel="web")])
        seen.append(second.revision("reviews"))
        reviews.label("reviews", ["a"], ["negative"])
        seen.append(second.revision("reviews"))
        reviews.freeze_reference("reviews", "training", rows=1)
        seen.append(second.revision("reviews"))
        assert seen == sorted(set(seen))
        # Categories that the other process added are known here as well.
        second.append("reviews", [row(1, channel="app"), row(2, channel="web")])
        assert reviews.read_rows("reviews")["channel"].tolist() == ["web", "app", "web"]
        second.close()

    def test_a_naive_time_column_of_a_frame_is_refused_as_a_whole(self, reviews):
        with pytest.raises(ValueError, match="must carry a time zone"):
            reviews.append("reviews", pd.DataFrame({"predicted_at": pd.to_datetime(["2026-09-01"])}))

    def test_rows_of_many_writers_all_land_once_and_their_new_categories_too(self, reviews, database_url):
        accepted, problems = [], []

        def write(writer):
            own = open_log(database_url)
            try:
                for batch in range(15):
                    # Every request id is sent by two writers; each batch brings a category that nobody knows yet.
                    ids = [f"r{writer // 2}-{batch}-{k}" for k in range(10)]
                    rows = [row(batch, request_id=key, length=k, channel=f"c{batch}") for k, key in enumerate(ids)]
                    accepted.append(own.append("reviews", rows).accepted)
            except Exception as error:
                problems.append(error)
            finally:
                own.close()

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert problems == []
        assert sum(accepted) == reviews.n_rows("reviews") == 2 * 15 * 10
        sample = reviews.read_window("reviews", LastRows(1_000), [COLUMNS[1]])["channel"]
        assert sorted(set(sample.categories)) == sorted(sample.categories)
        assert sample.counts().tolist() == [20] * 15

    def test_a_duplicate_adds_no_category_to_the_dictionary(self, reviews):
        reviews.append("reviews", [row(0, request_id="a", channel="web")])
        again = [row(0, request_id="a", channel="a typo"), row(1, request_id="b", channel="app")]
        assert reviews.append("reviews", again).accepted == 1
        assert reviews.append("reviews", [row(2, request_id="b", channel="another"), row(3)]).accepted == 1
        sample = reviews.read_window("reviews", LastRows(9), [COLUMNS[1]])["channel"]
        assert sample.categories == ("web", "app")
        assert sample.codes.tolist() == [0, 1, -1]
