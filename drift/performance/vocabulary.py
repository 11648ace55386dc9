"""Whether labels and predictions speak the same words: where they do not, right and wrong cannot be told."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from drift.data.samples import CategoricalSample
from drift.wording import short

# New names of so many labels, and of such a share of them, are no slip of somebody's pen.
_MIN_STRANGE, _STRANGE_SHARE = 10, 0.05
# From such a share on it is another code list, and no class that has come to the others.
_BURST = 0.5
# So many of the newest labels show what the feed sends now; a class that should be so many of them has gone.
NEWEST = 100
# A reference of fewer labels does not show which classes there are.
_MIN_KNOWN = 50
_NAMED = 4


@dataclass(frozen=True)
class Names:
    """How often each class was predicted, how often it was true, and how often so among the newest labels."""

    predicted: Mapping[str, int] = field(default_factory=dict)
    labelled: Mapping[str, int] = field(default_factory=dict)
    newest: Mapping[str, int] = field(default_factory=dict)

    @property
    def share_one(self) -> bool:
        """Whether some class was both predicted and true."""
        return not self.predicted.keys().isdisjoint(self.labelled)


@dataclass(frozen=True)
class Vocabulary:
    """The names of labels that predictions do not have, or the reverse.

    Attributes
    ----------
    feed : whose names are strange: "labels" or "predictions"
    strange : names that only this feed has and that the reference did not have either, with their rows
    n : rows of this feed
    is_disjoint : no class is shared, so that right and wrong cannot be told
    is_renamed : old names have given way to strange ones, or strange ones to the old: no class has come that is new
    never_predicted : other labels that no prediction has, of a model that shares some
    """

    feed: str = "labels"
    strange: Mapping[str, int] = field(default_factory=dict)
    n: int = 0
    is_disjoint: bool = False
    is_renamed: bool = False
    never_predicted: tuple[str, ...] = ()

    @property
    def is_fault(self) -> bool:
        """Whether the feed is to be repaired before anything is learnt from it."""
        return self.is_disjoint or self.is_renamed

    @property
    def said(self) -> str:
        """What is wrong, as a clause without a full stop; empty where nothing is.

        Examples
        --------
        >>> Vocabulary("labels", {"pos": 200, "neg": 100}, 300, True).said
        "labels use names that no prediction has: 'pos', 'neg' (300 of 300)"
        """
        if self.strange:
            other = "prediction" if self.feed == "labels" else "label"
            n = sum(self.strange.values())
            return f"{self.feed} use names that no {other} has: {_named(tuple(self.strange))} ({n:,} of {self.n:,})"
        if self.never_predicted:
            what = "label is" if len(self.never_predicted) == 1 else "labels are"
            return f"{what} never predicted: {_named(self.never_predicted)}"
        return ""

    @property
    def sentence(self) -> str:
        """What is wrong, as a sentence; empty where nothing is."""
        return f"{self.said[0].upper()}{self.said[1:]}." if self.said else ""


NOTHING_STRANGE = Vocabulary()


def names_of(prediction: CategoricalSample, label: CategoricalSample) -> Names:
    """Count the classes that were predicted, and those that were true.

    Parameters
    ----------
    prediction, label : CategoricalSample, n rows each
        In the order in which the labels came.

    Returns
    -------
    Names
        Rows by class; the newest labels apart.

    Examples
    --------
    >>> names_of(CategoricalSample(np.array([0, 0]), ("a", "b")), CategoricalSample(np.array([0, -1]), ("x",)))
    Names(predicted={'a': 2}, labelled={'x': 1}, newest={'x': 1})
    """
    known = label.codes[label.codes >= 0]
    newest = CategoricalSample(known[-NEWEST:], label.categories)
    return Names(_counted(prediction), _counted(label), _counted(newest))


def vocabulary(now: Names, reference: Names | None = None) -> Vocabulary:
    """Compare the names of labels with those of predictions, of a window and of its reference.

    A class that the reference had as a label is known, be it predicted or not: that is a rare class, and no renaming.

    Examples
    --------
    >>> before = Names({"yes": 40, "no": 60}, {"yes": 38, "no": 62})
    >>> vocabulary(Names({"yes": 4, "no": 6}, {"y": 3, "n": 7}), before).said
    "labels use names that no prediction has: 'n', 'y' (10 of 10)"
    >>> vocabulary(Names({"no": 6}, {"yes": 3}), before).said
    ''
    """
    before = reference or Names()
    if not now.labelled or not now.predicted:
        return Vocabulary(n=sum(now.labelled.values()))
    shared = {**before.predicted, **before.labelled} if before.share_one else {}
    for feed, own, known in (
        ("labels", now.labelled, {**now.predicted, **before.predicted, **shared}),
        ("predictions", now.predicted, {**now.labelled, **before.labelled, **shared}),
    ):
        if known.keys().isdisjoint(own):
            return Vocabulary(feed, _most_first(own), sum(own.values()), is_disjoint=True)
    predicted = now.predicted.keys() | before.predicted.keys()
    unknown = {name: n for name, n in now.labelled.items() if name not in predicted}
    has_shown = before.share_one and sum(before.labelled.values()) >= _MIN_KNOWN
    strange = {name: n for name, n in unknown.items() if has_shown and name not in before.labelled}
    never = tuple(name for name in unknown if name not in strange)
    n = sum(now.labelled.values())
    renamed = sum(strange.values()) >= max(_MIN_STRANGE, _STRANGE_SHARE * n) and _gave_way(now, before, strange, n)
    return Vocabulary("labels", _most_first(strange), n, False, renamed, never)


def _gave_way(now: Names, before: Names, strange: Mapping[str, int], n: int) -> bool:
    """Tell names that replace others from a new class, which comes beside the known ones."""
    n_newest, n_strange = sum(now.newest.values()), sum(now.newest.get(name, 0) for name in strange)
    if n_strange == 0 or n_strange >= _BURST * n_newest or sum(strange.values()) >= _BURST * n:
        return True
    share = n_newest / sum(before.labelled.values())
    return any(times * share >= _MIN_STRANGE and name not in now.newest for name, times in before.labelled.items())


def _counted(sample: CategoricalSample) -> dict[str, int]:
    counts = sample.counts()
    return {sample.categories[code]: int(counts[code]) for code in np.flatnonzero(counts)}


def _most_first(names: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(names.items(), key=lambda each: (-each[1], each[0])))


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(short, names[:_NAMED])) + more
