"""Zip archives that somebody else has made."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

from hagworm.extend.base.archive.directory import count_entries
from hagworm.extend.base.archive.member import ArchiveLimits, Member, Meter, Names, Pieces
from hagworm.extend.error import BadArchive, BadValue

__all__ = ("read_zip",)

PIECE = 1 << 16


def read_zip(file: IO[bytes], limits: ArchiveLimits) -> Iterator[tuple[Member, Pieces]]:
    try:
        # Before anything is made of them: a million entries take minutes and a GiB.
        counted = count_entries(file, limits.max_files)
        archive = zipfile.ZipFile(file)
        entries = archive.infolist()
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, UnicodeError) as exc:
        if isinstance(exc, BadValue):
            raise

        raise BadArchive(f"a zip archive ({exc})") from exc

    if counted != len(entries):
        raise BadArchive("a zip archive with one directory", f"{counted} and {len(entries)} entries")

    members = check_zip(entries, limits)

    for entry, member in zip(entries, members, strict=True):
        yield member, zip_pieces(archive, entry)


def check_zip(entries: Iterable[Any], limits: ArchiveLimits) -> list[Member]:
    """Return the members, when everything that the directory says about them is in order."""
    names, meter = Names(limits), Meter(limits)
    members, ranges = [], []
    total = 0

    for entry in entries:
        mode = entry.external_attr >> 16 if entry.create_system == 3 else 0
        is_folder = entry.filename.endswith("/")
        name = names.check(entry.filename.removesuffix("/"), is_folder=is_folder)

        # zipfile cuts names at NUL and turns the system's separator: what it shows is then not what is written there.
        if entry.orig_filename != entry.filename:
            raise BadArchive("members with names of files below a folder", entry.orig_filename)

        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR) or (stat.S_ISDIR(mode) and not is_folder):
            raise BadArchive("files and folders only, no links and no devices", name)

        if entry.flag_bits & 0x41:
            raise BadArchive("members that are not encrypted", name)

        if entry.compress_type not in (0, 8):  # stored and deflated: others may take any amount of memory
            raise BadArchive("members that are stored or deflated", name)

        total += entry.file_size
        meter.check_file(entry.file_size, total)
        meter.add(entry.compress_size, entry.file_size)
        ranges.append((entry.header_offset, entry.header_offset + 30 + entry.compress_size, name))
        members.append(Member(name, entry.file_size, is_folder, bool(mode & 0o100) and not is_folder))

    ranges.sort()

    for (_, end, _), (begin, _, name) in zip(ranges, ranges[1:], strict=False):
        if begin < end:
            raise BadArchive("members that do not overlap", name)

    return members


def zip_pieces(archive: Any, entry: Any) -> Pieces:
    size = 0

    try:
        with archive.open(entry) as packed:
            while piece := packed.read(PIECE):
                size += len(piece)

                if size > entry.file_size:
                    raise BadArchive("members that are as long as the directory says", entry.filename)

                yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as exc:
        raise BadArchive(f"a zip archive ({exc})", entry.filename) from exc

    if size != entry.file_size:
        raise BadArchive("members that are as long as the directory says", entry.filename)
