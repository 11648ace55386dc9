"""The product's own rule over one life, through the functions that the product itself calls."""

import numpy as np

from drift.data.samples import CategoricalSample, NumericSample, Sample
from drift.life.evidence import Watch, advance
from drift.life.rule import LifeRule
from drift.performance.concept import concept_watch
from tests.calibration.streams import STRIDE, WINDOW, Life
from tests.calibration.windows import NEVER

NAME = "this product"
RULE = LifeRule(window=WINDOW, stride=STRIDE)


def first_alarm(life: Life, n_columns: int = 1) -> float:
    """Return the row at which the column alarms, where `n_columns` share the 5 %; infinite if it never does."""
    reference = sample_of(life.reference, life)
    watch = concept_watch(reference, RULE, n_columns) if life.is_accuracy else Watch.over(reference, RULE, n_columns)
    counts = watch.cells.counts(sample_of(life.stream, life), STRIDE)
    alarm = advance(watch, watch.start(), counts).evidence.alarm
    return NEVER if alarm is None else float(alarm.row)


def sample_of(rows: np.ndarray, life: Life) -> Sample:
    """Return rows of a life as the product reads them from its log."""
    if not life.n_categories:
        return NumericSample(rows)
    if life.is_accuracy:
        return CategoricalSample(rows, ("right", "wrong"))
    return CategoricalSample(rows, tuple(f"c{k}" for k in range(life.n_categories + 1)))
