"""New words: what counts as one, and how many are usual."""

import numpy as np
import pytest

from drift.text.words import new_words


def test_new_words_are_counted_once_a_text_and_the_most_used_come_first():
    found = new_words(["good tea", "bad tea"], ["sick sick tea", "sick lit", "good"], top=2)
    assert [(new.word, new.n_texts) for new in found.top] == [("sick", 2), ("lit", 1)]
    assert found.share == pytest.approx(4 / 6)
    assert "'sick' in 67 % of texts" in found.said


def test_as_many_new_words_come_as_are_to_be_expected_where_nothing_changed():
    rng = np.random.default_rng(4)
    share = 1 / np.arange(1, 3_001)

    def texts(n):
        drawn = rng.choice(3_000, size=(n, 8), p=share / share.sum())
        return [" ".join(f"w{k}" for k in row) for row in drawn]

    found = [new_words(texts(800), texts(800)) for _ in range(20)]
    assert np.mean([f.share for f in found]) == pytest.approx(np.mean([f.expected_share for f in found]), abs=0.003)
    assert found[0].expected_share > 0.01


def test_texts_without_a_word_are_refused():
    with pytest.raises(ValueError, match="those of the window hold none"):
        new_words(["tea"], ["!!!"])
    with pytest.raises(ValueError, match="those of the reference hold none"):
        new_words([], ["tea"])
