"""The distance of mean text vectors: usual where texts have one origin, large where their subject moved."""

import numpy as np
import pytest

from drift.text.meaning import text_distance

SUBJECTS = ("tea cup leaf green hot brew kettle aroma", "phone screen charge battery cable app call ring")


def texts(rng, n, second=0.0):
    chosen = (rng.random(n) < second).astype(int)
    return [" ".join(rng.choice(SUBJECTS[k].split(), 5)) for k in chosen]


def test_texts_of_one_origin_rarely_look_moved():
    rng = np.random.default_rng(5)
    found = [text_distance(texts(rng, 240, 0.3), texts(rng, 90, 0.3)) for _ in range(40)]
    assert np.mean([f.p_value <= 0.05 for f in found]) <= 0.15
    assert np.mean([f.distance <= f.usual for f in found]) >= 0.75


def test_texts_about_something_else_are_far_away():
    rng = np.random.default_rng(6)
    found = text_distance(texts(rng, 400, 0.1), texts(rng, 200, 0.6))
    assert found.p_value == 0.001
    assert found.distance > 5 * found.usual
    assert found.said.startswith("The texts' mean vector moved: cosine distance")


def test_the_same_texts_give_the_same_answer():
    rng = np.random.default_rng(7)
    reference, window = texts(rng, 200), texts(rng, 60)
    assert text_distance(reference, window) == text_distance(reference, window)


def test_too_few_texts_are_refused():
    with pytest.raises(ValueError, match="at least 100 in the reference and 50 in the window; got 99 and 60"):
        text_distance(["tea"] * 99, ["tea"] * 60)
    with pytest.raises(ValueError, match="words that come twice"):
        text_distance(["!"] * 200, ["tea"] * 60)
