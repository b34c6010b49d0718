"""Times in constant memory: a log-linear histogram that says how far off it is.

Each octave (1 ms to 2 ms, say) is cut into equally wide cells, as HdrHistogram does (Gil Tene, hdrhistogram.org), so
that the width of a cell is a fixed part of the time it stands for. Histograms of one precision merge without loss,
whichever way the records were parted.
"""

import base64
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import frexp, inf, ldexp, sqrt
from typing import Any

__all__ = ("DIGITS", "HIGHEST", "LOWEST", "Distribution", "Histogram")

DIGITS = 3
LOWEST = 2.0**-30
"""About a nanosecond: what is shorter counts as this."""
HIGHEST = 2.0**20
"""About twelve days: what is longer counts as this."""

HEAD = struct.Struct("<BBdd")
VERSION = 1


@dataclass(frozen=True, slots=True)
class Distribution:
    """What a histogram held at one moment; times in seconds.

    `indices` are those of cells that hold something, ascending; `counts` belong to them. `lowest` and `highest` are
    exact; everything else is off by `error` at most.
    """

    digits: int = DIGITS
    indices: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    lowest: float = inf
    highest: float = 0.0

    def __repr__(self) -> str:
        if not self:
            return "<Distribution empty>"

        p50, p99 = self.percentiles(50, 99)
        return f"<Distribution {self.count} times, p50 {p50:.6g} s, p99 {p99:.6g} s, max {self.highest:.6g} s>"

    def __bool__(self) -> bool:
        return bool(self.indices)

    @property
    def count(self) -> int:
        """How many times were recorded."""
        return sum(self.counts)

    @property
    def error(self) -> float:
        """By which part of itself a percentile may be off: 0.0005 for three digits."""
        return 0.5 / (1 << bits_of(self.digits))

    @property
    def mean(self) -> float:
        """The mean, within `error`; 0 where nothing was recorded."""
        return sum(middle * count for middle, count in self.cells()) / self.count if self else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of what was recorded, from the middles of the cells."""
        if not self:
            return 0.0

        mean = self.mean
        spread: float = sum(count * (middle - mean) ** 2 for middle, count in self.cells()) / self.count
        return sqrt(spread)

    def cells(self) -> Iterator[tuple[float, int]]:
        """Yield the middle of each cell that holds something, and how much it holds; ascending."""
        bits = bits_of(self.digits)

        for index, count in zip(self.indices, self.counts, strict=True):
            low, high = edges(index, bits)
            yield min(max((low + high) / 2, self.lowest), self.highest), count

    def percentile(self, percent: float) -> float:
        """Return the time that `percent` of the records do not exceed (nearest rank), within `error`; 0 if empty."""
        return self.percentiles(percent)[0]

    def percentiles(self, *percents: float) -> tuple[float, ...]:
        """Return several percentiles; 100 is exact. Raises `ValueError` for one outside 0 to 100."""
        for percent in percents:
            if not 0 <= percent <= 100:
                raise ValueError(f"a percentile is between 0 and 100, not {percent!r}")

        total = self.count
        # By the number as it is written: 99.9 % of 1000 are 999, whatever 99.9 is in binary.
        ranks = {percent: max(1, -int(-total * Fraction(str(percent)) // 100)) for percent in percents}
        found = dict.fromkeys(percents, self.highest)
        waiting = sorted(percent for percent in found if percent < 100)
        passed = at = 0

        for middle, count in self.cells():
            passed += count

            while at < len(waiting) and ranks[waiting[at]] <= passed:
                found[waiting[at]] = middle
                at += 1

        return tuple(found[percent] for percent in percents)

    def share_above(self, seconds: float) -> float:
        """Return the part of the records that took longer than `seconds`, 0 to 1; a cell counts by its middle."""
        return sum(count for middle, count in self.cells() if middle > seconds) / self.count if self else 0.0

    def merge(self, *others: "Distribution") -> "Distribution":
        """Return all records of this and `others`; those that are more precise are rounded to the least precise."""
        parts = [part for part in (self, *others) if part]

        if len(parts) < 2:
            return parts[0] if parts else self

        digits = min(part.digits for part in parts)
        cells: defaultdict[int, int] = defaultdict(int)

        for part in parts:
            shift = bits_of(part.digits) - bits_of(digits)

            for index, count in zip(part.indices, part.counts, strict=True):
                cells[index >> shift] += count

        return frozen(digits, cells, min(part.lowest for part in parts), max(part.highest for part in parts))

    def coarser(self, digits: int) -> "Distribution":
        """Return the same records with fewer digits, as if they had been recorded so."""
        bits = bits_of(digits)
        shift = bits_of(self.digits) - bits

        if shift < 0:
            raise ValueError(f"{self.digits} digits cannot be made {digits}")

        cells: defaultdict[int, int] = defaultdict(int)

        for index, count in zip(self.indices, self.counts, strict=True):
            cells[index >> shift] += count

        return frozen(digits, cells, self.lowest, self.highest)

    def corrected(self, interval: float) -> "Distribution":
        """Return it with what was omitted: a record longer than `interval` stands for those that it kept from starting.

        The correction of HdrHistogram (`copyCorrectedForCoordinatedOmission`), for a closed model whose users start
        something each `interval` seconds.
        """
        histogram = Histogram(self.digits)
        histogram.merge(self)

        for middle, count in self.cells():
            for seconds, times in omitted(middle, interval, bits_of(self.digits)):
                histogram.record_many(seconds, times * count)

        return histogram.read()

    def to_bytes(self) -> bytes:
        """Return it in a few bytes for each cell: a head, then gaps and counts as variable-length numbers."""
        data = bytearray(HEAD.pack(VERSION, self.digits, self.lowest, self.highest))
        previous = first_index(self.digits)

        for index, count in zip(self.indices, self.counts, strict=True):
            write_number(data, index - previous)
            write_number(data, count)
            previous = index

        return bytes(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Distribution":
        """Return what `to_bytes` wrote. Raises `ValueError` for anything else."""
        if len(data) < HEAD.size or data[0] != VERSION:
            raise ValueError(f"not a histogram: {data[:24]!r}")

        _, digits, lowest, highest = HEAD.unpack_from(data)
        numbers = list(read_numbers(data[HEAD.size :]))

        if len(numbers) % 2:
            raise ValueError("not a histogram: a cell without a count")

        indices = []
        previous = first_index(digits)

        for gap in numbers[::2]:
            previous += gap
            indices.append(previous)

        return checked(cls(digits, tuple(indices), tuple(numbers[1::2]), lowest, highest))

    def to_json(self) -> dict[str, Any]:
        """Return it as values that JSON knows; `cells` are the bytes in base 64."""
        if not self:
            return {"digits": self.digits, "count": 0}

        p50, p90, p99 = self.percentiles(50, 90, 99)
        return {
            "digits": self.digits,
            "count": self.count,
            "lowest": self.lowest,
            "mean": self.mean,
            "p50": p50,
            "p90": p90,
            "p99": p99,
            "highest": self.highest,
            "cells": base64.b64encode(self.to_bytes()).decode("ascii"),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Distribution":
        """Return what `to_json` wrote; figures beside the cells are for readers. Raises `ValueError` otherwise."""
        try:
            if not value["count"]:
                bits_of(value["digits"])
                return cls(value["digits"])

            return cls.from_bytes(base64.b64decode(value["cells"], validate=True))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a histogram: {exc!r}") from exc


class Histogram:
    """Records times, in seconds; `digits` of them are significant (1 to 5).

    Memory is bounded by the cells there are between `LOWEST` and `HIGHEST`, whatever is recorded: 51 200 with three
    digits, of which a service's answers use a few hundred.
    """

    __slots__ = ("bits", "cells", "digits", "highest", "lowest", "scale")

    def __init__(self, digits: int = DIGITS) -> None:
        self.digits = digits
        self.bits = bits_of(digits)
        self.scale = float(2 << self.bits)
        self.cells: defaultdict[int, int] = defaultdict(int)
        self.lowest = inf
        self.highest = 0.0

    def __repr__(self) -> str:
        return repr(self.read()).replace("Distribution", "Histogram")

    def __bool__(self) -> bool:
        return bool(self.cells)

    @property
    def count(self) -> int:
        """How many times were recorded."""
        return sum(self.cells.values())

    def record(self, seconds: float) -> None:
        """Record one time. Raises `ValueError` for a negative one and for what is no number."""
        if not self.lowest <= seconds <= self.highest:
            seconds = self.widen(seconds)

        part, exponent = frexp(seconds)
        self.cells[(exponent << self.bits) + int(part * self.scale)] += 1

    def record_many(self, seconds: float, count: int) -> None:
        """Record one time `count` times; nothing where that is 0."""
        if count < 0:
            raise ValueError(f"a count of records is not negative: {count}")

        if count:
            if not self.lowest <= seconds <= self.highest:
                seconds = self.widen(seconds)

            self.cells[cell_of(seconds, self.bits)] += count

    def record_corrected(self, seconds: float, interval: float) -> None:
        """Record one time, and those of the starts that it held up, where one was to start each `interval` seconds."""
        self.record(seconds)

        for missed, count in omitted(seconds, interval, self.bits):
            self.record_many(missed, count)

    def merge(self, other: Distribution) -> None:
        """Add all records of `other`, of at least as many digits."""
        if not other:
            return

        shift = bits_of(other.digits) - self.bits

        if shift < 0:
            raise ValueError(f"{other.digits} digits cannot be made {self.digits}")

        for index, count in zip(other.indices, other.counts, strict=True):
            self.cells[index >> shift] += count

        self.lowest = min(self.lowest, other.lowest)
        self.highest = max(self.highest, other.highest)

    def read(self) -> Distribution:
        """Return what has been recorded so far."""
        return frozen(self.digits, self.cells, self.lowest, self.highest)

    def drain(self) -> Distribution:
        """Return what has been recorded, and begin anew."""
        found = self.read()
        self.clear()
        return found

    def clear(self) -> None:
        """Forget everything."""
        self.cells.clear()
        self.lowest, self.highest = inf, 0.0

    def widen(self, seconds: float) -> float:
        """Take in a time outside of what was seen so far; return it as it will be counted."""
        if not 0 <= seconds < inf:
            raise ValueError(f"a time is a number of seconds, not {seconds!r}")

        seconds = min(max(seconds, LOWEST), HIGHEST)
        self.lowest = min(self.lowest, seconds)
        self.highest = max(self.highest, seconds)
        return seconds


def bits_of(digits: int) -> int:
    """Return the cells of an octave as a power of two: the least that is not below 10 ** digits."""
    if digits not in (1, 2, 3, 4, 5):
        raise ValueError(f"a histogram has 1 to 5 significant digits, not {digits!r}")

    return int(10**digits - 1).bit_length()


def cell_of(seconds: float, bits: int) -> int:
    part, exponent = frexp(seconds)
    return (exponent << bits) + int(part * (2 << bits))


def edges(index: int, bits: int) -> tuple[float, float]:
    """Return where a cell begins and ends."""
    # The index of the first cell of an octave is one octave ahead, as `part` is never below one half.
    size = (1 << bits) + (index & ((1 << bits) - 1))
    exponent = (index >> bits) - 2 - bits
    return ldexp(size, exponent), ldexp(size + 1, exponent)


def first_index(digits: int) -> int:
    return cell_of(LOWEST, bits_of(digits))


def omitted(seconds: float, interval: float, bits: int) -> Iterator[tuple[float, int]]:
    """Yield `seconds` - 1, 2, 3 … intervals as long as that is not below one, those of one cell together."""
    if not interval > 0:
        raise ValueError(f"the expected interval is a positive number of seconds, not {interval!r}")

    left = int(seconds / interval) - 1
    step = 1

    while left > 0:
        missed = seconds - step * interval
        low, _ = edges(cell_of(max(missed, LOWEST), bits), bits)
        together = min(left, int((missed - low) / interval) + 1)
        yield max(missed, LOWEST), together
        step += together
        left -= together


def frozen(digits: int, cells: Mapping[int, int], lowest: float, highest: float) -> Distribution:
    indices = tuple(sorted(cells))
    return Distribution(digits, indices, tuple(cells[index] for index in indices), lowest, highest)


def checked(distribution: Distribution) -> Distribution:
    """Return it where it is one that could have been recorded. Raises `ValueError` otherwise."""
    bits = bits_of(distribution.digits)
    indices = distribution.indices

    if any(later <= earlier for earlier, later in zip(indices, indices[1:], strict=False)):
        raise ValueError("not a histogram: its cells are not in order")

    if indices and not (first_index(distribution.digits) <= indices[0] and indices[-1] <= cell_of(HIGHEST, bits)):
        raise ValueError("not a histogram: a cell outside of its range")

    if not all(distribution.counts) or bool(indices) != (distribution.lowest <= distribution.highest):
        raise ValueError("not a histogram: a cell that holds nothing, or none where there were records")

    return distribution


def write_number(data: bytearray, number: int) -> None:
    """Append a number, seven bits a byte, least significant first (LEB128)."""
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7

    data.append(number)


def read_numbers(data: Iterable[int]) -> Iterator[int]:
    number = shift = 0

    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7

        if byte < 0x80:
            yield number
            number = shift = 0

    if shift:
        raise ValueError("not a histogram: it is cut")
