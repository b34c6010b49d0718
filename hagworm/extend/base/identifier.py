"""Identifiers that nobody has to hand out: random ones, and ones in the order of time.

None of them tells the machine, as UUIDs of version 1 do. Those in the order of time tell when they were made, and the
next one can be narrowed down: `new_token` is for what must not be guessed.
"""

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from hagworm.extend.base.radix import from_radix
from hagworm.extend.error import BadValue, ClockBehind

__all__ = (
    "NANOID_ALPHABET",
    "Snowflake",
    "SnowflakeParts",
    "TimedIds",
    "nanoid",
    "new_token",
    "ulid",
    "ulid_to_uuid",
    "uuid4",
    "uuid7",
    "uuid_time",
    "uuid_to_ulid",
)

NANOID_ALPHABET = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CROCKFORD_SET = frozenset(CROCKFORD)
# What people read instead of what is there.
CROCKFORD_READ = str.maketrans("IiLlOo", "111100")
PAIRS = [first + second for first in CROCKFORD for second in CROCKFORD]

NANOSECONDS = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MILLISECOND = (1 << 48) - 1


def uuid4(*, random: Callable[[int], bytes] = os.urandom) -> UUID:
    """Return a random UUID (RFC 9562, version 4): 122 bits of the system's randomness. `random(n)` gives n bytes."""
    bits = int.from_bytes(random(16), "big")
    return UUID(int=bits & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x4000 << 64 | 0x8000 << 48)


class TimedIds:
    """Makes identifiers each of which is greater than the one before, whatever the clock does.

    `clock` gives nanoseconds since 1970, `random(n)` n bytes. Threads may share it; what is made by two of them, or by
    two processes, differs by its random bits. Where the clock goes back or stands still, the time of the last one is
    counted on from.
    """

    __slots__ = ("clock", "lock", "pid", "random", "ticks", "ulid_last")

    def __init__(self, *, clock: Callable[[], int] = time.time_ns, random: Callable[[int], bytes] = os.urandom) -> None:
        self.clock = clock
        self.random = random
        self.lock = threading.Lock()
        self.pid = os.getpid()
        self.ticks = 0
        self.ulid_last = 0

    def __repr__(self) -> str:
        return f"<TimedIds up to {EPOCH + timedelta(milliseconds=self.ticks >> 12)}>"

    def uuid7(self) -> UUID:
        """Return a UUID in the order of time (RFC 9562, version 7).

        48 bits are the millisecond, 12 its fraction (section 6.2, method 3), so that up to four in a microsecond are in
        order without running ahead of the clock, and 62 are random.
        """
        milliseconds, rest = divmod(self.clock(), NANOSECONDS)
        ticks = milliseconds << 12 | (rest << 12) // NANOSECONDS

        with self.held():
            ticks = self.ticks = max(ticks, self.ticks + 1)

        if not 0 <= ticks >> 12 <= LAST_MILLISECOND:
            raise BadValue("a clock between 1970 and 10889", ticks >> 12)

        tail = int.from_bytes(self.random(8), "big") & 0x3FFFFFFFFFFFFFFF
        return UUID(int=ticks >> 12 << 80 | 0x7000 << 64 | (ticks & 0xFFF) << 64 | 2 << 62 | tail)

    def ulid(self) -> str:
        """Return a ULID: 26 characters that sort by time, 48 bits of milliseconds and 80 random ones.

        Within a millisecond the last one is counted up, as https://github.com/ulid/spec has it.
        """
        milliseconds = self.clock() // NANOSECONDS
        fresh = milliseconds << 80 | int.from_bytes(self.random(10), "big")

        with self.held():
            if milliseconds <= self.ulid_last >> 80:
                fresh = self.ulid_last + 1

            self.ulid_last = fresh

        if not 0 <= fresh >> 80 <= LAST_MILLISECOND:
            raise BadValue("a clock between 1970 and 10889", fresh >> 80)

        return ulid_text(fresh)

    def held(self) -> threading.Lock:
        # A lock that another thread held while this process was forked off is never released in it.
        if self.pid != (pid := os.getpid()):
            self.lock, self.pid = threading.Lock(), pid

        return self.lock


SHARED = TimedIds()


def uuid7() -> UUID:
    """Return a UUID in the order of time (RFC 9562, version 7), greater than each one that this process made before."""
    return SHARED.uuid7()


def ulid() -> str:
    """Return a ULID, 26 characters that sort by time, greater than each one that this process made before."""
    return SHARED.ulid()


def uuid_time(value: UUID) -> datetime:
    """Return when a UUID of version 7 was made, to the millisecond, in UTC. Raises `BadValue` for other versions."""
    if value.version != 7:
        raise BadValue("a UUID of version 7", str(value))

    return time_of(value.int >> 80, str(value))


def ulid_to_uuid(text: str) -> UUID:
    """Return the 128 bits of a ULID as a UUID. Raises `BadValue` for what is no ULID.

    Small letters, and the letters that are mistaken for digits, are read as the specification has it.
    """
    clean = text.translate(CROCKFORD_READ).upper()

    if len(clean) != 26 or not set(clean) <= CROCKFORD_SET or clean[0] > "7":
        raise BadValue("a ULID: 26 digits and letters, the first at most 7", text)

    return UUID(int=from_radix(clean, CROCKFORD))


