"""Opening files that are compressed, in the standard library's formats and in Zstandard."""

import io
import os
from pathlib import Path
from typing import IO, Any, Literal, cast

from hagworm.extend.error import extra

__all__ = ("SUFFIXES", "Compression", "compression_of", "open_binary")

Compression = Literal["auto", "none", "gzip", "bz2", "lzma", "zstd"]
"""How a file is compressed; `auto` tells by its suffix."""

SUFFIXES: dict[str, Compression] = {
    ".gz": "gzip",
    ".bz2": "bz2",
    ".xz": "lzma",
    ".lzma": "lzma",
    ".zst": "zstd",
}


def compression_of(path: str | os.PathLike[str], compression: Compression = "none") -> Compression:
    """Return how a file is compressed. Raises ValueError for what is no compression."""
    if compression == "auto":
        return SUFFIXES.get(Path(path).suffix.lower(), "none")

    if compression not in ("none", "gzip", "bz2", "lzma", "zstd"):
        raise ValueError(
            f"a file is compressed by 'gzip', 'bz2', 'lzma', 'zstd', 'none' or 'auto', not {compression!r}"
        )

    return compression


def open_binary(path: Any, mode: str, compression: Compression) -> IO[bytes]:
    """Open a file of bytes. Blocks. Raises OSError, and `MissingExtra` for zstd where nothing can read it."""
    if compression == "gzip":
        import gzip

        return cast(IO[bytes], gzip.open(path, cast(Any, mode)))

    if compression == "bz2":
        import bz2

        return cast(IO[bytes], bz2.open(path, cast(Any, mode)))

    if compression == "lzma":
        import lzma

        return cast(IO[bytes], lzma.open(path, cast(Any, mode)))

    if compression == "zstd":
        return open_zstd(path, mode)

    return cast(IO[bytes], open(path, mode))


def open_zstd(path: Any, mode: str) -> IO[bytes]:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ImportError:
        with extra("compress"):
            import zstandard

        file: Any = zstandard.open(path, mode)
        return cast(IO[bytes], io.BufferedReader(file) if mode.startswith("r") else file)

    return cast(IO[bytes], zstd.open(path, mode))
