"""Windows against a reference by counts on its cells: many windows, or long ones, at the cost of a few numbers."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from drift.compared import Compared
from drift.comparing import (
    Comparison,
    Telling,
    Values,
    categorical_values,
    comparison,
    known_values,
    tell_categories,
    tell_distance,
    too_few,
)
from drift.grid import ColumnCounts, ReferenceGrid, distances_on_grid, slack_of
from drift.policy import DriftPolicy
from drift.samples import CategoricalReference, NumericReference, Reference
from drift.shares import missing_share_tests, unseen_p_value
from drift.two_sample import NUMBERS, Test, TwoSampleResult, chi_squared_tests

_PENDING = float("nan")
# A window's values, however long it takes to find words for them.
_Tell = Callable[[int], Values]


def compare_counts(
    reference: ReferenceGrid | CategoricalReference | None, counted: ColumnCounts, policy: DriftPolicy
) -> tuple[Compared, list[int]]:
    """Compare every window of a column with its reference by counts.

    A KS distance is known to within a bound; all else is exact.

    Parameters
    ----------
    counted : on the edges of the reference's own cells, or by its categories

    Returns
    -------
    compared, unknown
        `unknown` are the windows that must be compared value by value: those with values that a reference of few
        different ones does not hold.

    Raises
    ------
    ValueError
        If the reference is missing or of another kind than the counts.
    """
    if isinstance(reference, CategoricalReference) and counted.edges is None:
        names = max(counted.categories, reference.categories, key=len)
        counts = np.pad(counted.counts, ((0, 0), (0, len(names) - counted.up_to.shape[1])))
        known = np.pad(reference.counts, (0, len(names) - reference.counts.size))
        tell: _Tell = lambda window: categorical_values(reference, counts[window], names, policy)  # noqa: E731
        return _by_category(reference, known, counts, counted.n_missing, names, tell, policy), []
    if isinstance(reference, ReferenceGrid) and counted.edges is not None:
        if reference.reference.distinct.size:
            return _by_known_value(reference.reference, counted, reference.edges, policy)
        return _by_distance(reference, counted, policy), []
    kind = type(reference).__name__ if reference is not None else "nothing"
    raise ValueError(f"the reference must hold what the window holds; got {kind}.")


def _by_known_value(
    reference: NumericReference, counted: ColumnCounts, edges: np.ndarray, policy: DriftPolicy
) -> tuple[Compared, list[int]]:
    """Compare windows with a reference of few different values, each of which has a cell of its own."""
    known = reference.distinct
    counts = counted.counts[:, np.searchsorted(edges, known + slack_of(known), side="left")]
    unknown = np.flatnonzero(counts.sum(axis=1) < counted.n_values)

    def tell(window: int) -> Values:
        n = int(counts[window].sum())
        if said := too_few(reference.ordered.size, n, policy, max(known.size - 1, 0)):
            return Values(result=None, tell=partial(Telling, said))
        return known_values(reference, counts[window])

    names = [f"{value:.6g}" for value in known]
    beyond = counts[:, ~np.isfinite(known)].sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    compared = _by_category(reference, reference.counts, counts, counted.n_missing, names, tell, policy, beyond)
    return compared, unknown.tolist()


def _by_category(
    reference: Reference,
    reference_counts: np.ndarray,
    counts: np.ndarray,
    n_missing: np.ndarray,
    names: Sequence[str],
    tell: _Tell,
    policy: DriftPolicy,
    out_of_range: np.ndarray | None = None,
) -> Compared:
    """Test the windows that hold enough rows and no new category together, the others one by one."""
    sizes, known = counts.sum(axis=1), reference_counts > 0
    numbers = _sizes(reference, sizes, n_missing, policy)
    numbers |= {name: np.full(sizes.size, _PENDING) for name in NUMBERS}
    if out_of_range is not None:
        numbers["out_of_range"] = out_of_range
    row_of: dict[int, int] = {}
    regular = np.flatnonzero((sizes >= policy.min_sample) & ~counts[:, ~known].any(axis=1))
    if regular.size and known.sum() > 1 and reference_counts.sum() >= policy.min_sample:
        found = chi_squared_tests(reference_counts[known], counts[regular][:, known])
        rows = np.flatnonzero(found.df)
        row_of = dict(zip(regular[rows].tolist(), rows.tolist(), strict=True))
        for name in NUMBERS:
            numbers[name][regular[rows]] = getattr(found, name)[rows]
    names = [name for name, is_known in zip(names, known.tolist(), strict=True) if is_known]
    n_singletons = int((reference_counts == 1).sum())

    def told(window: int) -> Comparison:
        if window in row_of:
            result = found.result(row_of[window])
            words = partial(tell_categories, names, reference_counts[known], counts[window, known], result)
            beyond = 0.0 if out_of_range is None else float(out_of_range[window])
            values = Values(result=result, tell=words, n_singletons=n_singletons, out_of_range_share=beyond)
        else:
            values = tell(window)
        n = int(sizes[window] + n_missing[window])
        return comparison(reference, n, int(n_missing[window]), values, policy)

    tests: list[Test] = ["chi2" if window in row_of else "none" for window in range(sizes.size)]
    compared = Compared(numbers, tests, told)
    for window in set(range(sizes.size)) - row_of.keys():
        compared.put(window, told(window))
    return compared


def _sizes(
    reference: Reference, sizes: np.ndarray, n_missing: np.ndarray, policy: DriftPolicy
) -> dict[str, np.ndarray]:
    """Return the numbers of rows and values, and the test of missing values; nothing is unseen."""
    n, n_values_reference = sizes + n_missing, reference.n - reference.n_missing
    missing_p = np.ones(n.size)
    enough = (n >= policy.min_sample) & (reference.n >= policy.min_sample) & (n_values_reference > 0)
    missing_p[enough] = missing_share_tests(reference.n, reference.n_missing, n[enough], n_missing[enough])
    constants = {"n_reference": reference.n, "n_values_reference": n_values_reference, "unseen_p": 1.0}
    return {"n": n, "n_values": sizes, "missing_p": missing_p} | {k: np.asarray(v) for k, v in constants.items()}


def _by_distance(grid: ReferenceGrid, counted: ColumnCounts, policy: DriftPolicy) -> Compared:
    """Bound the KS distance of every window."""
    reference = grid.reference
    up_to, n_missing, sizes = counted.up_to, counted.n_missing, counted.n_values
    is_tested = (sizes >= policy.min_sample) & (reference.ordered.size >= policy.min_sample)
    tested = np.flatnonzero(is_tested)
    numbers = _sizes(reference, sizes, n_missing, policy)
    row_of = {window: row for row, window in enumerate(tested.tolist())}

    def told(window: int) -> Comparison:
        n = int(sizes[window])
        if window in row_of:
            values = found.values(row_of[window])
        else:
            values = Values(result=None, tell=partial(Telling, too_few(reference.ordered.size, n, policy, 0)))
        return comparison(reference, n + int(n_missing[window]), int(n_missing[window]), values, policy)

    if tested.size:
        found = _Distances(grid, up_to[tested] if tested.size < sizes.size else up_to)
        for name, values in found.numbers().items():
            numbers[name] = np.full(sizes.size, 0.0 if name in ("bound", "n_unseen", "out_of_range") else _PENDING)
            numbers[name][tested] = values
        numbers["unseen_p"] = np.ones(sizes.size)
        for row in np.flatnonzero(found.infinite.any(axis=1)).tolist():
            n, n_unseen = int(sizes[tested[row]]), int(found.infinite[row].sum())
            numbers["unseen_p"][tested[row]], _ = unseen_p_value(reference.ordered.size, n, n_unseen)
    tests: list[Test] = ["ks" if window in row_of else "none" for window in range(sizes.size)]
    return Compared(numbers, tests, told)


class _Distances:
    """The KS distances of many windows from one reference, as far as counts tell them."""

    def __init__(self, grid: ReferenceGrid, up_to: np.ndarray) -> None:
        self.grid = grid
        self.distance, self.edge, leads = distances_on_grid(grid.shares, up_to)
        self.bound = np.minimum(grid.bound, 1 - self.distance)
        self.shares = grid.shares[self.edge] - np.where(leads, self.distance, -self.distance)
        self.up_to_tenths = up_to[:, grid.tenths]
        self.out_of_range = 1 - (up_to[:, grid.highest] - up_to[:, grid.below]) / up_to[:, -1]
        # An infinity is as new as an unseen category, unless the reference holds one.
        infinite = np.column_stack([up_to[:, -1] - up_to[:, -2], up_to[:, 0]])
        self.infinite = np.zeros_like(infinite) if grid.has_infinity else infinite

    def numbers(self) -> dict[str, np.ndarray]:
        """Return the numbers of every window, as Compared names them."""
        return {
            "statistic": self.distance,
            "effect_size": self.distance,
            "bound": self.bound,
            "location": self.grid.locations[self.edge],
            "n_unseen": self.infinite.sum(axis=1),
            "out_of_range": self.out_of_range,
        }

    def values(self, row: int) -> Values:
        """Return everything about one window."""
        d, location = float(self.distance[row]), float(self.grid.locations[self.edge[row]])
        shares = float(self.grid.shares[self.edge[row]]), float(self.shares[row])
        tenth_counts = self.grid.tenth_counts, np.diff(self.up_to_tenths[row], prepend=0)
        infinite = zip(("inf", "-inf"), self.infinite[row].tolist(), strict=True)
        unseen = sorted(((name, n) for name, n in infinite if n), key=lambda pair: -pair[1])
        return Values(
            result=TwoSampleResult("ks", d, _PENDING, _PENDING, d, location=location),
            tell=partial(tell_distance, location, shares, tenth_counts),
            unseen=tuple(unseen),
            n_unseen=sum(n for _, n in unseen),
            out_of_range_share=float(self.out_of_range[row]),
            statistic_bound=float(self.bound[row]),
        )
