"""One catalogue for all who read a database: it must show what others have registered and stored meanwhile."""

from datetime import UTC, datetime

import pytest

from drift.data.windows import Column, LastRows
from storage import open_log
from storage.models.catalogue import UnknownModel, reading_model
from storage.reading.by_version import read_answered
from storage.reading.one_answer import read_answer
from storage.references.labelled import count_labels, read_labelled

pytestmark = pytest.mark.each_database

COLUMNS = [Column("prediction", "categorical", "prediction"), Column("label", "categorical", "label")]
AT = datetime(2026, 11, 23, 14, tzinfo=UTC)


def row(request_id, label, **more):
    return {"predicted_at": AT, "request_id": request_id, "prediction": label, "label": label, "version": "v1", **more}


def test_a_database_shows_the_columns_and_categories_that_another_process_has_added(database_url):
    log, other = open_log(database_url), open_log(database_url)
    try:
        log.register("loans", COLUMNS)
        log.append("loans", [row("1", "yes")])
        assert list(read_labelled(log, "loans", 9)["label"]) == ["yes"]
        assert read_answer(log, "loans", "1").version == "v1"

        other.register("loans", [Column("age", "numeric")])
        other.append("loans", [row("2", "no", age=40.0, version="v2")])

        found = read_labelled(log, "loans", 9)
        assert list(found["label"]) == ["yes", "no"]
        assert found["age"].iloc[1] == 40.0
        assert count_labels(log, "loans") == {"no": 1, "yes": 1}
        assert read_answer(log, "loans", "2").version == "v2"
        assert {one.version for one in read_answered(log, "loans", LastRows(9))} == {"v1", "v2"}
    finally:
        log.close()
        other.close()


def test_an_open_model_stays_as_its_transaction_sees_it(database_url):
    log, other = open_log(database_url), open_log(database_url)
    try:
        log.register("loans", COLUMNS)
        log.append("loans", [row("1", "yes")])
        with reading_model(log, "loans") as opened:
            other.append("loans", [row("2", "no")])
            assert opened.entry.n_rows == 1
            assert opened.dictionary["label"] == ("yes",)
        with reading_model(log, "loans") as opened:
            assert opened.entry.n_rows == 2
            assert opened.dictionary["label"] == ("yes", "no")
    finally:
        log.close()
        other.close()


def test_a_model_that_nobody_registered_is_named(database_url):
    log = open_log(database_url)
    try:
        with pytest.raises(UnknownModel, match=r"none is registered yet.*got 'loans'"), reading_model(log, "loans"):
            raise AssertionError("must not be reached")
    finally:
        log.close()
