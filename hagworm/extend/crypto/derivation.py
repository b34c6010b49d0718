"""Keys made from another one."""

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.base.digest import Data
from hagworm.extend.config.secret import Secret
from hagworm.extend.error import BadValue, KeyRefused

__all__ = ("derive_key", "key_bytes")

SHORTEST = 16
MOST = 255 * 32


def derive_key(secret: Data | Secret, purpose: Data, *, salt: bytes = b"", size: int = 32) -> bytes:
    """Return a key of `size` bytes for `purpose`, made from `secret` by HKDF with SHA-256 (RFC 5869).

    Keys for different purposes tell nothing of each other, nor of `secret`. That has to be a key of at least 16 bytes,
    not a password, which could be guessed: those are for `hash_password`. Raises `KeyRefused`.
    """
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    if not 1 <= size <= MOST:
        raise KeyRefused(f"expected a size of 1 to {MOST} bytes, not {size}")

    return HKDF(SHA256(), size, salt, to_bytes(purpose)).derive(key_bytes(secret))


def key_bytes(secret: Data | Secret, *, shortest: int = SHORTEST) -> bytes:
    """Return the bytes of a secret; raise `KeyRefused`, which does not show it, for fewer than `shortest`."""
    try:
        key = to_bytes(secret.reveal() if isinstance(secret, Secret) else secret)
    except BadValue:
        raise KeyRefused("expected a secret as bytes, or as text that UTF-8 can hold") from None

    if len(key) < shortest:
        raise KeyRefused(f"expected a secret of at least {shortest} byte{'s' * (shortest > 1)}, not {len(key)}")

    return key
