"""One column of many windows beside its reference: the numbers as arrays, the words when somebody asks."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from drift.comparing import Comparison, Found
from drift.two_sample import Test

_NAN = float("nan")
_NOTHING = {
    **{"n": 0.0, "n_reference": 0.0, "n_values": 0.0, "n_values_reference": 0.0},
    **{"statistic": _NAN, "bound": 0.0, "p_value": _NAN, "log10_p": _NAN, "effect_size": _NAN, "location": _NAN},
    **{"missing_p": _NAN, "unseen_p": _NAN, "n_unseen": 0.0, "out_of_range": 0.0},
}


class Compared:
    """What `drift.comparing` finds, for many windows of one column.

    Attributes
    ----------
    numbers : float arrays by name, shape (n_windows,)
        NaN where a window could not be tested or compared; the p-values of KS tests are still NaN.
    tests : list of n_windows names
        "none" where nothing was tested.
    failed : by window, the exception that stands in place of a comparison
    """

    def __init__(
        self, numbers: Mapping[str, np.ndarray], tests: Sequence[Test], tell: Callable[[int], Comparison]
    ) -> None:
        self.numbers = {}
        for name, nothing in _NOTHING.items():
            self.numbers[name] = np.empty(len(tests))
            self.numbers[name][:] = numbers.get(name, nothing)
        self.tests = list(tests)
        self.failed: dict[int, Exception] = {}
        self._tell = tell
        self._told: dict[int, Comparison] = {}

    @classmethod
    def of(cls, found: Sequence[Found]) -> "Compared":
        """Take in comparisons that have been made one by one."""
        compared = cls({}, ["none"] * len(found), _untold)
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
        else:
            self._told[window] = found
            self.tests[window] = found.values.result.test if found.values.result else "none"

    def comparison(self, window: int) -> Comparison:
        """Return everything about one window.

        Raises
        ------
        Exception
            The one that stands in its place.
        """
        if window in self.failed:
            raise self.failed[window]
        if window not in self._told:
            self._told[window] = self._tell(window)
        return self._told[window]


def _untold(window: int) -> Comparison:
    raise IndexError(f"window must be one that was compared; got {window}.")


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
        "missing_p": part.missing_p_value,
        "unseen_p": part.unseen_p_value,
        "n_unseen": values.n_unseen,
        "out_of_range": values.out_of_range_share,
    }
