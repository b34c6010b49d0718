"""Files without blocking the loop: pieces, lines, whole files, and files that are kept."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, HOMES)
