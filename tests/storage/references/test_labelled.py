"""Labels of each class: how many there are, since when, and among the newest, on both databases."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from drift.data.windows import Column
from storage import open_log
from storage.references.labelled import count_labels, read_labelled_share

pytestmark = pytest.mark.each_database

START = datetime(2026, 9, 1, tzinfo=UTC)
LABELS = ["good", None, "bad", "good", None, "good", "worse", "good"] * 5


@pytest.fixture
def registered(log):
    log.register("m", [Column("prediction", "categorical", "prediction"), Column("label", "categorical", "label")])
    return log


def append(log):
    at = [START + timedelta(minutes=k) for k in range(len(LABELS))]
    log.append(
        "m", [{"predicted_at": t, "prediction": "good", "label": label} for t, label in zip(at, LABELS, strict=True)]
    )
    return at


def test_labels_are_counted_by_class_the_most_frequent_first(registered):
    append(registered)
    assert list(count_labels(registered, "m").items()) == [("good", 20), ("bad", 5), ("worse", 5)]


@pytest.mark.parametrize("first", [0, 9, 38, 39])
def test_labels_are_counted_since_an_instant(registered, first):
    since = append(registered)[first]
    assert count_labels(registered, "m", since) == Counter(label for label in LABELS[first:] if label)


@pytest.mark.parametrize("newest", [1, 7, 30, 1_000])
def test_only_the_newest_labels_are_counted_where_that_is_asked_for(registered, newest):
    append(registered)
    labelled = [label for label in LABELS if label]
    assert count_labels(registered, "m", newest=newest) == Counter(labelled[-newest:])
    assert count_labels(registered, "m", START + timedelta(minutes=20), newest) == Counter(
        [label for label in LABELS[20:] if label][-newest:]
    )


def test_a_log_that_no_label_came_to_is_not_searched_for_one(registered):
    registered.append("m", [{"predicted_at": START, "prediction": "good"}])
    assert count_labels(registered, "m", newest=5) == {}


def test_numbers_are_counted_as_labels_too(database_url):
    log = open_log(database_url)
    log.register("n", [Column("prediction", "numeric", "prediction"), Column("label", "numeric", "label")])
    rows = [{"predicted_at": START, "prediction": 1.0, "label": value} for value in (1.0, 0.5, 1.0, None)]
    log.append("n", rows)
    assert list(count_labels(log, "n").values()) == [2, 1]
    log.close()


def test_the_labelled_share_is_that_of_the_newest_rows(registered):
    append(registered)
    assert read_labelled_share(registered, "m", newest=100) == 30 / 40
    assert read_labelled_share(registered, "m", newest=4) == 3 / 4  # None, good, worse, good


def test_without_rows_or_labels_there_is_no_labelled_share(registered):
    assert read_labelled_share(registered, "m", newest=100) is None
    registered.register("unlabelled", [Column("a", "numeric")])
    registered.append("unlabelled", [{"predicted_at": START, "a": 1.0}])
    assert read_labelled_share(registered, "unlabelled", newest=100) is None
