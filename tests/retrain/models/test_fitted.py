import numpy as np
import pandas as pd
import pytest

from drift.data.windows import Column
from retrain.models.recipes import fit

COLUMNS = (
    Column("x", "numeric"),
    Column("colour", "categorical"),
    Column("prediction", "categorical", "prediction"),
)


def rows_and_labels(n: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, list[str]]:
    rng = np.random.default_rng(seed)
    x, colour = rng.normal(size=n), rng.choice(["red", "blue"], n)
    good = x + 2.0 * (colour == "red") - 1.0 > 0
    texts = np.where(good, "this is great, don't miss it", "broke at once, a waste of money")
    rows = pd.DataFrame({"x": x, "colour": pd.Series(colour, dtype=object), "text": texts})
    rows.loc[0, "colour"], rows.loc[1, "x"] = None, np.nan
    return rows, np.where(good, "good", "bad").tolist()


@pytest.mark.parametrize("recipe", ["text", "tabular"])
def test_a_recipe_learns_what_is_there_and_repeats_itself(recipe):
    rows, labels = rows_and_labels()
    model = fit(recipe, rows[:1000], labels[:1000], COLUMNS, seed=3)
    answers = model.predict(rows[1000:])
    assert np.mean(np.array(answers.labels) == labels[1000:]) > 0.95
    again = fit(recipe, rows[:1000], labels[:1000], COLUMNS, seed=3)
    np.testing.assert_array_equal(again.predict(rows[1000:]).scores, answers.scores)


def test_the_score_is_the_probability_of_the_second_class():
    rows, labels = rows_and_labels()
    model = fit("tabular", rows, labels, COLUMNS)
    assert model.classes == ("bad", "good")
    answers = model.predict(rows)
    assert ((answers.scores > 0.5) == (np.array(answers.labels) == "good")).all()


def test_with_three_classes_the_score_is_that_of_the_predicted_one():
    rows, labels = rows_and_labels()
    labels = ["best" if x > 1.5 else label for x, label in zip(rows["x"], labels, strict=True)]
    model = fit("tabular", rows, labels, COLUMNS)
    answers = model.predict(rows)
    np.testing.assert_array_equal(answers.scores, model.probabilities(rows).max(axis=1))


def test_only_features_are_learnt_from():
    rows, labels = rows_and_labels()
    model = fit("tabular", rows.assign(prediction=labels), labels, COLUMNS)
    assert model.columns == ("x", "colour")


def test_a_new_category_and_missing_values_are_predicted_all_the_same():
    rows, labels = rows_and_labels()
    model = fit("tabular", rows, labels, COLUMNS)
    answers = model.predict(pd.DataFrame({"x": [None, 1.0], "colour": ["green", None]}))
    assert len(answers.labels) == 2
    assert model.predict(rows[:0]).labels == []


def test_an_absent_column_is_named():
    rows, labels = rows_and_labels()
    model = fit("tabular", rows, labels, COLUMNS)
    with pytest.raises(ValueError, match="rows must hold x, colour"):
        model.predict(rows[["x"]])


def test_the_text_model_knows_the_words_that_came_more_than_once():
    rows, labels = rows_and_labels()
    rows.loc[0, "text"] = "unheard"
    model = fit("text", rows, labels, COLUMNS)
    assert "don't" in model.vocabulary
    assert "unheard" not in model.vocabulary


def test_what_cannot_be_trained_is_refused_in_a_sentence():
    rows, labels = rows_and_labels()
    with pytest.raises(ValueError, match="recipe must be one of text, tabular, or module:function; got 'magic'"):
        fit("magic", rows, labels, COLUMNS)
    with pytest.raises(ValueError, match="labels must hold at least two classes; got good"):
        fit("text", rows, ["good"] * len(rows), COLUMNS)
    with pytest.raises(ValueError, match="rows must hold texts"):
        fit("text", rows.drop(columns="text"), labels, COLUMNS)
