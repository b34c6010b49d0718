"""What one exchange of packets tells about two clocks (RFC 5905 8)."""

from typing import NamedTuple

from hagworm.extend.error import KissOfDeath, NTPReplyError
from hagworm.extend.ntp.packet import SERVER, UNSYNCHRONISED, Packet
from hagworm.extend.ntp.timestamp import NANO, to_unix_ns

__all__ = ("DRIFT", "Sample", "check_reply", "measure")

DRIFT = 15e-6
"""By how much a clock that nobody corrects may run wrong, in seconds per second: PHI of the RFC."""

PRECISION = 1e-6
"""How finely our own clock tells when a packet has come, in seconds."""

EXPECTED = frozenset(version << 3 | SERVER for version in (3, 4))
"""Version and mode of an answer."""

MAX_STRATUM = 16
MAX_DISTANCE = 16.0
"""Half the delay and the dispersion of a server that is of any use, in seconds: MAXDISP of the RFC."""


class Sample(NamedTuple):
    """One measurement: add `offset` seconds to the local clock, and it shows the server's time.

    The server's own clock was at `offset` give or take `delay / 2 + dispersion` when the sample was taken; true time is
    at `offset` give or take `distance(moment_ns)`, if the server tells the truth about itself.
    """

    offset: float
    delay: float
    """Seconds for the way to the server and back."""
    dispersion: float
    """Seconds by which the two clocks could be read wrongly."""
    moment_ns: int
    """When the reply came, by the local clock, in nanoseconds."""
    root_delay: float = 0.0
    root_dispersion: float = 0.0
    stratum: int = 1
    leap: int = 0
    reference_id: bytes = bytes(4)

    def distance(self, now_ns: int, *, drift: float = DRIFT) -> float:
        """Return by how many seconds `offset` may miss true time at `now_ns`; it grows as the sample ages."""
        age = max(0, now_ns - self.moment_ns) / NANO
        return (self.root_delay + self.delay) / 2 + self.root_dispersion + self.dispersion + drift * age


def check_reply(packet: Packet, nonce: int) -> None:
    """Say whether a reply to the request with that `nonce` may be believed, by raising where it may not.

    Raises `NTPReplyError` for the wrong mode, version, origin, for a server that is not synchronised (leap indicator 3,
    stratum 16 and more, no time) or contradicts itself; `KissOfDeath` for stratum 0. The origin comes before the kiss:
    who has not seen the request cannot send us away.
    """
    if packet.flags & 0x3F not in EXPECTED:
        if packet.mode != SERVER:
            raise NTPReplyError(f"a server's mode is {SERVER}, not {packet.mode}")

        raise NTPReplyError(f"a version of NTP is 3 or 4, not {packet.version}")

    if packet.origin != nonce or not nonce:
        raise NTPReplyError("it does not answer what was asked: the origin timestamp is not the one of the request")

    if packet.stratum == 0:
        raise KissOfDeath(packet.kiss, float(2**packet.poll) if 0 < packet.poll <= 17 else None)

    if packet.flags >> 6 == UNSYNCHRONISED:
        raise NTPReplyError("the server is not synchronised: its leap indicator is 3")

    if packet.stratum >= MAX_STRATUM:
        raise NTPReplyError(f"the server is not synchronised: stratum {packet.stratum}")

    if not packet.receive or not packet.transmit:
        raise NTPReplyError("the server does not say when the request came, or when it answered")

    if packet.root_delay_raw / 2 + packet.root_dispersion_raw >= MAX_DISTANCE * 65536:
        raise NTPReplyError(
            f"the server is too far from a reference clock: root delay {packet.root_delay:.3f} s, "
            f"root dispersion {packet.root_dispersion:.3f} s"
        )


def measure(packet: Packet, sent_ns: int, came_ns: int, *, drift: float = DRIFT) -> Sample:
    """Return what a reply tells that has passed `check_reply`.

    `sent_ns` and `came_ns` are when the request left and the reply came, by a local clock that nobody sets meanwhile;
    Unix time in nanoseconds, right to 68 years. Raises `NTPReplyError` where the server has answered before it was
    asked, or has taken longer than the whole exchange.
    """
    receive_ns = to_unix_ns(packet.receive, came_ns)
    transmit_ns = to_unix_ns(packet.transmit, came_ns)
    served_ns = transmit_ns - receive_ns
    waited_ns = came_ns - sent_ns

    if served_ns < 0:
        raise NTPReplyError(f"the server has answered {-served_ns / NANO:.9f} s before it was asked")

    precision = max(PRECISION, 2.0 ** max(-32, min(0, packet.precision)))
    dispersion = precision + PRECISION + drift * waited_ns / NANO
    delay = (waited_ns - served_ns) / NANO

    if delay < -dispersion:
        raise NTPReplyError(f"the server says it took {served_ns / NANO:.6f} s, of {waited_ns / NANO:.6f} s in all")

    return Sample(
        offset=((receive_ns - sent_ns) + (transmit_ns - came_ns)) / (2 * NANO),
        delay=max(delay, 0.0),
        dispersion=dispersion,
        moment_ns=came_ns,
        root_delay=packet.root_delay,
        root_dispersion=packet.root_dispersion,
        stratum=packet.stratum,
        leap=packet.leap,
        reference_id=packet.reference_id,
    )
