"""Champion and challenger on parts of the held-out rows: whoever is better in all may be worse for some."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.data.windows import Column
from retrain.judging.evaluation import Judged, paired_interval
from retrain.stored import fields_of, interval_of

MIN_ROWS = 50
# A part of the rows has grown when it gained this share of the traffic: the effect that makes a drift red.
GROWN = 0.1
_MOST_VALUES = 8
_QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Slice:
    """One part of the held-out rows; `difference` is the challenger's accuracy minus the champion's.

    Accuracies and shares are from 0 to 1, `interval` holds with 95 %. `share_before` is the part's share of the
    reference, None without one; `has_grown` says that the data drifted there.
    """

    column: str
    part: str
    n: int
    champion: float
    challenger: float
    difference: float
    interval: tuple[float, float]
    share: float
    share_before: float | None
    has_grown: bool

    def plain(self) -> dict[str, Any]:
        """Return the slice as a job's rows keep it."""
        return asdict(self) | {"interval": list(self.interval)}

    @classmethod
    def of(cls, values: object) -> "Slice":
        """Read what `plain` returned.

        Raises
        ------
        ValueError
            If something of it is absent.
        """
        found = fields_of(cls, values, "a part of the held-out rows")
        return cls(**found | {"interval": interval_of(found["interval"], "interval")})


@dataclass(frozen=True)
class SliceReport:
    """The slices, those where the challenger does worst first; `drifted` is what all that have grown hold together."""

    slices: tuple[Slice, ...]
    drifted: Slice | None

    def worse_where_it_drifted(self) -> str | None:
        """Say by how much the challenger is worse where the data drifted; None if it is not."""
        if self.drifted is None or self.drifted.difference >= 0:
            return None
        return (
            f"accuracy {self.drifted.challenger:.3f} against the champion's {self.drifted.champion:.3f} on "
            f"{self.drifted.n:,} rows of {self.drifted.part}"
        )


def compare_slices(
    rows: pd.DataFrame,
    columns: Sequence[Column],
    reference: Mapping[str, Sample],
    truth: Sequence[str],
    champion: Judged,
    challenger: Judged,
) -> SliceReport:
    """Compare two models on each common value of a category, and on each quarter of a number.

    Parameters
    ----------
    rows : n held-out rows
    columns : the features to slice by
    reference : what the champion was made for, by column; may be empty
    truth : n true classes
    champion, challenger : what each said about the n rows; `labels` of length n

    Returns
    -------
    SliceReport
        The parts with 50 rows or more: the commonest values of a category, the quarters of a number as the reference
        has them, or as the rows have them without one.
    """
    was, now = (np.array(judged.labels, object) == np.array(truth, object) for judged in (champion, challenger))
    slices, drifted, named = [], np.zeros(len(rows), bool), []
    for column in columns:
        for part, inside, before in _parts(column, rows, reference.get(column.name)):
            if inside.sum() < MIN_ROWS:
                continue
            one = _slice(column.name, part, inside, was, now, before)
            slices.append(one)
            if one.has_grown:
                drifted |= inside
                named.append(f"{column.name} {part}")
    together = None
    if named:
        said = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
        together = _slice("", said, drifted, was, now, None)
    return SliceReport(tuple(sorted(slices, key=lambda one: (one.difference, one.column, one.part))), together)


def _slice(column: str, part: str, inside: np.ndarray, was: np.ndarray, now: np.ndarray, before: float | None) -> Slice:
    n, share = int(inside.sum()), float(inside.mean())
    n_won, n_lost = int((inside & now & ~was).sum()), int((inside & was & ~now).sum())
    return Slice(
        column=column,
        part=part,
        n=n,
        champion=float(was[inside].mean()),
        challenger=float(now[inside].mean()),
        difference=(n_won - n_lost) / n,
        interval=paired_interval(n_won, n_lost, n),
        share=share,
        share_before=before,
        has_grown=before is not None and share - before >= GROWN,
    )


def _parts(
    column: Column, rows: pd.DataFrame, reference: Sample | None
) -> Iterator[tuple[str, np.ndarray, float | None]]:
    """Yield each part of a column's values: its name, which rows are in it, and its share of the reference."""
    values = rows[column.name]
    if column.kind == "categorical":
        known = reference if isinstance(reference, CategoricalSample) and len(reference.codes) else None
        shares = dict(zip(known.categories, known.counts() / len(known.codes), strict=True)) if known else {}
        for name in values.value_counts().index[:_MOST_VALUES]:
            yield f"= {name}", (values == name).to_numpy(bool), float(shares.get(name, 0.0)) if known else None
        return
    numbers = values.to_numpy(np.float64)
    before = reference.values if isinstance(reference, NumericSample) else np.empty(0)
    before = before[~np.isnan(before)]
    base = before if len(before) else numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(base, _QUARTILES)) if len(base) else np.empty(0)
    for low, high in zip([-np.inf, *edges], [*edges, np.inf], strict=True):
        share = float(((before > low) & (before <= high)).mean()) if len(before) else None
        yield _range_text(low, high), (numbers > low) & (numbers <= high), share


def _range_text(low: float, high: float) -> str:
    if np.isinf(low) and np.isinf(high):
        return "any"
    if np.isinf(low):
        return f"up to {high:.4g}"
    return f"above {low:.4g}" if np.isinf(high) else f"{low:.4g} to {high:.4g}"
