import numpy as np

from drift.text.features import text_features, words_of
from seed.reviews import write_reviews

N = 4_000


def reviews(positive: bool | None = None, *, new: bool = False, seed: int = 1):
    rng = np.random.default_rng(seed)
    sentiment = rng.random(N) < 0.5 if positive is None else np.full(N, positive)
    return write_reviews(rng, sentiment, np.full(N, new))


def test_the_same_seed_writes_the_same_texts():
    assert reviews(seed=3).texts == reviews(seed=3).texts
    assert reviews(seed=3).texts != reviews(seed=4).texts


def test_texts_differ_and_no_gap_stays_unfilled():
    for written in (reviews(), reviews(new=True)):
        assert len(set(written.texts)) > 0.6 * N
        assert not any("{" in text or "}" in text or "  " in text or not text.strip() for text in written.texts)


def test_reviewers_shout_slip_and_exclaim_now_and_then():
    texts = reviews().texts
    assert 0.01 < np.mean([text.isupper() for text in texts]) < 0.06
    assert 0.05 < np.mean([text.islower() for text in texts]) < 0.2
    assert 0.1 < np.mean(["!" in text for text in texts]) < 0.4
    known = {word for text in reviews(seed=2).texts for word in words_of(text)}
    assert 0.005 < text_features(texts, frozenset(known))["oov_share"].mean() < 0.05


def test_new_words_make_texts_shorter_louder_and_unknown():
    known = frozenset(word for text in reviews().texts for word in words_of(text))
    old, new = (text_features(reviews(new=new, seed=2).texts, known) for new in (False, True))
    assert new["oov_share"].mean() > 0.4 > 0.05 > old["oov_share"].mean()
    assert new["exclamation_share"].mean() > 2 * old["exclamation_share"].mean()
    assert new["length"].mean() < old["length"].mean()


def test_only_bad_reviews_hang_on_a_word_that_may_turn():
    assert not reviews(True).turned.any()
    assert 0.2 < reviews(False).turned.mean() < 0.35
