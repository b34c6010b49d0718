"""One of several, by chance and by weight."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from random import Random, SystemRandom
from typing import Generic, TypeVar

from hagworm.extend.error import BadValue, NoCandidate

__all__ = ("AliasTable", "choose", "choose_weighted")

T = TypeVar("T")

SYSTEM = SystemRandom()
"""The system's randomness: nobody can tell what comes next."""


def choose(items: Sequence[T], *, random: Random = SYSTEM) -> T:
    """Return one of `items`, each as likely as the others. Raises `NoCandidate` where there is none.

    `random` is the system's randomness; `random.Random(seed)` gives the same choices each time.
    """
    if not items:
        raise NoCandidate("there is nothing to choose from")

    return items[random.randrange(len(items))]


def choose_weighted(weights: Mapping[T, float], *, random: Random = SYSTEM) -> T:
    """Return one key, each as likely as its weight is great; one of weight 0 is never chosen.

    Takes time in proportion to the number of keys; `AliasTable` is for many choices with the same weights. Raises
    `NoCandidate` where there is no weight above 0, `BadValue` for a negative one, an infinity or NaN.
    """
    items = weighted_items(weights)
    sums = list(accumulate(weight for _, weight in items))
    mark = random.random() * sums[-1]

    # The product may round up to the whole sum.
    return next((item for (item, _), total in zip(items, sums, strict=True) if mark < total), items[-1][0])


class AliasTable(Generic[T]):
    """Choices by weight in the same time however many there are (the alias method: Walker 1977, Vose 1991).

    A key of weight 0 is never chosen. Raises `NoCandidate` where there is no weight above 0, `BadValue` for a negative
    one, an infinity or NaN. It does not change, and threads may share it.
    """

    __slots__ = ("aliases", "items", "shares")

    def __init__(self, weights: Mapping[T, float]) -> None:
        pairs = weighted_items(weights)
        total = math.fsum(weight for _, weight in pairs)
        count = len(pairs)
        self.items = [item for item, _ in pairs]
        self.shares = [weight / total * count for _, weight in pairs]
        self.aliases = list(range(count))
        small = [index for index, share in enumerate(self.shares) if share < 1.0]
        large = [index for index, share in enumerate(self.shares) if share >= 1.0]

        while small and large:
            poor, rich = small.pop(), large[-1]
            self.aliases[poor] = rich
            self.shares[rich] -= 1.0 - self.shares[poor]

            if self.shares[rich] < 1.0:
                small.append(large.pop())

        # What is left on one side differs from 1 only by rounding.
        for index in (*small, *large):
            self.shares[index] = 1.0

    def __repr__(self) -> str:
        return f"<AliasTable of {len(self.items)}>"

    def choose(self, *, random: Random = SYSTEM) -> T:
        """Return one key; `random` as for `choose_weighted`."""
        place = random.random() * len(self.items)
        index = min(int(place), len(self.items) - 1)
        return self.items[index if place - index < self.shares[index] else self.aliases[index]]


def weighted_items(weights: Mapping[T, float]) -> list[tuple[T, float]]:
    """Return the keys that can be chosen, with their weights."""
    for item, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise BadValue(f"a weight of 0 or more for {item!r}", weight)

    # Divided by the greatest, so that no sum of large ones becomes infinite.
    greatest = max(weights.values(), default=0.0)

    if not greatest:
        raise NoCandidate("there is nothing to choose from: no weight is above 0")

    return [(item, share) for item, weight in weights.items() if (share := weight / greatest) > 0]
