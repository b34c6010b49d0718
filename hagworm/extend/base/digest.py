"""Digests of text and bytes."""

import hashlib
import hmac
import os
import zlib
from collections.abc import Callable, Iterable
from typing import IO, Any

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.error import BadValue

__all__ = (
    "Data",
    "blake2b",
    "crc32",
    "file_digest",
    "hmac_sha256",
    "is_same",
    "legacy_md5",
    "legacy_sha1",
    "sha256",
    "sha512",
    "stable_hash64",
)

Data = str | bytes | bytearray | memoryview
"""Bytes, or text, which is digested as UTF-8."""

CHUNK = 1 << 18


def sha256(data: Data) -> str:
    """Return the SHA-256 (FIPS 180-4) of `data`, in 64 hexadecimal digits."""
    return hashlib.sha256(to_bytes(data)).hexdigest()


def sha512(data: Data) -> str:
    """Return the SHA-512 (FIPS 180-4) of `data`, in 128 hexadecimal digits."""
    return hashlib.sha512(to_bytes(data)).hexdigest()


def blake2b(data: Data, *, size: int = 32, key: Data = b"", person: bytes = b"") -> str:
    """Return the BLAKE2b (RFC 7693) of `data`, of `size` bytes, in hexadecimal digits.

    With `key` it is an authentication code. `person`, of at most 16 bytes, keeps digests for different purposes apart.
    Raises `BadValue` for a size that is not 1 to 64, a key of more than 64 bytes, a `person` of more than 16.
    """
    try:
        return hashlib.blake2b(to_bytes(data), digest_size=size, key=to_bytes(key), person=person).hexdigest()
    except (ValueError, OverflowError) as exc:
        raise BadValue("a size of 1 to 64 bytes, a key of at most 64, a person of at most 16") from exc


def hmac_sha256(key: Data, data: Data) -> str:
    """Return the HMAC-SHA-256 (RFC 2104) of `data` under `key`, in 64 hexadecimal digits; compare it by `is_same`."""
    return hmac.digest(to_bytes(key), to_bytes(data), "sha256").hex()


def is_same(left: Data, right: Data) -> bool:
    """Whether both are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(to_bytes(left), to_bytes(right))


def crc32(data: Data, start: int = 0) -> int:
    """Return the CRC-32 (ISO 3309) of `data`, 0 to 2**32 - 1; `start` is that of what came before.

    It finds accidents, not intentions.
    """
    return zlib.crc32(to_bytes(data), start)


def stable_hash64(*parts: Data | int) -> int:
    """Return a number of 64 bits for `parts` that is the same in every process, on every machine and in every version.

    `("ab", "c")` and `("a", "bc")` have different ones, as have `1`, `"1"` and `b"1"`. For shards, buckets and names of
    files; nobody who may choose the parts is kept from finding two that share a number.
    """
    state = hashlib.blake2b(digest_size=8)

    for part in parts:
        if isinstance(part, int):
            tag, data = b"i", b"%d" % part
        elif isinstance(part, str):
            tag, data = b"s", part.encode("utf-8", "surrogatepass")
        else:
            tag, data = b"b", bytes(part)

        state.update(b"%b%d:" % (tag, len(data)))
        state.update(data)

    return int.from_bytes(state.digest(), "big")


def file_digest(
    file: str | os.PathLike[str] | IO[bytes],
    algorithm: str = "sha256",
    *,
    progress: Callable[[int], object] | None = None,
) -> str:
    """Return the digest of a file's bytes from where it stands, in hexadecimal digits, in constant memory; it blocks.

    `progress` is called with the number of bytes after each piece of 256 KiB; what it raises ends the reading. Raises
    OSError, and `BadValue` for an algorithm that hashlib does not know.
    """
    try:
        state = hashlib.new(algorithm)
    except (ValueError, TypeError) as exc:
        raise BadValue("the name of a digest, 'sha256' for example", algorithm) from exc

    if isinstance(file, str | os.PathLike):
        with open(file, "rb", buffering=0) as opened:
            return digest_pieces(state, opened, progress)

    return digest_pieces(state, file, progress)


def legacy_md5(data: Data) -> str:
    """Return the MD5 of `data`, in 32 hexadecimal digits, for who still asks for it: broken since 2004."""
    return hashlib.md5(to_bytes(data), usedforsecurity=False).hexdigest()


def legacy_sha1(data: Data) -> str:
    """Return the SHA-1 of `data`, in 40 hexadecimal digits, for who still asks for it: broken since 2017."""
    return hashlib.sha1(to_bytes(data), usedforsecurity=False).hexdigest()


def digest_pieces(state: Any, file: Any, progress: Callable[[int], object] | None) -> str:
    pieces: Iterable[bytes] = iter(lambda: file.read(CHUNK), b"")
    total = 0

    for piece in pieces:
        state.update(piece)
        total += len(piece)

        if progress is not None:
            progress(total)

    return str(state.hexdigest())
