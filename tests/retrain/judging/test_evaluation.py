import numpy as np
import pytest

from retrain.judging.evaluation import Judged, compare, paired_interval


def test_both_models_are_scored_on_the_same_rows():
    truth = ["a"] * 60 + ["b"] * 40
    champion = Judged(["a"] * 100)
    challenger = Judged(["a"] * 50 + ["b"] * 50, np.tile([0.5, 0.5], (100, 1)), ("a", "b"))
    found = compare(truth, champion, challenger)
    assert (found.champion.accuracy, found.challenger.accuracy) == (0.6, 0.9)
    assert found.difference == pytest.approx(0.3)
    assert found.challenger.recall == {"a": pytest.approx(50 / 60), "b": 1.0}
    assert found.challenger.log_loss == pytest.approx(np.log(2))
    assert found.champion.log_loss is None


def test_the_p_value_is_that_of_mcnemars_exact_test():
    # 9 rows won, 1 lost: 2 * (1 + 10) / 2**10.
    truth = ["a"] * 20
    champion = ["b"] * 9 + ["a"] * 11
    challenger = ["a"] * 9 + ["b"] + ["a"] * 10
    assert compare(truth, Judged(champion), Judged(challenger)).p_value == pytest.approx(22 / 1024)


def test_equal_models_pass_and_a_small_sample_that_could_hide_a_loss_does_not():
    same = compare(["a", "b"] * 1000, Judged(["a", "b"] * 1000), Judged(["a", "b"] * 1000))
    assert (same.difference, same.p_value) == (0.0, 1.0)
    assert same.passes(max_loss=0.01)
    few = compare(["a", "b"] * 20, Judged(["a"] * 40), Judged(["b"] * 40))
    assert few.difference == 0.0
    assert not few.passes(max_loss=0.01)


def test_the_interval_covers_the_true_difference_as_often_as_it_says():
    rng = np.random.default_rng(4)
    won, lost, n = 0.06, 0.04, 400
    drawn = rng.multinomial(n, [won, lost, 1 - won - lost], size=4000)
    intervals = [paired_interval(int(w), int(x), n) for w, x, _ in drawn]
    covered = np.mean([low <= won - lost <= high for low, high in intervals])
    assert 0.94 < covered < 0.975


def test_a_class_that_the_model_does_not_know_costs_but_does_not_break():
    found = compare(["a", "new"], Judged(["a", "a"], np.ones((2, 1)), ("a",)), Judged(["a", "new"]))
    assert found.champion.log_loss > 10
    assert found.sentence().startswith("accuracy 1.000 against the champion's 0.500: +50.0 points (95 % interval")
