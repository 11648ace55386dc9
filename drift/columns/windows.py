"""One column of many windows beside its reference: numbers as arrays, and beside them what words are made of."""

from collections.abc import Mapping, Sequence

import numpy as np

from drift.columns.by_values import Comparison, Found
from drift.columns.values import Table
from drift.statistics.two_sample import Test

_NAN = float("nan")
_NOTHING = {
    **{"n": 0.0, "n_reference": 0.0, "n_values": 0.0, "n_values_reference": 0.0},
    **{"statistic": _NAN, "bound": 0.0, "p_value": _NAN, "log10_p": _NAN, "effect_size": _NAN, "location": _NAN},
    **{"reference_share": _NAN, "share": _NAN},
    **{"missing_p": _NAN, "unseen_p": _NAN, "n_unseen": 0.0, "out_of_range": 0.0},
}


class Compared:
    """What `drift.columns.by_values` finds, for many windows of one column; a list of windows is n_windows long.

    Attributes
    ----------
    numbers : float arrays by name, shape (n_windows,)
        NaN where a window could not be tested or compared; the p-values of KS tests are still NaN.
    tests : list of names
        "none" where nothing was tested.
    notes : list of what there is to say where no test has found something to say
    tables : list of what categories and the stability index are told from, None where nothing was tested
    unseen : list of the most frequent values that the reference does not hold, each with its rows
    failed : by window, the exception that stands in place of a comparison
    """

    def __init__(self, numbers: Mapping[str, np.ndarray], tests: Sequence[Test]) -> None:
        n_windows = len(tests)
        self.numbers = {}
        for name, nothing in _NOTHING.items():
            self.numbers[name] = np.empty(n_windows)
            self.numbers[name][:] = numbers.get(name, nothing)
        self.tests = list(tests)
        self.notes = [""] * n_windows
        self.tables: list[Table | None] = [None] * n_windows
        self.unseen: list[tuple[tuple[str, int], ...]] = [()] * n_windows
        self.failed: dict[int, Exception] = {}

    @classmethod
    def of(cls, found: Sequence[Found]) -> "Compared":
        """Take in comparisons that have been made one by one."""
        compared = cls({}, ["none"] * len(found))
        for window, part in enumerate(found):
            compared.put(window, part)
        return compared

    def __len__(self) -> int:
        return len(self.tests)

    def put(self, window: int, found: Found) -> None:
        """Put another comparison in place of one window's."""
        for name, value in (_NOTHING if isinstance(found, Exception) else _numbers(found)).items():
            self.numbers[name][window] = value
        if isinstance(found, Exception):
            self.failed[window], self.tests[window] = found, "none"
            return
        values = found.values
        self.tests[window] = values.result.test if values.result else "none"
        self.notes[window], self.tables[window], self.unseen[window] = values.note, values.table, values.unseen


def _numbers(part: Comparison) -> dict[str, float]:
    values, result = part.values, part.values.result
    return {
        "n": part.n,
        "n_reference": part.n_reference,
        "n_values": part.n_values,
        "n_values_reference": part.n_values_reference,
        "statistic": result.statistic if result else _NAN,
        "bound": values.statistic_bound,
        "p_value": result.p_value if result else _NAN,
        "log10_p": result.log10_p if result else _NAN,
        "effect_size": result.effect_size if result else _NAN,
        "location": result.location if result else _NAN,
        "reference_share": values.shares[0],
        "share": values.shares[1],
        "missing_p": part.missing_p_value,
        "unseen_p": part.unseen_p_value,
        "n_unseen": values.n_unseen,
        "out_of_range": values.out_of_range_share,
    }
