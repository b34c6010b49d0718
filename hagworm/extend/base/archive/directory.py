"""The directory of a zip archive, looked at before anything is made of it."""

import struct
from typing import IO

from hagworm.extend.error import BadArchive, LimitExceeded

__all__ = ("count_entries",)

END = struct.Struct("<4s4H2LH")
LOCATOR = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
ENTRY = struct.Struct("<4s24x3H12x")
PIECE = 1 << 16
UNKNOWN = 0xFFFFFFFF


def count_entries(file: IO[bytes], most: int) -> int:
    """Return how many entries the directory has, by walking over it.

    The count that the archive gives is not asked, as nothing keeps it from lying. Raises `LimitExceeded` for more than
    `most`, `BadArchive` for what is no directory (PKWARE's APPNOTE, 4.3).
    """
    size = file.seek(0, 2)
    place, end = find_end(file, size)
    _, disk, start_disk, _, _, length, offset, _ = end

    if disk or start_disk:
        raise BadArchive("a zip archive in one file")

    if place >= LOCATOR.size:
        length, place = zip64_end(file, place, length)

    if (begin := place - length) < 0:
        raise BadArchive("a zip archive whose directory is as long as it says")

    count = 0

    while begin < place:
        file.seek(begin)
        piece = file.read(min(PIECE * 4, place - begin))
        position = 0

        while position + ENTRY.size <= len(piece):
            sign, name, more, comment = ENTRY.unpack_from(piece, position)

            if sign != b"PK\x01\x02":
                raise BadArchive("a zip archive with a whole directory")

            if (following := position + ENTRY.size + name + more + comment) > len(piece):
                break

            position, count = following, count + 1

            if count > most:
                raise LimitExceeded(f"an archive of at most {most} members")

        if not position:
            raise BadArchive("a zip archive with a whole directory")

        begin += position

    return count


def find_end(file: IO[bytes], size: int) -> tuple[int, tuple[int, ...]]:
    """Return where the record of the end stands, and what it says; a comment of up to 64 KiB may follow it."""
    begin = max(0, size - END.size - 0xFFFF)
    file.seek(begin)
    tail = file.read(size - begin)
    position = tail.rfind(b"PK\x05\x06", 0, len(tail) - END.size + 4)

    if position < 0:
        raise BadArchive("a zip archive")

    return begin + position, END.unpack_from(tail, position)


def zip64_end(file: IO[bytes], place: int, length: int) -> tuple[int, int]:
    """Return the directory's length, and where it ends, of an archive that may be a large one."""
    file.seek(place - LOCATOR.size)
    sign, _, _, disks = LOCATOR.unpack(file.read(LOCATOR.size))

    if sign != b"PK\x06\x07":
        return length, place

    before = place - LOCATOR.size - END64.size

    if disks > 1 or before < 0:
        raise BadArchive("a zip archive in one file")

    file.seek(before)
    end = END64.unpack(file.read(END64.size))

    if end[0] != b"PK\x06\x06":
        return length, place

    return (end[8] if length == UNKNOWN else length), before
