"""Timestamps of NTP: seconds since 1900 in 32 bits, which begin again in 2036, and a fraction in 32 (RFC 5905 6)."""

__all__ = ("ERA", "NANO", "UNIX_EPOCH", "from_unix_ns", "to_unix_ns")

UNIX_EPOCH = 2_208_988_800
"""Seconds from 1900, the beginning of era 0, to 1970."""

ERA = 1 << 32
"""Seconds of one era; era 1 begins on 7 February 2036 at 06:28:16."""

NANO = 1_000_000_000
HALF = 1 << 31


def to_unix_ns(stamp: int, near_ns: int) -> int:
    """Return the Unix time of a timestamp in nanoseconds, in the era that puts it within 68 years of `near_ns`."""
    seconds = (stamp >> 32) - UNIX_EPOCH
    seconds += ((near_ns // NANO - seconds + HALF) >> 32) << 32
    return seconds * NANO + (((stamp & 0xFFFF_FFFF) * NANO + HALF) >> 32)


def from_unix_ns(moment_ns: int) -> int:
    """Return the timestamp of a Unix time in nanoseconds, whichever era that is in."""
    seconds, rest = divmod(moment_ns, NANO)
    return ((seconds + UNIX_EPOCH) % ERA << 32) | ((rest << 32) + NANO // 2) // NANO
