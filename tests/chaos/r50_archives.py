"""R50, archives: what is not safe is refused, nothing of it is left, and it takes little time and memory.

Every archive is unpacked into a folder of its own, beside a file that must stay as it is. `--long` makes more of those
that are made by chance.
"""

import gzip
import io
import os
import random
import stat
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from hagworm.extend.base.archive import ArchiveKind, create_archive, extract_archive
from hagworm.extend.error import BadArchive, LimitExceeded
from tests.chaos.bar import Bar, Trial, main, most_memory

PROMISE = "An archive that is not safe writes nothing, and takes at most 2 s of the processor and 100 MiB."

SECONDS, MEMORY = 2.0, 100 << 20
Make = Callable[[Path], None]

NAMES = [
    *(
        "../out",
        "../../out",
        "a/../../out",
        "/out",
        "//out",
        "/etc/cron.d/out",
        "..",
        ".",
        "a/..",
        "a/.",
        "a//b",
        "./../o",
    ),
    *("C:/out", "C:out", "\\\\host\\out", "..\\out", "a\\..\\..\\out", "con", "NUL.txt", "a/aux", "com1", "LPT9.log"),
    *("a\nb", "a\rb", "\x1b[31mred", "a\x7f", "a ", " a", "a.", "a/b /c", "x" * 256, "a/" * 40 + "b", "n/" + "y" * 300),
]
LINKS = {"hard link": tarfile.LNKTYPE, "link": tarfile.SYMTYPE, "character device": tarfile.CHRTYPE}
LINKS |= {"block device": tarfile.BLKTYPE, "pipe": tarfile.FIFOTYPE, "holes": tarfile.GNUTYPE_SPARSE, "unknown": b"Z"}
MODES = {"link": stat.S_IFLNK, "character device": stat.S_IFCHR, "block device": stat.S_IFBLK, "pipe": stat.S_IFIFO}
MODES |= {"socket": stat.S_IFSOCK}
CLASHES = [("a", "a"), ("a", "a/b"), ("a/b", "a"), ("README", "readme"), ("é", "e\u0301"), ("D/a", "d/b")]


def zip_entry(
    name: bytes, offset: int, packed: int, size: int, *, method: int = 8, crc: int = 0, flags: int = 0
) -> bytes:
    """Return an entry of the directory (APPNOTE 4.3.12)."""
    return (
        struct.pack(
            "<4s6H3L5H2L",
            b"PK\x01\x02",
            20,
            20,
            flags,
            method,
            0,
            33,
            crc,
            packed,
            size,
            len(name),
            0,
            0,
            0,
            0,
            0,
            offset,
        )
        + name
    )


def zip_local(name: bytes, packed: int, size: int, *, method: int = 8, crc: int = 0) -> bytes:
    """Return the head of a member (4.3.7)."""
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, method, 0, 33, crc, packed, size, len(name), 0) + name


def zip_end(count: int, length: int, offset: int) -> bytes:
    """Return the end of an archive (4.3.16)."""
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, length, offset, 0)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def tar_with(*headers: tuple[str, bytes]) -> Make:
    def make(path: Path) -> None:
        with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
            for name, kind in headers:
                header = tarfile.TarInfo(name)
                header.type, header.linkname = kind, "/etc/passwd"
                header.size = 4 if kind == tarfile.REGTYPE else 0
                archive.addfile(header, io.BytesIO(b"evil"))

    return make


def zip_with(*members: tuple[str, int]) -> Make:
    def make(path: Path) -> None:
        data, directory = bytearray(), bytearray()

        for name, mode in members:
            raw, content = name.encode("utf-8", "surrogateescape"), deflated(b"/etc/passwd")
            entry = bytearray(zip_entry(raw, len(data), len(content), 11, crc=zlib.crc32(b"/etc/passwd"), flags=0x800))
            entry[5] = 3  # made on Unix
            entry[38:42] = struct.pack("<L", (mode | 0o777) << 16)
            directory += entry
            data += zip_local(raw, len(content), 11, crc=zlib.crc32(b"/etc/passwd")) + content

        path.write_bytes(data + directory + zip_end(len(members), len(directory), len(data)))

    return make


