"""Bytes in fewer bytes."""

import zlib

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.error import BadEncoding, LimitExceeded

__all__ = ("decode_zlib", "encode_zlib")

Data = str | bytes | bytearray | memoryview


def encode_zlib(data: Data, *, level: int = -1) -> bytes:
    """Return bytes, or text in UTF-8, compressed (RFC 1950)."""
    return zlib.compress(to_bytes(data), level)


def decode_zlib(data: bytes, *, limit: int = 16 << 20) -> bytes:
    """Return what has been compressed. Raises `LimitExceeded` as soon as that is more than `limit` bytes, `BadEncoding`
    for what is no such thing, has no end, or is followed by something else.
    """
    reader = zlib.decompressobj()

    try:
        content = reader.decompress(data, limit + 1)
    except zlib.error as exc:
        raise BadEncoding("compressed bytes", data) from exc

    if len(content) > limit:
        raise LimitExceeded(f"compressed bytes that are at most {limit} when unpacked")

    if not reader.eof or reader.unused_data:
        raise BadEncoding("compressed bytes, whole and nothing else", data)

    return content
