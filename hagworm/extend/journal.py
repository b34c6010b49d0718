"""The records of a journal: items in the order of their numbers, and marks that say how far they have been settled."""

from dataclasses import dataclass
from struct import Struct
from zlib import crc32

__all__ = ("HEADER_BYTES", "Damaged", "Scan", "encode_header", "encode_item", "encode_mark", "scan")

MAGIC = b"HWJ1"
MARK = 0x8000_0000
LONGEST = MARK - 1

HEADER = Struct(">4sQQI")
HEADER_BYTES = HEADER.size
RECORD = Struct(">II")
NUMBER = Struct(">Q")


class Damaged(ValueError):
    """It does not begin like a segment of a journal, or its first bytes are missing."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a segment holds, as far as it can be trusted."""

    first: int
    """The number of its first item."""
    settled: int
    """Every item below this number has been dealt with, as far as this segment knows."""
    items: list[bytes]
    end: int
    """How many bytes of it are whole."""
    is_torn: bool
    """Whether something follows that is not a whole record."""


def encode_header(first: int, settled: int) -> bytes:
    """Return the beginning of a segment whose first item has the number `first`."""
    start = HEADER.pack(MAGIC, first, settled, 0)[:-4]
    return start + crc32(start).to_bytes(4, "big")


def encode_item(number: int, payload: bytes) -> bytes:
    """Return the record of an item. Raises ValueError for a payload of 2 GiB or more.

    The number is part of the checksum and not of the record: a record of another place is no record here.
    """
    if len(payload) > LONGEST:
        raise ValueError(f"an item of {len(payload)} bytes does not fit into a record")

    return RECORD.pack(len(payload), crc32(payload, crc32(NUMBER.pack(number)))) + payload


def encode_mark(settled: int) -> bytes:
    """Return the record that says that every item below the number `settled` has been dealt with."""
    payload = NUMBER.pack(settled)
    return RECORD.pack(MARK | len(payload), crc32(payload, MARK)) + payload


def scan(data: bytes) -> Scan:
    """Read a segment up to its end, or to the first record that is not whole. Raises `Damaged`."""
    if len(data) < HEADER_BYTES:
        raise Damaged("the header is incomplete")

    magic, first, settled, checksum = HEADER.unpack_from(data)

    if magic != MAGIC or checksum != crc32(data[: HEADER_BYTES - 4]):
        raise Damaged("this is not the header of a segment")

    items: list[bytes] = []
    position = HEADER_BYTES

    while position + RECORD.size <= len(data):
        kind, checksum = RECORD.unpack_from(data, position)
        start = position + RECORD.size
        end = start + (kind & LONGEST)
        payload = data[start:end]
        seed = MARK if kind & MARK else crc32(NUMBER.pack(first + len(items)))

        if end > len(data) or crc32(payload, seed) != checksum or (kind & MARK and len(payload) != NUMBER.size):
            break

        if kind & MARK:
            settled = max(settled, NUMBER.unpack(payload)[0])
        else:
            items.append(payload)

        position = end

    return Scan(first, settled, items, position, position < len(data))
