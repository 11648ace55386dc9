"""All columns at once: can a classifier tell the window's rows from the reference's? On demand, for it takes seconds.

Columns that look unchanged one by one may have changed together: a correlation that flipped moves no distribution.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import special

from drift.data.samples import NumericSample, Sample
from drift.wording import p_phrase

N_FOLDS = 5
MAX_ROWS = 5_000
# scikit-learn's histograms hold 255 bins; rarer categories share one.
_MAX_CATEGORIES = 200
_N_REPEATS = 5
_NAMED = 3
_LEAST_IMPORTANCE = 0.002
# The models of two folds share most of their rows, so their scores err together: the variance of what folds say in
# common is 1 + K / (K - 1) times that of independent rows (1.9 in simulated healthy pairs of samples).
_SHARED_TRAINING = 1 + N_FOLDS / (N_FOLDS - 1)


@dataclass(frozen=True)
class JointResult:
    """How well the rows can be told apart: 0.5 not at all, 1 without error.

    `importances` says by column how much of the AUC goes when the column's values are shuffled, the largest first; it
    is empty where the p-value is not small, for there is nothing to explain then.
    """

    auc: float
    p_value: float
    n_reference: int
    n: int
    importances: tuple[tuple[str, float], ...] = ()

    @property
    def said(self) -> str:
        """The result as a sentence."""
        head = f"A classifier tells rows of the window from rows of the reference with AUC {self.auc:.2f}"
        if not self.importances:
            return f"{head}, no better than chance ({p_phrase(self.p_value)}): no sign that columns changed together."
        told = [name for name, importance in self.importances if importance >= _LEAST_IMPORTANCE][:_NAMED]
        by = f", most by {', '.join(told)}" if told else ""
        return f"{head} (0.5 would be chance), {p_phrase(self.p_value)}{by}."


def joint_test(
    reference: Mapping[str, Sample], current: Mapping[str, Sample], *, alpha: float = 0.01, seed: int = 0
) -> JointResult:
    """Test whether two sets of rows come from one joint distribution, by a classifier's out-of-fold scores [1]_.

    Parameters
    ----------
    reference, current : samples by column, each of one length; the same columns in both
        Of longer ones, 5,000 rows evenly spread are used.
    alpha : up to which p-value the columns are asked what they contribute

    Returns
    -------
    JointResult
        With the p-value of a one-sided rank test: rows that scored higher than others were more often the window's.
        The test allows for folds that share their training rows [2]_.

    Raises
    ------
    ValueError
        If there is no column, they differ, or a side holds fewer than 50 rows.

    References
    ----------
    .. [1] Kim et al. (2021), "Classification accuracy as a proxy for two-sample testing".
    .. [2] Nadeau and Bengio (2003), "Inference for the generalization error".

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> def rows(correlation):
    ...     x = rng.normal(size=400)
    ...     return {"x": NumericSample(x), "y": NumericSample(correlation * x + 0.6 * rng.normal(size=400))}
    >>> joint_test(rows(0.8), rows(-0.8)).p_value < 1e-6
    True
    """
    if not reference or list(reference) != list(current):
        raise ValueError(f"reference and current must hold the same columns; got {[*reference]} and {[*current]}.")
    before, now = _thinned(reference), _thinned(current)
    if min(len(before), len(now)) < 50:
        raise ValueError(f"reference and current must hold at least 50 rows each; got {len(before)} and {len(now)}.")
    columns = list(reference)
    categorical = [not isinstance(sample, NumericSample) for sample in reference.values()]
    rows = np.concatenate([before, now])
    for k in np.flatnonzero(categorical):
        rows[:, k] = _common(rows[:, k], len(before))
    is_now = np.repeat([0, 1], [len(before), len(now)])
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    # One thread: on a busy machine, several wait for each other a hundred times longer than they work.
    with threadpool_limits(1, user_api="openmp"):
        score = _out_of_fold(rows, is_now, categorical, seed)
        auc, p_value = rank_test(score, is_now, _SHARED_TRAINING)
        importances = _importances(columns, rows, is_now, categorical, seed) if p_value <= alpha else ()
    return JointResult(auc, p_value, len(before), len(now), importances)


def rank_test(score: np.ndarray, is_now: np.ndarray, inflation: float = 1.0) -> tuple[float, float]:
    """Return the area under the curve, and the one-sided p-value of a rank test [1]_; ties count half.

    Parameters
    ----------
    score : float array, shape (n,)
        Without NaN.
    is_now : int array, shape (n,)
        1 for a row of the window, 0 for one of the reference; both must be there.
    inflation : float
        How much larger the variance is than that of independent scores.

    Returns
    -------
    auc, p_value : float
        0 to 1. The p-value is small where rows of the window score higher, and 1 where all scores are equal.

    References
    ----------
    .. [1] Mann and Whitney (1947), "On a test of whether one of two random variables is stochastically larger than the
       other".

    Examples
    --------
    >>> rank_test(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 1, 1]))[0]
    1.0
    """
    _, group, size = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(size) - (size - 1) / 2)[group]
    m, n = int(is_now.sum()), int((1 - is_now).sum())
    above = float(rank[is_now == 1].sum() - m * (m + 1) / 2)
    total = n + m
    ties = float((size.astype(float) ** 3 - size).sum()) / (total * (total - 1))
    spread = np.sqrt(inflation * n * m / 12 * (total + 1 - ties))
    return above / (n * m), float(special.ndtr(-(above - n * m / 2) / spread)) if spread > 0 else 1.0


def _out_of_fold(rows: np.ndarray, is_now: np.ndarray, categorical: list[bool], seed: int) -> np.ndarray:
    """Score each row by a model that was fitted without it."""
    from sklearn.model_selection import StratifiedKFold

    score = np.empty(len(rows))
    for fitted, left_out in StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(rows, is_now):
        model = _classifier(categorical, seed).fit(rows[fitted], is_now[fitted])
        score[left_out] = model.predict_proba(rows[left_out])[:, 1]
    return score


def _importances(
    columns: list[str], rows: np.ndarray, is_now: np.ndarray, categorical: list[bool], seed: int
) -> tuple[tuple[str, float], ...]:
    """Return how much of the AUC on every second row goes with each column, by a model fitted on the others."""
    from sklearn.inspection import permutation_importance

    model = _classifier(categorical, seed).fit(rows[::2], is_now[::2])
    found = permutation_importance(
        model, rows[1::2], is_now[1::2], scoring="roc_auc", n_repeats=_N_REPEATS, random_state=seed
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    return tuple((columns[k], float(found.importances_mean[k])) for k in order)


def _classifier(categorical: list[bool], seed: int):  # type: ignore[no-untyped-def]  # scikit-learn has no types, and is imported when needed
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=8, early_stopping=False, categorical_features=categorical, random_state=seed
    )


def _thinned(samples: Mapping[str, Sample]) -> np.ndarray:
    """Return the rows as float64, shape (n, n_columns), evenly thinned; NaN is missing."""
    n = len(next(iter(samples.values())))
    at = np.arange(n) if n <= MAX_ROWS else np.linspace(0, n - 1, MAX_ROWS).astype(np.int64)
    columns = []
    for sample in samples.values():
        if isinstance(sample, NumericSample):
            columns.append(sample.values[at])
        else:
            codes = sample.codes[at]
            columns.append(np.where(codes < 0, np.nan, codes))
    return np.column_stack(columns)


def _common(codes: np.ndarray, n_reference: int) -> np.ndarray:
    """Number categories from 0 by how frequent they are; all that are rare share one number."""
    present = ~np.isnan(codes)
    values, position, counts = np.unique(codes[present], return_inverse=True, return_counts=True)
    rank = np.empty(values.size)
    rank[np.argsort(-counts, kind="stable")] = np.arange(values.size)
    numbered = codes.copy()
    numbered[present] = np.minimum(rank[position], _MAX_CATEGORIES)
    return numbered