def uuid_to_ulid(value: UUID) -> str:
    """Return the 128 bits of a UUID as a ULID; of one of version 7 it tells the same time."""
    return ulid_text(value.int)


def nanoid(size: int = 21, alphabet: str = NANOID_ALPHABET, *, random: Callable[[int], bytes] = os.urandom) -> str:
    """Return `size` random characters of `alphabet`, each as likely as the others; 21 of 64 are 126 bits.

    Raises `BadValue` for a size below 1, and for an alphabet that has not 2 to 256 different characters.
    """
    if size < 1:
        raise BadValue("a size of at least 1", size)

    if not 2 <= len(alphabet) <= 256 or len(set(alphabet)) != len(alphabet):
        raise BadValue("an alphabet of 2 to 256 different characters", alphabet)

    if len(alphabet) == 64:
        return "".join([alphabet[byte & 63] for byte in random(size)])

    # Bytes beyond the last whole multiple would make some characters likelier.
    end, step, chosen = 256 - 256 % len(alphabet), len(alphabet), ""

    while len(chosen) < size:
        chosen += "".join([alphabet[byte % step] for byte in random(size + size // 2 + 8) if byte < end])

    return chosen[:size]


def new_token(size: int = 32) -> str:
    """Return `size` bytes of the system's randomness as text for URLs: a key, a password, a session's name.

    Raises `BadValue` for fewer than 16 bytes, which could be guessed.
    """
    if size < 16:
        raise BadValue("a token of at least 16 bytes", size)

    from secrets import token_urlsafe

    return token_urlsafe(size)


class SnowflakeParts(NamedTuple):
    """What a number of `Snowflake` says."""

    moment: datetime
    node: int
    sequence: int


class Snowflake:
    """Makes numbers of 63 bits in the order of time: milliseconds since `epoch`, the node's number, a sequence.

    Every process needs a `node` of its own. `clock` gives nanoseconds since 1970. Where the clock goes back, or more
    numbers are wanted in a millisecond than there are, they are taken from the time to come, at most `ahead`
    milliseconds of it: beyond, `ClockBehind` is raised, which tells in how many seconds there are numbers again. So no
    number is ever given twice by one object. Threads may share it.

    Raises `BadValue` for a node that its bits cannot hold, and for more than 22 bits of node and sequence.
    """

    __slots__ = ("ahead", "clock", "epoch", "last", "lock", "node", "node_bits", "sequence_bits")

    def __init__(
        self,
        node: int,
        *,
        epoch: datetime = datetime(2020, 1, 1, tzinfo=UTC),
        node_bits: int = 10,
        sequence_bits: int = 12,
        ahead: int = 1000,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        if node_bits < 0 or sequence_bits < 1 or node_bits + sequence_bits > 22:
            raise BadValue("at most 22 bits of node and sequence", (node_bits, sequence_bits))

        if not 0 <= node < 1 << node_bits:
            raise BadValue(f"a node of 0 to {(1 << node_bits) - 1}", node)

        if epoch.tzinfo is None:
            raise BadValue("an epoch with a time zone", epoch)

        self.node = node
        self.epoch = epoch
        self.node_bits = node_bits
        self.sequence_bits = sequence_bits
        self.ahead = ahead
        self.clock = clock
        self.lock = threading.Lock()
        # Milliseconds and sequence in one number: one more than the last is the next.
        self.last = -1

    def __repr__(self) -> str:
        return f"<Snowflake node {self.node} since {self.epoch:%Y-%m-%d}>"

    def next_id(self) -> int:
        """Return the next number. Raises `ClockBehind`, and `BadValue` when the epoch's 41 bits are used up."""
        began = (self.epoch - EPOCH) // timedelta(milliseconds=1)
        now = self.clock() // NANOSECONDS - began

        with self.lock:
            fresh = max(now << self.sequence_bits, self.last + 1)
            moment = fresh >> self.sequence_bits

            if moment - now > self.ahead:
                raise ClockBehind(
                    f"{self!r}: the clock is {moment - now} ms behind its last number",
                    retry_after=(moment - now - self.ahead) / 1000,
                )

            if not 0 <= now or moment >> 63 - self.node_bits - self.sequence_bits:
                raise BadValue(f"a clock in the years after {self.epoch}, as 63 bits can hold", now)

            self.last = fresh

        sequence = fresh & (1 << self.sequence_bits) - 1
        return (moment << self.node_bits | self.node) << self.sequence_bits | sequence

    def parse(self, number: int) -> SnowflakeParts:
        """Return what a number of the same layout says. Raises `BadValue` for what is none."""
        if not 0 <= number < 1 << 63:
            raise BadValue("a number of 63 bits", number)

        rest, sequence = divmod(number, 1 << self.sequence_bits)
        milliseconds, node = divmod(rest, 1 << self.node_bits)
        return SnowflakeParts(self.epoch + timedelta(milliseconds=milliseconds), node, sequence)


def ulid_text(bits: int) -> str:
    """Return 128 bits in 26 digits of Crockford's 32: 10 bits at a time, which is twice as fast as 5."""
    return "".join([PAIRS[bits >> shift & 1023] for shift in range(120, -1, -10)])


def time_of(milliseconds: int, source: str) -> datetime:
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as exc:
        raise BadValue("a moment before the year 10000", source) from exc
