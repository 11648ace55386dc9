"""Which version answers a request while a challenger is on trial: the same one for the same entity, every time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Variant = Literal["champion", "canary"]


class Alias(Protocol):
    """A name that points at a version, as `storage.models.registry.read_aliases` returns it."""

    @property
    def version(self) -> str: ...
    @property
    def share(self) -> float: ...
    @property
    def sha256(self) -> str | None: ...


@dataclass(frozen=True)
class Route:
    """Who answers a request, and who scores it as well without being heard.

    Attributes
    ----------
    version : answers; None where no champion serves
    variant : what the logged row says
    shadow_version : also scores the request, its answer is kept apart and never returned
        The challenger in its shadow phase; in a canary whichever of the two does not answer, because two models on
        the same rows are told apart with a fraction of the labels.
    """

    version: str | None
    variant: Variant
    shadow_version: str | None = None


def route(aliases: Mapping[str, Alias], key: str) -> Route:
    """Return which version answers a request.

    The share of a canary may only grow: whoever it answers stays with it until the trial ends. Who that is depends on
    the challenger's file: nobody who does not have it can choose a side by an id.

    Parameters
    ----------
    aliases : a model's aliases by name; `champion`, `challenger` (with the share that it answers) and `shadow` count
    key : what stays together: the entity, or the request where no entity is known

    Examples
    --------
    >>> from types import SimpleNamespace as Alias
    >>> champion, challenger = Alias(version="v1", share=1.0), Alias(version="v2", share=0.1, sha256="5f1d")
    >>> route({"champion": champion, "challenger": challenger}, "customer 17")
    Route(version='v1', variant='champion', shadow_version='v2')
    """
    champion = aliases.get("champion")
    if champion is None:
        return Route(None, "champion")
    challenger, shadow = aliases.get("challenger"), aliases.get("shadow")
    if challenger is None:
        return Route(champion.version, "champion", shadow.version if shadow else None)
    if position(key, challenger.sha256 or challenger.version) < challenger.share:
        return Route(challenger.version, "canary", champion.version)
    return Route(champion.version, "champion", challenger.version)


def position(key: str, secret: str) -> float:
    """Return where a key stands in the queue for a canary, in [0, 1): a share s answers those below s.

    Every secret makes another order, so that the same few are not always the first.
    """
    keyed = hashlib.blake2b(secret.encode("utf-8", "surrogatepass")).digest()
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=keyed, digest_size=7).digest()
    # Seven bytes: a float holds 53 bits, and the quotient of 56 would round up to 1.
    return (int.from_bytes(digest) >> 3) / 2**53
