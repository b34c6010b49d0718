"""Who of several clocks tells the truth, and what the truth is (RFC 5905 11.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

__all__ = ("Candidate", "Selection", "cluster", "combine", "enclose", "intersect", "select")

KEPT = 3
"""How many survivors are always kept: NMIN of the RFC."""

NEAREST = 1e-9
"""No distance is taken to be smaller, in seconds."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one server says: true time is at `offset`, give or take `distance`, both in seconds."""

    server: str
    offset: float
    distance: float
    jitter: float = 0.0
    stratum: int = 1
    leap: int = 0

    @property
    def low(self) -> float:
        return self.offset - self.distance

    @property
    def high(self) -> float:
        return self.offset + self.distance


@dataclass(frozen=True, slots=True)
class Selection:
    """What the majority says: true time is at `offset`, give or take `error`, in seconds.

    `error` holds as long as a quorum of the servers tells the truth, also where others lie in ways that nobody can see.
    """

    offset: float
    error: float
    jitter: float
    survivors: tuple[Candidate, ...]
    """Who has a say in `offset`, the best first."""
    outliers: tuple[Candidate, ...] = ()
    """Who tells the truth, but worse than the survivors."""
    liars: tuple[Candidate, ...] = ()
    """Whom the majority contradicts: falsetickers."""
    leap: int = 0
    """What most of the survivors say of the last minute of the day: 0 nothing, 1 it has 61 seconds, 2 59."""


def select(candidates: Sequence[Candidate], *, quorum: int = 1, total: int | None = None) -> Selection | None:
    """Return what the majority of the candidates says, None where there is none.

    More than half of the candidates, and at least `quorum`, must agree with each other. `total` is how many servers
    there are, with those that say nothing now; the candidates unless given. The error supposes that no more of them lie
    than a quorum leaves over; where the quorum is less than half, that less than half of the candidates do.
    """
    count = len(candidates)
    total = count if total is None else total

    if quorum < 1 or total < count:
        raise ValueError(f"a quorum is at least one server, of no fewer than candidates: {quorum!r}, {total!r}")

    tolerated = total - quorum if 2 * quorum > total else (count - 1) // 2

    if (found := intersect(candidates)) is None:
        return None

    low, high = found
    honest = [candidate for candidate in candidates if candidate.low <= high and candidate.high >= low]
    liars = tuple(candidate for candidate in candidates if not (candidate.low <= high and candidate.high >= low))

    if len(honest) < quorum or (span := enclose(candidates, max(1, count - tolerated))) is None:
        return None

    # Who says nothing wrong, but thinks something else more likely than all the others do, has no say.
    central = [candidate for candidate in honest if low <= candidate.offset <= high] or honest
    survivors, outliers = cluster(central)
    outliers += tuple(candidate for candidate in honest if candidate not in central)
    offset, jitter = combine(survivors)
    offset = min(max(offset, low), high)
    leaps = [candidate.leap for candidate in survivors]
    leap = next((kind for kind in (1, 2) if leaps.count(kind) * 2 > len(leaps)), 0)
    return Selection(offset, max(span[1] - offset, offset - span[0]), jitter, survivors, outliers, liars, leap)


def intersect(candidates: Sequence[Candidate]) -> tuple[float, float] | None:
    """Return the interval that the largest majority thinks possible, None where no majority has one in common.

    That is the algorithm of Marzullo. RFC 5905 11.2.1 also wants the offsets of that majority to lie inside; a server
    that has been asked a while ago, or over a slow way, would count as a liar then although it says nothing wrong.
    """
    count = len(candidates)
    found = (enclose(candidates, honest) for honest in range(count, count // 2, -1))
    return next((span for span in found if span is not None), None)


def enclose(candidates: Sequence[Candidate], honest: int) -> tuple[float, float] | None:
    """Return the interval in which true time is, if at least `honest` candidates tell the truth, whoever they are.

    From the first moment to the last one that so many of them think possible; None where there is no such moment.
    """
    edges = sorted([(candidate.low, 0) for candidate in candidates] + [(candidate.high, 1) for candidate in candidates])
    covering = 0
    low = high = None

    for edge, is_end in edges:
        if is_end:
            if covering >= honest:
                high = edge

            covering -= 1
        else:
            covering += 1

            if low is None and covering >= honest:
                low = edge

    return None if low is None or high is None else (low, high)


def cluster(honest: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], tuple[Candidate, ...]]:
    """Return who is to have a say, the best first, and who is left out as an outlier (RFC 5905 11.2.2).

    While more than three are left, the one whose offset differs most from the others is dropped, until its absence
    would make nothing better: the best of the samples of each differ among themselves by more.
    """
    left = sorted(honest, key=lambda candidate: (candidate.stratum, candidate.distance, candidate.server))
    outliers = []

    while len(left) > KEPT:
        spreads = [(spread(candidate, left), candidate.distance, index) for index, candidate in enumerate(left)]
        worst, _, index = max(spreads)

        if worst <= min(candidate.jitter for candidate in left):
            break

        outliers.append(left.pop(index))

    return tuple(left), tuple(outliers)


def combine(survivors: Sequence[Candidate]) -> tuple[float, float]:
    """Return the offset, weighed by how little each may be wrong, and the jitter of it (RFC 5905 11.2.3)."""
    weights = [1 / max(candidate.distance, NEAREST) for candidate in survivors]
    total = sum(weights)
    offset = sum(weight * candidate.offset for weight, candidate in zip(weights, survivors, strict=True)) / total
    jitter = sqrt(
        sum(weight * (candidate.offset - offset) ** 2 for weight, candidate in zip(weights, survivors, strict=True))
        / total
    )
    return offset, jitter


def spread(candidate: Candidate, all_of_them: Sequence[Candidate]) -> float:
    others = len(all_of_them) - 1
    return sqrt(sum((candidate.offset - other.offset) ** 2 for other in all_of_them) / others)
