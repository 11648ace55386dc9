"""Rows of concurrent requests are written in one transaction, and each request hears of its own."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from dashboard.serving.writer import Labels, Rows, Unheard, Writing
from storage.checking.rows import UnreadableCells
from storage.models.catalogue import UnknownModel
from storage.models.shadow import ShadowAnswer, read_last_served, read_shadow_health

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)


def row(request_id, **more):
    return {"predicted_at": NOW, "request_id": request_id, "prediction": "positive"} | more


@pytest.fixture
def writing(reviews):
    """A queue before the log whose groups have time to gather."""
    opened = Writing(reviews, linger=0.1)
    yield opened
    opened.close()


def write(writing, *writes):
    async def all_at_once():
        return await asyncio.gather(*(writing.ask(one) for one in writes), return_exceptions=True)

    return asyncio.run(all_at_once())


def test_each_request_hears_of_its_own_rows(writing, reviews):
    reports = write(
        writing,
        Rows("reviews", [row("a"), row("b", price="dear")]),
        Rows("reviews", [row("c")]),
        Rows("nope", [row("d")]),
        Rows("reviews", [row("a"), row("e", price="cheap"), row("c"), {}]),
        Rows("reviews", []),
    )
    assert writing.n_groups <= 2  # one for each model
    assert (reports[0].accepted, reports[0].rejected) == (2, ())
    assert reports[0].unreadable == (UnreadableCells("price", (1,), ("must be a number; got 'dear'",)),)
    assert (reports[1].accepted, reports[1].rejected, reports[1].unreadable) == (1, (), ())
    assert isinstance(reports[2], UnknownModel)
    assert (reports[3].accepted, [one.row for one in reports[3].rejected]) == (1, [0, 2, 3])
    assert "request_id must be new" in reports[3].rejected[0].error
    assert reports[3].unreadable == (UnreadableCells("price", (1,), ("must be a number; got 'cheap'",)),)
    assert (reports[4].accepted, reports[4].rejected) == (0, ())
    assert sorted(reviews.read_rows("reviews")["request_id"]) == ["a", "b", "c", "e"]


def test_grouped_rows_are_those_that_one_request_after_the_other_would_leave(writing, reviews):
    requests = [[row(f"{n % 7}-{k}", score=n / 40) for k in range(n % 4)] for n in range(40)]
    grouped = write(writing, *(Rows("reviews", rows) for rows in requests))
    reviews.register("alone", reviews.columns("reviews"))
    alone = [reviews.append("alone", rows) for rows in requests]
    assert [one.accepted for one in grouped] == [one.accepted for one in alone]
    assert [one.rejected for one in grouped] == [one.rejected for one in alone]
    names = ["request_id", "score", "prediction"]
    found, expected = (reviews.read_rows(model)[names].to_dict("records") for model in ("reviews", "alone"))
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_label_that_comes_with_its_row_finds_it(writing, reviews):
    said, _ = write(writing, Labels("reviews", ["a", "nope"], ["negative", "negative"]), Rows("reviews", [row("a")]))
    assert (said.accepted, [one.row for one in said.rejected]) == (1, [1])
    assert reviews.read_rows("reviews")["label"].tolist() == ["negative"]


def test_answers_on_trial_and_that_a_model_serves_are_noted(writing, reviews):
    unheard = ShadowAnswer(request_id="a", version="v2", answered_by="v1", prediction="negative", score=0.2)
    write(writing, Rows("reviews", [row("a", score=0.9)]), Unheard("reviews", [unheard]), Unheard("reviews"))
    assert read_last_served(reviews, "reviews") is not None
    found = read_shadow_health(reviews, "reviews", "v2", NOW - timedelta(days=1))
    assert found[["champion_score", "challenger_score"]].to_numpy().tolist() == [[0.9, 0.2]]


def test_what_nobody_waits_for_is_written_on_closing_or_counted(writing, reviews):
    for k in range(500):
        writing.put(Rows("reviews", [row(str(k))]))
    writing.put(Rows("nope", [row("lost"), row("too")]))
    writing.put(Rows("reviews", [row("7")]))  # whose answer differs from the one that is logged
    writing.close()
    assert reviews.n_rows("reviews") == 500
    assert writing.n_lost == 3


def test_a_hundred_threads_write_every_row_once(writing, reviews):
    accepted = []

    def one(k):
        (report,) = write(writing, Rows("reviews", [row(str(k % 50))]))
        accepted.append(report.accepted)

    threads = [threading.Thread(target=one, args=(k,)) for k in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted) == reviews.n_rows("reviews") == 50
