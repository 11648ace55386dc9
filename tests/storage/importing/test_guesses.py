"""What an uploaded file is taken for, before a person says what it is."""

import numpy as np
import pandas as pd
import pytest

from storage.importing.guesses import cannot_be_features, guess_fields

N = 300
TIMES = [f"2026-09-{1 + k // 24:02}T{k % 24:02}:00:00" for k in range(N)]


def frame(**columns):
    return pd.DataFrame({"ts": TIMES, **columns}, dtype=object)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("y_pred", "prediction"),
        ("Predicted Class", "prediction"),
        ("y_pred_proba", "score"),
        ("y_true", "label"),
        ("Request-ID", "request_id"),
        ("customer_id", "entity_id"),
        ("model_version", "version"),
        ("comment", "text"),
    ],
)
def test_columns_are_known_by_the_names_that_people_give_them(name, field):
    assert guess_fields(frame(**{name: range(N)})) == {"predicted_at": "ts", field: name}


def test_a_time_is_known_by_its_values_where_its_name_says_nothing():
    found = guess_fields(pd.DataFrame({"a": range(N), "Zeitpunkt": TIMES}))
    assert found == {"predicted_at": "Zeitpunkt"}


def test_a_column_of_that_name_that_holds_something_else_is_not_taken():
    assert guess_fields(pd.DataFrame({"time": range(N), "score": ["high"] * N})) == {}


def test_a_few_bad_values_do_not_hide_what_a_column_is():
    times = ["yesterday", *TIMES[1:]]
    scores = [0.5] * (N - 1) + ["high"]
    assert guess_fields(pd.DataFrame({"ts": times, "score": scores})) == {"predicted_at": "ts", "score": "score"}


def test_an_id_that_rows_share_is_not_the_id_of_a_request():
    assert "request_id" not in guess_fields(frame(id=np.arange(N) // 10))
    assert "request_id" not in guess_fields(frame(id=[[k] for k in range(N // 2)] * 2))


def test_names_that_the_log_does_not_take_are_told_with_the_reason():
    faults = cannot_be_features(frame(label=range(N), **{"![x](http://h/p.png)": range(N), " age": range(N)}))
    assert list(faults) == ["label", "![x](http://h/p.png)", " age"]
    assert "the log uses that name itself" in faults["label"]
    assert "must be named by a letter" in faults[" age"]


@pytest.mark.parametrize("times", [["01.02.2026 14:00"] * N, [1_795_442_706] * N, ["01/02/2026"] * N])
def test_a_time_is_proposed_however_it_is_written(times):
    assert guess_fields(frame(amount=range(N), timestamp=times))["predicted_at"] == "timestamp"
    assert guess_fields(frame(timestamp=range(N)))["predicted_at"] == "ts"
