"""How far the meaning of texts moved: the angle between the mean vectors of a window's texts and the reference's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drift.text.features import WORD_PATTERN
from drift.wording import p_phrase

N_DIMENSIONS = 50
N_PERMUTATIONS = 999
MAX_TEXTS = 4_000
_MIN_TEXTS = 50


@dataclass(frozen=True)
class TextDistance:
    """One minus the cosine between two mean vectors, and the p-value of a permutation test.

    `usual` is the distance that texts of one origin have in nine of ten permutations.
    """

    distance: float
    usual: float
    p_value: float
    n_reference: int
    n: int

    @property
    def said(self) -> str:
        """The finding as a sentence."""
        moved = "moved" if self.p_value <= 0.01 else "did not move beyond chance"
        numbers = f"cosine distance {self.distance:.3f}, usual below {self.usual:.3f}, {p_phrase(self.p_value)}"
        return f"The texts' mean vector {moved}: {numbers}."


def text_distance(reference_texts: Sequence[str], texts: Sequence[str], seed: int = 0) -> TextDistance:
    """Compare the mean TF-IDF/SVD vectors of two sets of texts (latent semantic analysis [1]_).

    The vectors are fitted on every second text of the reference and compared with the other half: those it was fitted
    on would look closer to each other than to anything else, whatever comes.

    Parameters
    ----------
    reference_texts, texts : sequences of str
        In time order. Of the window's, and of each half of the reference's, at most 4,000 evenly spread ones are used.
    seed : int
        Of the decomposition and of the permutations.

    Returns
    -------
    TextDistance
        The distance is 0 to 2, and 0 for the same direction; the smallest p-value is .001.

    Raises
    ------
    ValueError
        If the reference holds fewer than 100 texts, the window fewer than 50, or none of them a word.

    References
    ----------
    .. [1] Deerwester et al. (1990), "Indexing by latent semantic analysis".
    """
    fitted_on, held = _thinned(reference_texts[::2]), _thinned(reference_texts[1::2])
    window = _thinned(texts)
    if min(len(fitted_on), len(held), len(window)) < _MIN_TEXTS:
        raise ValueError(
            f"texts must be at least {2 * _MIN_TEXTS} in the reference and {_MIN_TEXTS} in the window; "
            f"got {len(reference_texts)} and {len(texts)}."
        )
    vectors = _vectors(fitted_on, [*held, *window], seed)
    is_window = np.repeat([False, True], [len(held), len(window)])
    distance = float(_distances(vectors, is_window[None, :])[0])
    rng = np.random.default_rng(seed)
    shuffled = np.array([rng.permutation(is_window) for _ in range(N_PERMUTATIONS)])
    by_chance = _distances(vectors, shuffled)
    p_value = float((1 + np.count_nonzero(by_chance >= distance)) / (1 + N_PERMUTATIONS))
    return TextDistance(distance, float(np.quantile(by_chance, 0.9)), p_value, len(held), len(window))


def _vectors(fitted_on: Sequence[str], texts: Sequence[str], seed: int) -> np.ndarray:
    """Return one vector a text, of length 1 where the text holds a known word."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    words = TfidfVectorizer(token_pattern=WORD_PATTERN, min_df=2, sublinear_tf=True)
    try:
        known = words.fit_transform(fitted_on)
    except ValueError as error:
        raise ValueError("texts of the reference must hold words that come twice; got none.") from error
    found = words.transform(texts)
    if known.shape[1] > N_DIMENSIONS:
        found = TruncatedSVD(N_DIMENSIONS, random_state=seed).fit(known).transform(found)
    else:
        found = found.toarray()
    length = np.linalg.norm(found, axis=1, keepdims=True)
    vectors: np.ndarray = np.divide(found, length, out=np.zeros_like(found), where=length > 0)
    return vectors


def _distances(vectors: np.ndarray, is_window: np.ndarray) -> np.ndarray:
    """Return the cosine distance of the two mean vectors for each way to choose the window's rows."""
    chosen = is_window.astype(float)
    total = vectors.sum(axis=0)
    window = chosen @ vectors
    rest = total - window
    dot = (window * rest).sum(axis=1)
    lengths = np.linalg.norm(window, axis=1) * np.linalg.norm(rest, axis=1)
    return 1 - np.divide(dot, lengths, out=np.zeros_like(dot), where=lengths > 0)


def _thinned(texts: Sequence[str]) -> Sequence[str]:
    if len(texts) <= MAX_TEXTS:
        return texts
    return [texts[k] for k in np.linspace(0, len(texts) - 1, MAX_TEXTS).astype(np.int64)]
