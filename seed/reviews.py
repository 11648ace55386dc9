"""Product reviews that read like those of a shop: mixed feelings, sarcasm, typos and shouting included."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from seed import words
from seed.words import Product

# Shares of all reviews that no reader could judge by their words, and of the bad ones that say it another way.
MIXED_SHARE = 0.05
NEUTRAL_SHARE = 0.03
TURNED_SHARE = 0.28
SARCASM_SHARE = 0.04
# Of the reviews in new words, those that still hold a sentence which training knew.
FAMILIAR_SHARE = 0.45
_DRAWS = 56

Draw = Callable[[], float]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Reviews:
    """Texts and what they are about; `turned` marks those whose sentiment hangs on a word like "sick".

    Attributes
    ----------
    texts, products : n of each
    turned : bool array, shape (n,)
    """

    texts: tuple[str, ...]
    products: tuple[Product, ...]
    turned: np.ndarray


def write_reviews(rng: np.random.Generator, positive: np.ndarray, in_new_words: np.ndarray) -> Reviews:
    """Write a review for every sentiment.

    Parameters
    ----------
    positive : bool array, shape (n,)
        What the reviewers think, in the sense that the words had during training.
    in_new_words : bool array, shape (n,)
        Who writes in words that training never saw.

    Returns
    -------
    Reviews
        n of them, in the same order; none is `turned` among those in new words.

    Examples
    --------
    >>> reviews = write_reviews(np.random.default_rng(0), np.array([True, False]), np.array([False, False]))
    >>> len(reviews.texts)
    2
    """
    # As many draws for every review: what one of them needs does not move the others.
    draws = rng.random((positive.size, _DRAWS)).tolist()
    written = [
        _review(iter(row).__next__, bool(good), bool(new))
        for row, good, new in zip(draws, positive, in_new_words, strict=True)
    ]
    return Reviews(
        texts=tuple(text for text, _, _ in written),
        products=tuple(product for _, product, _ in written),
        turned=np.array([turned for _, _, turned in written], bool),
    )


def _review(draw: Draw, positive: bool, new: bool) -> tuple[str, Product, bool]:
    kind = draw()
    if new:
        product = _often(words.NEW_PRODUCTS if draw() < 0.7 else words.PRODUCTS, draw())
        return _handwriting(_in_new_words(draw, product, positive), draw, calm=False), product, False
    product = _often(words.PRODUCTS, draw())
    turned = False
    if kind < MIXED_SHARE:
        core = [_often(words.MIXED, draw())]
    elif kind < MIXED_SHARE + NEUTRAL_SHARE:
        core = [_any(words.NEUTRAL, draw())]
    else:
        core, turned = _plain(draw, positive)
    sentences = [_any(words.OPENERS, draw())] if draw() < 0.35 else []
    sentences += core
    if draw() < 0.4:
        # A fact stands at the end, or before what it is told for.
        place = len(sentences) if draw() < 0.7 else len(sentences) - len(core)
        sentences.insert(place, _any(words.FACTS, draw()))
    text = " ".join(_filled(sentence, draw, product) for sentence in sentences)
    return _handwriting(text, draw, calm=kind < MIXED_SHARE + NEUTRAL_SHARE), product, turned


def _plain(draw: Draw, positive: bool) -> tuple[list[str], bool]:
    """Return sentences that say what the reviewer thinks, and whether they hang on a word that may turn."""
    way = draw()
    if not positive and way < TURNED_SHARE:
        return [_often(words.HANGING, draw())], True
    if not positive and way < TURNED_SHARE + SARCASM_SHARE:
        return [_any(words.SARCASM, draw())], False
    sentences = words.PRAISE if positive else words.COMPLAINTS
    first, second = _often(sentences, draw()), _any(sentences, draw())
    core = [first, second] if draw() < 0.45 and first != second else [first]
    if draw() < 0.3:
        core.append(_any(words.THANKS if positive else words.GOODBYES, draw()))
    return core, False


def _in_new_words(draw: Draw, product: Product, positive: bool) -> str:
    n = 1 + (draw() < 0.2)
    sentences = [_filled(_any(words.NEW_SENTENCES, draw()), draw, product, positive) for _ in range(n)]
    if draw() < 0.5:
        sentences[-1] += f" {_any(words.NEW_TAILS, draw())}"
    if draw() < FAMILIAR_SHARE:
        short = words.THANKS if positive else words.GOODBYES
        known = words.PRAISE if positive else words.COMPLAINTS
        sentences.append(_filled(_any(short if draw() < 0.6 else known, draw()), draw, product))
    ends = "!" * int(1 + 3 * draw()) if draw() < 0.55 else ""
    return ". ".join(sentences).replace("..", ".").rstrip(".") + ends


def _filled(sentence: str, draw: Draw, product: Product, positive: bool = True) -> str:
    """Fill the gaps of a sentence and begin it with a capital letter."""
    part = int(draw() * len(product.parts))
    news = words.NEW_GOOD if positive else words.NEW_BAD
    good, bad, turned, new = draw(), draw(), draw(), draw()
    text = sentence.format(
        noun=product.noun,
        part=product.parts[part],
        part2=product.parts[part - 1],
        solid=_any(product.solid, draw()),
        a_noun=f"an {product.noun}" if product.noun[0] in "aeiou" else f"a {product.noun}",
        good=_often(words.GOOD, good),
        good2=_often(words.GOOD, (good + 0.4) % 1),
        bad=_often(words.BAD, bad),
        bad2=_often(words.BAD, (bad + 0.4) % 1),
        turned=_any(words.TURNED, turned),
        turned2=_any(words.TURNED, (turned + 0.5) % 1),
        word=_any(news, new),
        word2=_any(news, (new + 0.4) % 1),
        n=2 + int(draw() * 12),
        m=3 + int(4 * new),
        who=_often(words.WHO, turned),
        place=product.place,
        irony=_any(words.IRONY, good),
        brand=_brand(good, bad),
    )
    return text[0].upper() + text[1:]


def _brand(first: float, second: float) -> str:
    return _any(words.BRAND_STARTS, first) + _any(words.BRAND_ENDS, second)


def _handwriting(text: str, draw: Draw, *, calm: bool) -> str:
    """Let a text look typed by a person: lower case, shouting, a slip of the finger."""
    mood, slip, place = draw(), draw(), draw()
    if slip < 0.09:
        text = _mistyped(text, place)
    if calm:
        return text
    if mood < 0.03:
        return text.rstrip(".").upper() + "!" * int(1 + 3 * place)
    if mood < 0.14:
        return text.lower().rstrip(".")
    if mood < 0.30 and text.endswith("."):
        return text[:-1] + "!" * (1 if mood < 0.24 else 2 + (place < 0.3))
    return text


def _mistyped(text: str, place: float) -> str:
    """Swap, double or drop a letter in the middle of one long word."""
    parts = text.split(" ")
    long_words = [k for k, word in enumerate(parts) if len(word) > 4 and word.isalpha()]
    if not long_words:
        return text
    k = long_words[int(place * len(long_words))]
    word, at = parts[k], 1 + int(place * 997) % (len(parts[k]) - 3)
    slips = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at] + word[at:],
        word[:at] + word[at + 1 :],
    )
    parts[k] = slips[int(place * 9973) % len(slips)]
    return " ".join(parts)


def _any(options: Sequence[str], draw: float) -> str:
    return options[int(draw * len(options))]


def _often(options: Sequence[T], draw: float) -> T:
    """Choose the first options more often, as people do with words."""
    return options[int(draw * draw * len(options))]
