"""Archives packed and unpacked in threads, while the event loop does other things."""

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import IO

from hagworm.extend.asyncio.future.bridge import check_cancelled
from hagworm.extend.asyncio.future.pool import shared_pool
from hagworm.extend.base import archive
from hagworm.extend.base.archive import ArchiveKind, ArchiveLimits, Member
from hagworm.extend.base.archive.member import LIMITS

__all__ = ("create_archive", "extract_archive")

Progress = Callable[[int], object]


async def create_archive(
    target: str | os.PathLike[str],
    content: "str | os.PathLike[str] | Mapping[str, bytes | os.PathLike[str]]",
    *,
    kind: ArchiveKind | None = None,
    progress: Progress | None = None,
) -> list[Member]:
    """Pack a folder, or bytes and files by their names, as `hagworm.extend.base.archive.create_archive` does.

    `progress` is called on the loop. A cancellation ends the packing after the next 64 KiB, waits for that, and leaves
    `target` as it was.
    """
    tell = watched(progress)
    return await shared_pool().run_patiently(archive.create_archive, target, content, kind=kind, progress=tell)


async def extract_archive(
    source: str | os.PathLike[str] | IO[bytes],
    folder: str | os.PathLike[str],
    *,
    kind: ArchiveKind | None = None,
    limits: ArchiveLimits = LIMITS,
    progress: Progress | None = None,
) -> list[Member]:
    """Unpack all of an archive into a new or empty folder, or nothing, with the checks and errors of the plain twin.

    `progress` is called on the loop. A cancellation ends the unpacking after the next 64 KiB, waits for that, and
    leaves nothing behind.
    """
    tell = watched(progress)
    return await shared_pool().run_patiently(
        archive.extract_archive, source, folder, kind=kind, limits=limits, progress=tell
    )


def watched(progress: Progress | None) -> Progress:
    """Return what is called in the thread: it ends the work that nobody waits for, and tells the loop."""
    loop = asyncio.get_running_loop()

    def tell(count: int) -> None:
        check_cancelled()

        if progress is not None:
            loop.call_soon_threadsafe(progress, count)

    return tell