def zip_bomb(path: Path) -> None:
    """1000 to 1."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(100):
            member.write(bytes(1 << 20))


def zip_overlap(path: Path) -> None:
    """Many entries that are all the same bytes (Fifield 2019)."""
    content = deflated(bytes(1 << 20))
    local = zip_local(b"a", len(content), 1 << 20, crc=zlib.crc32(bytes(1 << 20))) + content
    directory = b"".join(zip_entry(b"%d" % number, 0, len(content), 1 << 20) for number in range(2000))
    path.write_bytes(local + directory + zip_end(2000, len(directory), len(local)))


def zip_million(path: Path) -> None:
    """A million entries, and an end that tells of one."""
    entry = zip_entry(b"a", 0, 0, 0, method=0) * 10_000

    with path.open("wb") as file:
        for _ in range(100):
            file.write(entry)

        file.write(zip_end(1, 100 * len(entry), 0))


def zip64_million(path: Path) -> None:
    """A million entries of an archive of the large kind (4.3.14)."""
    entry = zip_entry(b"a", 0, 0, 0, method=0) * 10_000
    length = 100 * len(entry)

    with path.open("wb") as file:
        for _ in range(100):
            file.write(entry)

        file.write(struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 10**6, 10**6, length, 0))
        file.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, length, 1))
        file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def zip_claims(path: Path) -> None:
    """A member that is said to be 4 GiB."""
    content = deflated(b"x")
    local = zip_local(b"a", len(content), 0xFFFFFFFE) + content
    directory = zip_entry(b"a", 0, len(content), 0xFFFFFFFE)
    path.write_bytes(local + directory + zip_end(1, len(directory), len(local)))


def tar_bomb(kind: ArchiveKind) -> Make:
    def make(path: Path) -> None:
        if kind != "tar.gz":
            create_archive(path, {"zeros": bytes(20 << 20)}, kind=kind)
            return

        header = tarfile.TarInfo("zeros")
        header.size = 300 << 20

        with gzip.open(path, "wb", 9) as packed:
            packed.write(header.tobuf())

            for _ in range(300):
                packed.write(bytes(1 << 20))

    return make


def tar_million(path: Path) -> None:
    """A million empty files."""
    block = b"".join(tarfile.TarInfo(f"{number:06}").tobuf() for number in range(20_000))

    with gzip.open(path, "wb", 1) as packed:
        for _ in range(50):
            packed.write(block)


def tar_header_bomb(kind: bytes) -> Make:
    """A header for the next member that is a GiB long."""

    def make(path: Path) -> None:
        header = tarfile.TarInfo("x")
        header.type, header.size = kind, 1 << 30

        with gzip.open(path, "wb", 9) as packed:
            packed.write(header.tobuf())

            for _ in range(60):
                packed.write(bytes(1 << 20))

    return make


def noise(chance: random.Random, kind: ArchiveKind) -> Make:
    """A good archive, some bytes of which are others, or gone."""
    content = {f"{number}/{chance.random()}": chance.randbytes(chance.randrange(4000)) for number in range(5)}
    places = [chance.random() for _ in range(chance.randrange(1, 6))]
    cut = chance.random()

    def make(path: Path) -> None:
        create_archive(path, content, kind=kind)
        data = bytearray(path.read_bytes())

        for place in places:
            data[int(place * len(data))] ^= 1 << int(place * 8e6) % 8

        path.write_bytes(data[: int(cut * len(data)) + 1] if len(places) % 2 else data)

    return make


def cases() -> Iterator[tuple[str, Make]]:
    for name in NAMES:
        yield f"zip, name {name!r:.20}", zip_with(("fine", stat.S_IFREG), (name, stat.S_IFREG))
        yield f"tar, name {name!r:.20}", tar_with(("fine", tarfile.REGTYPE), (name, tarfile.REGTYPE))

    for word, kind in LINKS.items():
        yield f"tar, {word}", tar_with(("fine", tarfile.REGTYPE), ("link", kind), ("link/out", tarfile.REGTYPE))

    for word, mode in MODES.items():
        yield f"zip, {word}", zip_with(("fine", stat.S_IFREG), ("link", mode), ("link/out", stat.S_IFREG))

    for left, right in CLASHES:
        yield f"zip, {left} and {right}", zip_with((left, stat.S_IFREG), (right, stat.S_IFREG))
        yield f"tar, {left} and {right}", tar_with((left, tarfile.REGTYPE), (right, tarfile.REGTYPE))

    yield "zip, 1000 to 1", zip_bomb
    yield "zip, overlap", zip_overlap
    yield "zip, a million entries", zip_million
    yield "zip64, a million entries", zip64_million
    yield "zip, 4 GiB claimed", zip_claims
    yield "tar.gz, a million entries", tar_million

    for kind in ("tar.gz", "tar.bz2", "tar.xz"):
        yield f"{kind}, 1000 to 1", tar_bomb(kind)  # type: ignore[arg-type]  # these are kinds

    for header in (b"x", b"g", b"L", b"K"):
        yield f"tar, a header of a GiB, {header!r}", tar_header_bomb(header)


def run(bar: Bar) -> None:
    base = most_memory()

    for name, make in cases():
        with bar.trial(name) as trial:
            attack(trial, make, must_refuse=True)

    for number in range(2000 if bar.is_long else 30):
        kind: ArchiveKind = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")[number % 5]  # type: ignore[assignment]  # they are

        with bar.trial(f"{kind}, noise {number}") as trial:
            attack(trial, noise(bar.random, kind), must_refuse=False)

    with bar.trial("memory") as trial:
        used = most_memory()
        trial.note(used=used, before=base, archives=len(bar.trials) - 1)
        trial.expect(used <= MEMORY, f"at most {MEMORY >> 20} MiB, not {used >> 20}")
        trial.expect(len(bar.trials) > 120, "at least 120 archives")


def make_elsewhere(make: Make, path: Path) -> None:
    """Make an archive in a process of its own: what that takes is not what unpacking takes."""
    if (child := os.fork()) == 0:
        try:
            make(path)
        except BaseException:
            os._exit(1)

        os._exit(0)

    if os.waitpid(child, 0)[1]:
        raise RuntimeError(f"{path} could not be made")


def attack(trial: Trial, make: Make, *, must_refuse: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        (folder / "archive").mkdir()
        (folder / "out").write_bytes(b"untouched")
        path = folder / "archive" / "a"
        make_elsewhere(make, path)
        began = time.process_time()

        try:
            extract_archive(path, folder / "in" / "root")
        except (BadArchive, LimitExceeded) as exc:
            trial.note(refused=f"{type(exc).__name__}: {exc}"[:160])
            trial.expect(os.listdir(folder / "in") == [], "nothing is left of it")
        else:
            trial.expect(not must_refuse, "it is refused")
            root = folder / "in" / "root"
            trial.expect(not any(path.is_symlink() for path in root.rglob("*")), "no link")

        seconds = time.process_time() - began
        trial.note(seconds=round(seconds, 3))
        trial.expect(seconds <= SECONDS, f"at most {SECONDS:g} s, not {seconds:.2f}")
        trial.expect(sorted(os.listdir(folder)) == ["archive", "in", "out"], "nothing beside the folder")
        trial.expect((folder / "out").read_bytes() == b"untouched", "what was there is as it was")


if __name__ == "__main__":
    main(__file__, PROMISE, run)
