"""Tar archives that somebody else has made, read from beginning to end in little memory, whatever they say."""

import bz2
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from hagworm.extend.base.archive.member import ArchiveLimits, Member, Meter, Names, Pieces
from hagworm.extend.error import BadArchive, LimitExceeded

__all__ = ("TarStream", "read_tar")

BLOCK = 512
PIECE = 1 << 16
LONGEST_HEADER = 1 << 16
MEMORY = 80 << 20
"""Of a decompressor, in bytes; the dictionary of xz -9 takes 65 MiB."""

PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)


def read_tar(file: IO[bytes], kind: str, limits: ArchiveLimits) -> Iterator[tuple[Member, Pieces]]:
    names, meter = Names(limits), Meter(limits)
    stream = TarStream(file, kind, meter.add)
    total = 0

    for header in stream.headers():
        name, is_folder = header.name.removeprefix("./").rstrip("/"), header.isdir()

        if is_folder and name in ("", "."):
            continue  # the folder itself

        name = names.check(name, is_folder=is_folder)

        if not is_folder and header.type not in PLAIN:
            raise BadArchive("files and folders only, no links and no devices", name)

        if (size := 0 if is_folder else header.size) < 0:
            raise BadArchive("files of 0 bytes or more", name)

        total += size
        meter.check_file(size, total)
        yield Member(name, size, is_folder, bool(header.mode & 0o100) and not is_folder), stream.pieces(size)


class TarStream:
    """The headers of an archive, and the bytes behind each, which have to be taken before the next header.

    `count(read, written)` is told what comes in and what comes out of it, and may raise.
    """

    __slots__ = ("chunks", "offset", "pending")

    def __init__(self, file: IO[bytes], kind: str, count: Callable[[int, int], None]) -> None:
        self.chunks = unpacked(file, kind, count)
        self.pending = b""
        self.offset = 0

    def headers(self) -> Iterator[tarfile.TarInfo]:
        """Iterate over the members. Raises `BadArchive`, `LimitExceeded`."""
        name: str | None = None
        size: int | None = None
        empty = 0

        while True:
            block = self.take(BLOCK)

            if not block and empty:
                return  # some write one empty block at the end instead of two

            if not block and not self.offset:
                raise BadArchive("a tar archive")

            if not any(block):
                if not block:
                    raise BadArchive("a tar archive with an end")

                empty += 1

                if empty == 2:
                    for _ in self.chunks:  # what is behind the end counts, and its checksum is looked at
                        pass

                    return

                continue

            header = self.parse(block)

            if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                name, size = self.extended(header, name, size)
            elif header.type == tarfile.XGLTYPE:
                self.content(header)
            elif header.type == tarfile.GNUTYPE_LONGNAME:
                name = self.content(header).partition(b"\0")[0].decode("utf-8", "surrogateescape")
            elif header.type == tarfile.GNUTYPE_LONGLINK:
                self.content(header)
            else:
                header.name = header.name if name is None else name
                header.size = header.size if size is None else size
                name = size = None
                empty = 0
                yield header

    def pieces(self, size: int) -> Iterator[bytes]:
        """Iterate over the `size` bytes behind a header, and go on to the next one."""
        padding = -size % BLOCK

        while size:
            piece = self.some(min(size, PIECE))
            size -= len(piece)
            yield piece

        if padding and len(self.take(padding)) != padding:
            raise BadArchive("a tar archive with an end")

    def parse(self, block: bytes) -> tarfile.TarInfo:
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError, OverflowError) as exc:
            raise BadArchive(f"a tar archive ({exc})") from exc

    def content(self, header: tarfile.TarInfo) -> bytes:
        """Return what an extended header holds."""
        if not 0 <= header.size <= LONGEST_HEADER:
            raise LimitExceeded(f"headers of at most {LONGEST_HEADER} bytes", header.size)

        return b"".join(self.pieces(header.size))

    def extended(self, header: tarfile.TarInfo, name: str | None, size: int | None) -> tuple[str | None, int | None]:
        """Return the name and the size that a pax header gives to the next member (POSIX.1-2001)."""
        content = self.content(header)

        while content:
            length, space, _ = content.partition(b" ")

            if not space or not length.isdigit() or not len(length) < 6 or not 3 < int(length) <= len(content):
                raise BadArchive("a tar archive with pax headers in order")

            record, content = content[len(length) + 1 : int(length)], content[int(length) :]
            key, _, value = record.rstrip(b"\n").partition(b"=")

            if key == b"path":
                name = value.decode("utf-8", "surrogateescape")
            elif key == b"size":
                if not value.isdigit() or len(value) > 20:
                    raise BadArchive("a tar archive with pax headers in order")

                size = int(value)
            elif key.startswith(b"GNU.sparse"):
                raise BadArchive("files without holes")

        return name, size

    def take(self, size: int) -> bytes:
        """Return `size` bytes; fewer only at the end."""
        parts = []

        while size and (self.pending or (chunk := next(self.chunks, b""))):
            self.pending = self.pending or chunk
            parts.append(self.pending[:size])
            size -= len(parts[-1])
            self.pending = self.pending[len(parts[-1]) :]

        taken = b"".join(parts)
        self.offset += len(taken)
        return taken

    def some(self, size: int) -> bytes:
        """Return at least one byte and at most `size`."""
        if not (piece := self.take(size)):
            raise BadArchive("a tar archive with an end")

        return piece


class Gunzip:
    """zlib's decompressor with the interface of the others."""

    __slots__ = ("needs_input", "reader")

    def __init__(self) -> None:
        self.reader = zlib.decompressobj(wbits=31)
        self.needs_input = True

    def decompress(self, data: bytes, most: int) -> bytes:
        piece = self.reader.decompress(self.reader.unconsumed_tail + data, most)
        # A full piece may not have been all that could be made of the bytes so far.
        self.needs_input = not self.reader.unconsumed_tail and len(piece) < most
        return piece

    @property
    def eof(self) -> bool:
        return self.reader.eof

    @property
    def unused_data(self) -> bytes:
        return self.reader.unused_data


READERS: dict[str, Callable[[], Any]] = {
    "tar.gz": Gunzip,
    "tar.bz2": bz2.BZ2Decompressor,
    "tar.xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY),
}


def unpacked(file: IO[bytes], kind: str, count: Callable[[int, int], None]) -> Iterator[bytes]:
    """Iterate over what a file holds, decompressed, at most 64 KiB at a time."""
    if (make := READERS.get(kind)) is None:
        while piece := file.read(PIECE):
            count(len(piece), len(piece))
            yield piece

        return

    reader: Any = None

    while chunk := file.read(PIECE):
        count(len(chunk), 0)

        while chunk or not (reader is None or reader.needs_input):
            reader = reader or make()

            try:
                piece, chunk = reader.decompress(chunk, PIECE), b""
            except (zlib.error, OSError, EOFError, lzma.LZMAError) as exc:
                raise BadArchive(f"a {kind} archive ({exc})") from exc

            if reader.eof:
                # Several compressed files behind each other are one, and zeros may fill it up.
                chunk, reader = reader.unused_data.lstrip(b"\0"), None

            if piece:
                count(0, len(piece))
                yield piece

    if reader is not None:
        raise BadArchive(f"a {kind} archive with an end")
