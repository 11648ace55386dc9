import numpy as np

from drift.text.features import text_features, words_of


def test_words_are_lower_case_and_keep_their_apostrophes():
    assert words_of("Don’t   STOP... ÜBER-gut 5/5_x") == ["don’t", "stop", "über", "gut", "5", "5", "x"]


def test_features_come_in_the_agreed_order_as_float64():
    features = text_features(["A b!", "zzz"], frozenset({"a", "b"}))
    assert list(features) == ["length", "words", "exclamation_share", "upper_share", "oov_share"]
    assert {values.dtype for values in features.values()} == {np.dtype(np.float64)}
    assert [values.tolist() for values in features.values()] == [[4, 3], [2, 1], [0.25, 0], [0.5, 0], [0, 1]]


def test_empty_texts_and_no_texts_have_features_too():
    assert all(values.tolist() == [0.0] for values in text_features([""], frozenset()).values())
    assert all(values.shape == (0,) for values in text_features([], frozenset()).values())
