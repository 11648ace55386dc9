"""What free text is turned into so that its drift can be measured: five numbers for each text."""

import re
from collections.abc import Sequence

import numpy as np

WORD_PATTERN = r"[^\W_]+(?:['’][^\W_]+)*"
TEXT_FEATURES = ("length", "words", "exclamation_share", "upper_share", "oov_share")
_WORD = re.compile(WORD_PATTERN)


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case.

    Examples
    --------
    >>> words_of("Don't buy: BROKE after 2 days!")
    ["don't", 'buy', 'broke', 'after', '2', 'days']
    """
    return _WORD.findall(text.lower())


def text_features(texts: Sequence[str], vocabulary: frozenset[str]) -> dict[str, np.ndarray]:
    """Return the features of texts.

    Parameters
    ----------
    texts : n texts
    vocabulary : lower-case words
        The words that the model knows.

    Returns
    -------
    dict of float64 arrays, shape (n,)
        `length` in characters, `words`, `exclamation_share` of the characters, `upper_share` of the letters and
        `oov_share`, the share of words that are not in the vocabulary. A share of nothing is 0.

    Examples
    --------
    >>> features = text_features(["Bad!", "so BAD"], frozenset({"bad"}))
    >>> features["exclamation_share"].tolist(), features["oov_share"].tolist()
    ([0.25, 0.0], [0.0, 0.5])
    """
    rows = [_features(text, vocabulary) for text in texts]
    values = np.array(rows, np.float64).reshape(len(rows), len(TEXT_FEATURES))
    return {name: values[:, k] for k, name in enumerate(TEXT_FEATURES)}


def _features(text: str, vocabulary: frozenset[str]) -> tuple[float, ...]:
    words = words_of(text)
    n_letters = sum(map(str.isalpha, text))
    return (
        len(text),
        len(words),
        text.count("!") / (len(text) or 1),
        sum(map(str.isupper, text)) / (n_letters or 1),
        sum(word not in vocabulary for word in words) / (len(words) or 1),
    )
