"""Files without blocking the loop: pieces, lines, whole files, and files that are kept."""

from hagworm.extend.asyncio.file.compression import Compression
from hagworm.extend.asyncio.file.loader import Fetched, FileLoader, LoaderStatistics
from hagworm.extend.asyncio.file.stream import AsyncFile, Lines, open_file
from hagworm.extend.asyncio.file.whole import read_file, replace_file, write_file

__all__ = (
    "AsyncFile",
    "Compression",
    "Fetched",
    "FileLoader",
    "Lines",
    "LoaderStatistics",
    "open_file",
    "read_file",
    "replace_file",
    "write_file",
)
