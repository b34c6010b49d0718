"""What chance alone may do to figures of records that are not independent of each other.

A second in which a server stalls makes a thousand answers slow at once: they are one piece of evidence, not a thousand.
How much a count is worth is therefore taken from how much the seconds of a run differ (Kish's design effect of cluster
samples, with batch means: B. Schmeiser, Operations Research 30, 1982), and intervals are computed as if only so many
records had been seen (E. Korn and B. Graubard, Survey Methodology 24, 1998), with the degrees of freedom of those
batches that have a part in it. Intervals of percentiles are those of
order statistics; those of differences follow from the intervals of both sides (G. Zou and A. Donner, Statistics in
Medicine 27, 2008).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, exp, inf, lgamma, log, pi, sin, sqrt, tan
from statistics import NormalDist

__all__ = (
    "MOST_BATCHES",
    "Bounds",
    "added",
    "batch_sizes",
    "design_effect",
    "mean_error",
    "order_statistics",
    "participants",
    "ratio",
    "share_bounds",
    "student",
    "worth",
)

MOST_BATCHES = 20
"""Seconds are put together to as many batches: long ones, as what happens in one second reaches into the next."""

LARGE = 400.0
"""A binomial distribution of this variance is taken as normal."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A figure, and between what it lies."""

    value: float
    low: float
    high: float


def batch_sizes(count: int) -> Iterator[tuple[int, int]]:
    """Yield from where to where each batch of so many intervals goes; at most `MOST_BATCHES`, of nearly one size."""
    batches = min(count, MOST_BATCHES)
    yield from ((number * count // batches, (number + 1) * count // batches) for number in range(batches))


def student(probability: float, freedom: int) -> float:
    """Return what Student's t does not exceed with that probability (one half or more), for whole degrees of freedom.

    By bisection of the finite series of its distribution (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    """
    low, high = 0.0, pi / 2

    for _ in range(60):
        middle = (low + high) / 2

        if 0.5 + within(middle, freedom) / 2 < probability:
            low = middle
        else:
            high = middle

    return sqrt(freedom) * tan((low + high) / 2)


def within(angle: float, freedom: int) -> float:
    """Return the probability that |t| is at most sqrt(freedom) * tan(angle)."""
    if freedom == 1:
        return 2 * angle / pi

    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    found = term

    for number in range(2 + odd, freedom, 2):
        term *= (number - 1) / number * cos(angle) ** 2
        found += term

    return 2 / pi * (angle + sin(angle) * found) if odd else sin(angle) * found


def design_effect(hits: Sequence[float], sizes: Sequence[float]) -> float:
    """Return by how much the variance of a share exceeds that of independent records; at least 1.

    `hits` of `sizes` records in each batch are of the kind that is counted.
    """
    total = sum(sizes)
    share = sum(hits) / total if total else 0.0
    batches = len(sizes)

    if batches < 2 or not 0 < share < 1:
        return 1.0

    spread = sum((hit - share * size) ** 2 for hit, size in zip(hits, sizes, strict=True))
    return max(1.0, batches / (batches - 1) * spread / (total * share * (1 - share)))


def mean_error(sums: Sequence[float], sizes: Sequence[float]) -> float:
    """Return the standard error of a mean of batches, each of so many records that add up to so much."""
    total = sum(sizes)
    batches = len(sizes)

    if batches < 2 or not total:
        return inf

    mean = sum(sums) / total
    spread = sum((part - mean * size) ** 2 for part, size in zip(sums, sizes, strict=True))
    return sqrt(batches / (batches - 1) * spread) / total


def participants(hits: Sequence[float]) -> int:
    """Return how many batches have a part in something: the number of equal ones that would be as uneven.

    All of them where it never happened.
    """
    squares = sum(hit * hit for hit in hits)
    return round(sum(hits) ** 2 / squares) if squares else len(hits)


def worth(hits: Sequence[float], sizes: Sequence[float], level: float) -> float:
    """Return what a record is worth as evidence of a share, 0 to 1: that of an independent one is 1.

    `hits` of `sizes` records in each batch are of the kind that is counted; `level` is the probability of being wrong.
    It is 0 where nearly all are of one batch: what happened once says nothing of how often it happens.
    """
    if (batches := participants(hits)) < 2:
        return 0.0

    normal = NormalDist().inv_cdf(1 - level / 2)
    return (normal / student(1 - level / 2, batches - 1)) ** 2 / design_effect(hits, sizes)


def order_statistics(records: float, share: float, level: float) -> tuple[float, float]:
    """Return the shares of records between which the quantile `share` lies, but for the probability `level`.

    A bound of 0 or 1 says that there are too few records for one.
    """
    count = int(records)

    if count < 1:
        return 0.0, 1.0

    below = tail(count, 1 - share, level / 2)
    above = tail(count, share, level / 2)
    return max(0.0, above / count), min(1.0, (count - below) / count)


def tail(count: int, share: float, level: float) -> int:
    """Return the most of `count` that are of a kind of this share with a probability of at most `level`; or -1."""
    mean, variance = count * share, count * share * (1 - share)

    if variance > LARGE:
        return int(mean + NormalDist().inv_cdf(level) * sqrt(variance) - 0.5)

    passed = 0.0

    for number in range(count + 1):
        ways = lgamma(count + 1) - lgamma(number + 1) - lgamma(count - number + 1)
        passed += exp(ways + number * log(share) + (count - number) * log(1 - share))

        if passed > level:
            return number - 1

    return count


def share_bounds(hits: int, count: int, records: float, level: float) -> Bounds:
    """Return a share and its interval (Wilson), of `count` that are worth `records`."""
    share = hits / count if count else 0.0

    if not records:
        return Bounds(share, 0.0, 1.0)

    z = NormalDist().inv_cdf(1 - level / 2)
    middle = (share + z * z / (2 * records)) / (1 + z * z / records)
    half = z / (1 + z * z / records) * sqrt(share * (1 - share) / records + z * z / (4 * records * records))
    return Bounds(share, max(0.0, middle - half) if hits else 0.0, min(1.0, middle + half))


def ratio(before: Bounds, after: Bounds) -> Bounds:
    """Return how many times `before` is `after`, from 0 to infinity; both are positive."""
    down, up = (
        root(logarithm(after.value, after.low), logarithm(before.high, before.value)),
        root(logarithm(after.high, after.value), logarithm(before.value, before.low)),
    )
    times = after.value / before.value
    return Bounds(times, times * exp(-down), times * exp(up) if up < inf else inf)


def added(before: Bounds, after: Bounds) -> Bounds:
    """Return by how much `after` exceeds `before`."""
    more = after.value - before.value
    down = root(after.value - after.low, before.high - before.value)
    up = root(after.high - after.value, before.value - before.low)
    return Bounds(more, more - down, more + up)


def logarithm(above: float, below: float) -> float:
    """Return the logarithm of how many times `above` is `below`."""
    return log(above / below) if below > 0 and above < inf else inf


def root(one: float, other: float) -> float:
    return sqrt(one * one + other * other)
