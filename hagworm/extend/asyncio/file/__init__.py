"""Files without blocking the loop: pieces, lines, whole files, and files that are kept."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.asyncio.file.compression import Compression as Compression
    from hagworm.extend.asyncio.file.loader import Fetched as Fetched
    from hagworm.extend.asyncio.file.loader import FileLoader as FileLoader
    from hagworm.extend.asyncio.file.loader import LoaderStatistics as LoaderStatistics
    from hagworm.extend.asyncio.file.stream import AsyncFile as AsyncFile
    from hagworm.extend.asyncio.file.stream import Lines as Lines
    from hagworm.extend.asyncio.file.stream import open_file as open_file
    from hagworm.extend.asyncio.file.whole import read_file as read_file
    from hagworm.extend.asyncio.file.whole import replace_file as replace_file
    from hagworm.extend.asyncio.file.whole import write_file as write_file

# Loaded on first use: who reads a file needs no FileLoader.
HOMES = {
    "AsyncFile": "stream",
    "Compression": "compression",
    "Fetched": "loader",
    "FileLoader": "loader",
    "Lines": "stream",
    "LoaderStatistics": "loader",
    "open_file": "stream",
    "read_file": "whole",
    "replace_file": "whole",
    "write_file": "whole",
}

__all__ = tuple(HOMES)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
