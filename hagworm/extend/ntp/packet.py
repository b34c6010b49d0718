"""The packet of NTP, 48 bytes and what may follow them (RFC 5905 7.3)."""

from struct import Struct
from typing import NamedTuple

from hagworm.extend.error import NTPReplyError

__all__ = ("CLIENT", "LONGEST", "ORIGIN", "SERVER", "SIZE", "UNSYNCHRONISED", "Packet", "build_request")

FORM = Struct("!BBbbII4sQQQQ")
SIZE = FORM.size
LONGEST = 1024
"""No packet with extension fields is longer; what is, is not looked at."""

ORIGIN = slice(24, 32)
"""Where a reply repeats what the request had as its transmit timestamp."""

CLIENT = 3
SERVER = 4
UNSYNCHRONISED = 3
"""The leap indicator of a server that does not know the time."""


class Packet(NamedTuple):
    """The fields as they are on the wire; timestamps are 64 bits, see `to_unix_ns`.

    Reading costs no more than taking the bytes apart: what has to be computed is a property.
    """

    flags: int
    """Leap indicator (2 bits), version (3), mode (3)."""
    stratum: int
    poll: int = 0
    """Exponent of 2, in seconds."""
    precision: int = 0
    """Exponent of 2, in seconds: how finely the server's clock can be read."""
    root_delay_raw: int = 0
    root_dispersion_raw: int = 0
    reference_id: bytes = bytes(4)
    reference: int = 0
    origin: int = 0
    receive: int = 0
    transmit: int = 0

    @classmethod
    def parse(cls, data: bytes) -> "Packet":
        """Read a packet; extension fields and authentication behind the 48 bytes are left alone.

        Raises `NTPReplyError` where it is too short, too long, or not made of whole words.
        """
        size = len(data)

        if size != SIZE and (size < SIZE or size > LONGEST or size & 3):
            raise NTPReplyError(f"an NTP packet has {SIZE} to {LONGEST} bytes in whole words of 4, not {size}")

        return tuple.__new__(cls, FORM.unpack_from(data))

    def build(self) -> bytes:
        """Return the 48 bytes."""
        return FORM.pack(*self)

    @property
    def leap(self) -> int:
        """1: the last minute of the day has 61 seconds, 2: 59 seconds, 3: the server is not synchronised."""
        return self.flags >> 6

    @property
    def version(self) -> int:
        return self.flags >> 3 & 7

    @property
    def mode(self) -> int:
        return self.flags & 7

    @property
    def root_delay(self) -> float:
        """Seconds for the way to the reference clock and back."""
        return self.root_delay_raw / 65536

    @property
    def root_dispersion(self) -> float:
        """Seconds by which the server may be wrong, besides the delay."""
        return self.root_dispersion_raw / 65536

    @property
    def kiss(self) -> str:
        """The four letters by which a server of stratum 0 says why it does not tell the time; empty for others."""
        if self.stratum:
            return ""

        return "".join(chr(byte) if 32 < byte < 127 else "?" for byte in self.reference_id.rstrip(b"\0"))


def build_request(nonce: int, *, version: int = 4) -> bytes:
    """Return the question of a client, which tells nothing of its clock.

    `nonce`, 64 random bits and not 0, stands where the time of sending could: the reply must repeat it, and who has not
    seen the request cannot guess it (draft-ietf-ntp-data-minimization).
    """
    if not 0 < nonce < 1 << 64:
        raise ValueError(f"a nonce has 64 bits and is not 0, unlike {nonce!r}")

    if version not in (3, 4):
        raise ValueError(f"a version of NTP is 3 or 4, not {version!r}")

    return Packet(flags=version << 3 | CLIENT, stratum=0, transmit=nonce).build()
