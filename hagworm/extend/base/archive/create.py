"""Archives made: the same bytes for the same files."""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any, cast

from hagworm.extend.base.archive.member import ArchiveKind, ArchiveLimits, Member, Names, Pieces, kind_of_name
from hagworm.extend.base.replacement import replacement
from hagworm.extend.error import BadArchive, BadValue

__all__ = ("create_archive",)

PIECE = 1 << 16


def create_archive(
    target: str | os.PathLike[str],
    content: "str | os.PathLike[str] | Mapping[str, bytes | os.PathLike[str]]",
    *,
    kind: ArchiveKind | None = None,
    progress: Callable[[int], object] | None = None,
) -> list[Member]:
    """Pack a folder, or the bytes and files of a mapping by their names, into the file `target`; it blocks.

    The same content gives the same bytes: members are in order of their names, without owner or time. Whoever reads
    `target` sees the old file or the new one, never a part. The kind is told by its suffix where it is not given.
    Returns what was packed. Raises `BadValue` for names that could not be unpacked, for links and devices in the
    folder, and for a suffix that tells nothing; OSError.
    """
    kind = kind or kind_of_name(os.fspath(target))
    sources = dict(sorted(content.items() if isinstance(content, Mapping) else files_below(Path(content))))
    seen = Names(ArchiveLimits(max_files=len(sources) + 1))

    for name in sources:
        try:
            seen.check(name.rstrip("/"), is_folder=name.endswith("/"))
        except BadArchive as exc:
            raise BadValue(f"a name that can be unpacked ({exc})", name) from exc

    # Beside the target, and in its place only when it is whole.
    with replacement(target) as file:
        return (write_zip if kind == "zip" else write_tar)(file, sources, kind, progress or no_progress)


def write_zip(
    file: IO[bytes], sources: Mapping[str, Any], kind: str, progress: Callable[[int], object]
) -> list[Member]:
    import zipfile

    members, total = [], 0

    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, source in sources.items():
            member = member_of(name, source)
            entry = zipfile.ZipInfo(f"{member.name}/" if member.is_folder else member.name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = (mode_of(member) << 16) | (0x10 if member.is_folder else 0)
            entry.compress_type = zipfile.ZIP_STORED if member.is_folder else zipfile.ZIP_DEFLATED
            entry.file_size = member.size  # from which it is decided whether this is zip64

            with archive.open(entry, "w") as packed:
                for piece in pieces_of(member, source):
                    packed.write(piece)
                    total += len(piece)
                    progress(total)

            members.append(member)

    return members


def write_tar(
    file: IO[bytes], sources: Mapping[str, Any], kind: str, progress: Callable[[int], object]
) -> list[Member]:
    import io
    import tarfile

    members, total = [], 0

    with compressed(file, kind) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, source in sources.items():
            member = member_of(name, source)
            header = tarfile.TarInfo(member.name)
            header.type = tarfile.DIRTYPE if member.is_folder else tarfile.REGTYPE
            header.size, header.mode = member.size, stat.S_IMODE(mode_of(member))

            if isinstance(source, bytes):
                archive.addfile(header, io.BytesIO(source))
            elif member.is_folder:
                archive.addfile(header)
            else:
                with open(source, "rb") as content:
                    archive.addfile(header, content)

            members.append(member)
            total += member.size
            progress(total)

    return members


def member_of(name: str, source: Any) -> Member:
    if isinstance(source, bytes):
        return Member(name.rstrip("/"), len(source), name.endswith("/"))

    info = os.lstat(source)

    if stat.S_ISDIR(info.st_mode):
        return Member(name.rstrip("/"), 0, True)

    if not stat.S_ISREG(info.st_mode):
        raise BadValue("files and folders, no links and no devices", os.fspath(source))

    return Member(name, info.st_size, False, bool(info.st_mode & 0o100))


def mode_of(member: Member) -> int:
    if member.is_folder:
        return stat.S_IFDIR | 0o755

    return stat.S_IFREG | (0o755 if member.is_executable else 0o644)


def pieces_of(member: Member, source: Any) -> Pieces:
    if isinstance(source, bytes):
        yield source
    elif not member.is_folder:
        with open(source, "rb", buffering=0) as file:
            while piece := file.read(PIECE):
                yield piece


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    if not folder.is_dir():
        raise NotADirectoryError(f"{os.fspath(folder)!r} is no folder")

    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            is_folder = name in folders and not path.is_symlink()
            yield path.relative_to(folder).as_posix() + "/" * is_folder, path


def compressed(file: IO[bytes], kind: str) -> AbstractContextManager[IO[bytes]]:
    """Return a file whose bytes are compressed into `file`, always the same for the same."""
    import bz2
    import gzip
    import lzma

    if kind == "tar.gz":
        return cast(AbstractContextManager[IO[bytes]], gzip.GzipFile("", "wb", fileobj=file, mtime=0))

    if kind == "tar.bz2":
        return cast(AbstractContextManager[IO[bytes]], bz2.BZ2File(file, "wb"))

    if kind == "tar.xz":
        return cast(AbstractContextManager[IO[bytes]], lzma.LZMAFile(file, "wb"))

    return nullcontext(file)


def no_progress(total: int) -> None:
    """Tell nobody."""
