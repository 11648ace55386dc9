"""An answer as every way gives it, and how far two of them are apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Per column: the p-value, the KS distance where both ways compute one, and how exact it is claimed to be.
Answer = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Difference:
    """How far two ways disagree at most; `beyond` is what their stated bound does not explain."""

    largest: float
    beyond: float


def difference(ours: Sequence[Answer], theirs: Sequence[Answer]) -> Difference:
    """Compare the KS distances of all windows and columns.

    Examples
    --------
    >>> difference([{"a": {"distance": 0.50, "bound": 0.125}}], [{"a": {"distance": 0.25}}])
    Difference(largest=0.25, beyond=0.125)
    """
    largest = beyond = 0.0
    for mine, other in zip(ours, theirs, strict=True):
        for column in [name for name in other if "distance" in other[name] and "distance" in mine[name]]:
            apart = abs(mine[column]["distance"] - other[column]["distance"])
            largest = max(largest, apart)
            beyond = max(beyond, apart - mine[column].get("bound", 0.0))
    return Difference(largest, beyond)
