"""Which words of a window its reference never used, and how many that are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from drift.text.features import words_of
from drift.wording import share_text

TOP = 10


@dataclass(frozen=True)
class NewWord:
    """A word that the reference never used, and in how many texts of the window it stands."""

    word: str
    n_texts: int
    text_share: float


@dataclass(frozen=True)
class NewWords:
    """The words of a window that are new, and how many new ones were to be expected.

    Attributes
    ----------
    share : of all words of the window, those that no text of the reference holds
    expected_share : the same where nothing changed: the share of words that the reference used just once (Good and
        Turing [1]_)

    References
    ----------
    .. [1] Good (1953), "The population frequencies of species and the estimation of population parameters".
    """

    share: float
    expected_share: float
    n_texts: int
    n_reference_texts: int
    top: tuple[NewWord, ...]

    @property
    def said(self) -> str:
        """The finding as a sentence."""
        head = (
            f"{share_text(self.share)} of the words are new to the reference; "
            f"{share_text(self.expected_share)} would be usual"
        )
        if not self.top:
            return f"{head}."
        named = ", ".join(f"'{found.word}' in {share_text(found.text_share)} of texts" for found in self.top[:5])
        return f"{head}. Most used: {named}."


def new_words(reference_texts: Sequence[str], texts: Sequence[str], top: int = TOP) -> NewWords:
    """Find the words of a window's texts that no text of the reference holds.

    Parameters
    ----------
    reference_texts, texts : sequences of str
    top : int
        How many new words are named at most.

    Returns
    -------
    NewWords
        Shares are 0 to 1.

    Raises
    ------
    ValueError
        If a side holds no word.

    Examples
    --------
    >>> found = new_words(["good tea", "good price"], ["sick tea", "so sick"])
    >>> found.share, found.top[0]
    (0.75, NewWord(word='sick', n_texts=2, text_share=1.0))
    """
    known: Counter[str] = Counter()
    for text in reference_texts:
        known.update(words_of(text))
    used, in_texts = 0, Counter[str]()
    n_new = 0
    for text in texts:
        words = words_of(text)
        fresh = [word for word in words if word not in known]
        used += len(words)
        n_new += len(fresh)
        in_texts.update(set(fresh))
    if not known or not used:
        side = "the reference" if not known else "the window"
        raise ValueError(f"texts must hold words; those of {side} hold none.")
    singletons = sum(count == 1 for count in known.values())
    ranked = sorted(in_texts.items(), key=lambda item: (-item[1], item[0]))[:top]
    found = tuple(NewWord(word, n, n / len(texts)) for word, n in ranked)
    return NewWords(n_new / used, singletons / known.total(), len(texts), len(reference_texts), found)
