"""Which of the last samples of one server to go by (RFC 5905 10)."""

from collections import deque
from collections.abc import Callable
from math import sqrt

from hagworm.extend.ntp.sample import DRIFT, Sample

__all__ = ("STAGES", "SampleFilter")

STAGES = 8


class SampleFilter:
    """The last samples of one server: the best is the one that can be wrong by the least, mostly that of least delay.

    What a packet waits for on its way makes its delay larger and, where it waits in one direction only, its offset
    wrong by half of that; so the median of offsets, or the last one, is worse than the one that waited least. As a
    sample ages it may be wrong by more, and a newer one takes its place.

    Two samples that contradict each other, though both may be wrong by so much, mean that one of the two clocks has
    been set, or has stood still with the machine: the older ones are forgotten then.
    """

    __slots__ = ("contradictions", "drift", "samples")

    def __init__(self, *, stages: int = STAGES, drift: float = DRIFT) -> None:
        if stages < 1:
            raise ValueError(f"a filter keeps at least one sample, not {stages!r}")

        self.samples: deque[Sample] = deque(maxlen=stages)
        self.drift = drift
        self.contradictions = 0
        """How often a sample contradicted the one before it."""

    def __repr__(self) -> str:
        return f"<SampleFilter {len(self.samples)} of {self.samples.maxlen} samples>"

    def __len__(self) -> int:
        return len(self.samples)

    def add(self, sample: Sample) -> None:
        """Take a sample; it is later than those before it."""
        now_ns = sample.moment_ns

        if (best := self.best(now_ns)) is not None and abs(best.offset - sample.offset) > self.reach(
            best, now_ns
        ) + self.reach(sample, now_ns):
            self.contradictions += 1
            self.samples.clear()

        self.samples.append(sample)

    def best(self, now_ns: int) -> Sample | None:
        """Return the sample that may miss true time by the least at `now_ns`; None where there is none."""
        return min(self.samples, key=self.distance_at(now_ns), default=None)

    def jitter(self, now_ns: int) -> float:
        """Return by how much the offsets differ from the best one: the root of the mean of the squares, in seconds."""
        if (best := self.best(now_ns)) is None or len(self.samples) < 2:
            return 0.0

        return sqrt(sum((sample.offset - best.offset) ** 2 for sample in self.samples) / (len(self.samples) - 1))

    def clear(self) -> None:
        """Forget the samples."""
        self.samples.clear()

    def distance_at(self, now_ns: int) -> Callable[[Sample], float]:
        return lambda sample: sample.distance(now_ns, drift=self.drift)

    def reach(self, sample: Sample, now_ns: int) -> float:
        """How far from its offset the server's own clock may have been."""
        return sample.distance(now_ns, drift=self.drift) - sample.root_delay / 2 - sample.root_dispersion
