"""What a person may have overlooked in a plan: columns that look like another field, or that know the answer."""

from collections.abc import Mapping, Sequence

import pandas as pd

from storage.importing.guesses import guess_fields
from storage.importing.inference import Decision

OPTIONS: Mapping[str, str] = {
    "prediction": "--prediction",
    "score": "--score",
    "label": "--label",
    "labelled_at": "--labelled-at",
    "request_id": "--id",
    "entity_id": "--entity",
    "version": "--version",
    "text": "--text",
}
# Fewer rows agree by chance.
_MIN_EQUAL = 20


def hints(
    sample: pd.DataFrame, sources: Mapping[str, str], decisions: Sequence[Decision], settled: frozenset[str]
) -> tuple[str, ...]:
    """Return proposals and warnings, a sentence each.

    Parameters
    ----------
    sample : the first rows of the file
    sources : field of the log -> column of the file
    decisions : what was decided of its columns
    settled : columns of which somebody has said what they are: nothing is proposed of them

    Returns
    -------
    tuple of str
        Empty where there is nothing to propose or to warn of.
    """
    left = [name for name in sample.columns if name not in sources.values() and name not in settled]
    guessed = guess_fields(sample[left]) if left else {}
    proposed = [
        f"{source} looks like the {field.replace('_', ' ')}: {option} {source}?"
        for field, option in OPTIONS.items()
        if field not in sources and (source := guessed.get(field)) is not None
    ]
    features = [d.source for d in decisions if d.column is not None and d.column.role == "feature"]
    return (*proposed, *_knowing(sample, sources, features), *_counting(sample, features))


def _knowing(sample: pd.DataFrame, sources: Mapping[str, str], features: Sequence[str]) -> list[str]:
    said = []
    for role in ("label", "prediction"):
        if role not in sources:
            continue
        answer = sample[sources[role]].astype("string").str.strip()
        for name in features:
            values = sample[name].astype("string").str.strip()
            both = answer.notna() & values.notna()
            if both.sum() >= _MIN_EQUAL and answer[both].nunique() > 1 and (answer[both] == values[both]).all():
                said.append(f"{name} equals the {role} in all of the first {both.sum():,} rows (--ignore {name}?).")
    return said


def _counting(sample: pd.DataFrame, features: Sequence[str]) -> list[str]:
    """Tell columns that only count rows: they drift by themselves."""
    said = []
    for name in features:
        numbers = pd.to_numeric(sample[name].head(1_000), errors="coerce")
        if len(numbers) >= _MIN_EQUAL and numbers.notna().all() and (numbers.diff().dropna() == 1).all():
            said.append(f"{name} only counts the rows, and would drift by itself (--ignore {name}?).")
    return said
