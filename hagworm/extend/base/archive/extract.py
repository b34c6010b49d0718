"""Archives unpacked: all of them or nothing."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO

from hagworm.extend.base.archive.member import LIMITS, ArchiveKind, ArchiveLimits, Member, Pieces, kind_of_bytes

__all__ = (
    "extract_archive",
    "list_archive",
)

Source = str | os.PathLike[str] | IO[bytes]


def list_archive(source: Source, *, kind: ArchiveKind | None = None, limits: ArchiveLimits = LIMITS) -> list[Member]:
    """Return what is in an archive, by the checks with which it would be unpacked; it blocks, and writes nothing.

    `kind` is told by the first bytes where it is not given. Raises as `extract_archive` does.
    """
    members = []

    with open_source(source) as file:
        for member, pieces in read_members(file, kind, limits):
            members.append(member)
            exhaust(pieces)

    return members


def extract_archive(
    source: Source,
    folder: str | os.PathLike[str],
    *,
    kind: ArchiveKind | None = None,
    limits: ArchiveLimits = LIMITS,
    progress: Callable[[int], object] | None = None,
) -> list[Member]:
    """Unpack an archive into `folder`, which must not be there yet or be empty, and return what was in it; it blocks.

    It is written into a new folder beside it, which takes its name at the end: when something is wrong, nothing is
    left. Files belong to this process and have its usual permissions; of what the archive says, only whether they can
    be executed is kept. `progress` is called with the number of bytes after each 64 KiB; what it raises ends the
    unpacking.

    Raises `BadArchive`, `LimitExceeded` and OSError (FileExistsError where something is in the folder).
    """
    import shutil
    import tempfile

    target = Path(folder)

    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise FileExistsError(f"{os.fspath(target)!r} is there, and is no empty folder")

    target.parent.mkdir(parents=True, exist_ok=True)
    # Nobody else can put a link into a folder that is new and only ours.
    staged = Path(tempfile.mkdtemp(prefix=f".{target.name[:100]}.", dir=target.parent))

    try:
        with open_source(source) as file:
            members = write_members(read_members(file, kind, limits), staged, progress or no_progress)

        staged.chmod(0o777 & ~current_umask(staged))
        staged.replace(target)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise

    return members


def read_members(file: IO[bytes], kind: ArchiveKind | None, limits: ArchiveLimits) -> Iterator[tuple[Member, Pieces]]:
    """Iterate over the members and their bytes, which have to be taken before the next one."""
    start = file.tell()
    head = file.read(512)
    file.seek(start)
    kind = kind or kind_of_bytes(head)

    if kind == "zip":
        from hagworm.extend.base.archive.unzip import read_zip

        return read_zip(file, limits)

    from hagworm.extend.base.archive.untar import read_tar

    return read_tar(file, kind, limits)


def write_members(
    members: Iterable[tuple[Member, Pieces]], folder: Path, progress: Callable[[int], object]
) -> list[Member]:
    written, total = [], 0

    for member, pieces in members:
        path = folder / member.name
        (path if member.is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        written.append(member)

        if member.is_folder:
            exhaust(pieces)
            continue

        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

        with open(os.open(path, flags, 0o777 if member.is_executable else 0o666), "wb", buffering=0) as file:
            for piece in pieces:
                file.write(piece)
                total += len(piece)
                progress(total)

    return written


def open_source(source: Source) -> AbstractContextManager[IO[bytes]]:
    """Return the file that an archive is read from; one that was opened by somebody else is not closed here."""
    return open(source, "rb") if isinstance(source, str | os.PathLike) else nullcontext(source)


def exhaust(pieces: Pieces) -> None:
    for _ in pieces:
        pass


def no_progress(total: int) -> None:
    """Tell nobody."""


def current_umask(folder: Path) -> int:
    """Return the umask, which can only be asked for by setting it, from a file that is made."""
    probe = folder / ".umask"
    os.close(os.open(probe, os.O_CREAT | os.O_EXCL, 0o777))
    mode = stat.S_IMODE(probe.stat().st_mode)
    probe.unlink()
    return 0o777 & ~mode
