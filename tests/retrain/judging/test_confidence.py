import numpy as np
import pytest

from retrain.judging.confidence import bounds, weigh

N, STEP = 6_000, 10


def decisions(difference, *, disagree=0.10, runs=400, seed=0, least=300):
    """Return the share of runs that a look after every tenth row promotes, and the share that it rolls back."""
    rng = np.random.default_rng(seed)
    won, lost = (disagree + difference) / 2, (disagree - difference) / 2
    promoted = rolled_back = 0
    for _ in range(runs):
        u = rng.random(N)
        n_won, n_lost = np.cumsum(u < won), np.cumsum((u >= won) & (u < won + lost))
        for n in range(STEP, N + 1, STEP):
            low, high = bounds(n, n_won=n_won[n - 1], n_lost=n_lost[n - 1])
            if high < 0:
                rolled_back += 1
                break
            if low > -0.01 and n >= least:
                promoted += 1
                break
    return promoted / runs, rolled_back / runs


def test_equal_models_are_hardly_ever_rolled_back_however_often_one_looks():
    _, rolled_back = decisions(0.0)
    # 600 looks at 5 %: a z-test at each would decide falsely in about half of the runs.
    assert rolled_back <= 0.05


def test_a_challenger_worse_by_more_than_the_margin_is_hardly_ever_promoted():
    promoted, rolled_back = decisions(-0.03, seed=1)
    assert promoted <= 0.05
    assert rolled_back > 0.8


@pytest.mark.parametrize("disagree", [0.03, 0.3])
def test_the_error_holds_whether_the_models_agree_much_or_little(disagree):
    assert decisions(0.0, disagree=disagree, runs=200, seed=2)[1] <= 0.05
    assert decisions(-0.0101, disagree=disagree, runs=200, seed=3)[0] <= 0.05


def test_a_clearly_better_challenger_is_promoted():
    promoted, rolled_back = decisions(0.05, runs=100, seed=4)
    assert (promoted, rolled_back) == (1.0, 0.0)


def test_nothing_is_promoted_before_so_many_labelled_rows():
    assert weigh(299, n_won=60, n_lost=0).decision == "wait"
    assert weigh(300, n_won=60, n_lost=0).decision == "promote"
    assert weigh(299, n_won=60, n_lost=0).n_more == 1


def test_rows_still_needed_come_true_when_the_difference_stays():
    evidence = weigh(1_000, n_won=25, n_lost=25)
    assert evidence.decision == "wait"
    total = 1_000 + evidence.n_more
    assert weigh(round(1.05 * total), n_won=round(0.026 * total), n_lost=round(0.026 * total)).decision == "promote"
    early = round(0.9 * total)
    assert weigh(early, n_won=round(0.025 * early), n_lost=round(0.025 * early)).decision == "wait"


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="at most n together; got 5, 6 and 10"):
        weigh(10, n_won=5, n_lost=6)


def test_what_is_needed_is_said_at_every_stage():
    assert weigh(0, n_won=0, n_lost=0).sentence() == "No labelled rows yet: needs about 5,000 of them."
    assert "surely worse" in weigh(1_000, n_won=10, n_lost=100).sentence()
    assert "not worse by more than is allowed" in weigh(1_000, n_won=100, n_lost=10).sentence()
