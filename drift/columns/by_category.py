"""One column in parts of the traffic: whether it moved everywhere or only for some."""

import numpy as np

from drift.columns.by_values import compare
from drift.columns.report import ColumnReport
from drift.columns.verdicts import report_windows
from drift.columns.windows import Compared
from drift.data.policy import DriftPolicy
from drift.data.samples import CategoricalSample, NumericSample, Sample, reference_from
from drift.data.windows import Column, Kind

MOST_PARTS = 12


def compare_parts(
    reference: tuple[Sample, CategoricalSample], current: tuple[Sample, CategoricalSample], policy: DriftPolicy
) -> tuple[ColumnReport, ...]:
    """Compare a column within each category of another one, the part that moved most first.

    Parameters
    ----------
    reference, current : the column and the other one, row by row
        The most frequent `MOST_PARTS` categories of the current rows are looked at.

    Returns
    -------
    tuple of ColumnReport
        Under the name of the category. As one look: p-values are adjusted over all parts.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> by = CategoricalSample(np.arange(1_000) % 2, ("app", "web"))
    >>> before, now = rng.normal(size=1_000), rng.normal(size=1_000)
    >>> now[by.codes == 1] += 1
    >>> parts = compare_parts((NumericSample(before), by), (NumericSample(now), by), DriftPolicy())
    >>> [(part.column, part.verdict, part.n) for part in parts]
    [('web', 'drift', 500), ('app', 'stable', 500)]
    """
    values, by = current
    before, by_before = reference
    counts = by.counts()
    codes = [int(code) for code in np.argsort(-counts, kind="stable")[:MOST_PARTS] if counts[code]]
    kind: Kind = "numeric" if isinstance(values, NumericSample) else "categorical"
    columns = [Column(by.categories[code], kind) for code in codes]
    compared = {
        by.categories[code]: Compared.of(
            [compare(reference_from(_part(before, by_before, code)), _part(values, by, code), policy)]
        )
        for code in codes
    }
    return tuple(report_windows(columns, compared, policy)[0]) if columns else ()


def _part(sample: Sample, by: CategoricalSample, code: int) -> Sample:
    """Return the rows that hold one category of another column, of as many rows as the sample."""
    here = by.codes == code
    if isinstance(sample, NumericSample):
        return NumericSample(sample.values[here])
    return CategoricalSample(sample.codes[here], sample.categories)
