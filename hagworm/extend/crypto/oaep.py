"""What everybody can encrypt and one can decrypt: RSA-OAEP, and an envelope for more than it holds."""

from typing import TYPE_CHECKING

from hagworm.extend.crypto.aead import AEAD
from hagworm.extend.crypto.key import PrivateKey, PublicKey
from hagworm.extend.error import DecryptFailed, KeyRefused, LimitExceeded

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import OAEP

__all__ = ("decrypt_rsa", "encrypt_rsa", "open_rsa", "seal_rsa")

VERSION = b"\x01"
DIGEST_SIZE = 32


def encrypt_rsa(key: PublicKey, data: bytes, label: bytes = b"") -> bytes:
    """Return `data` encrypted by RSAES-OAEP with SHA-256 (RFC 8017); 190 bytes go into a key of 2048 bits.

    Raises `LimitExceeded` for more: `seal_rsa` takes any length; `KeyRefused` for a key of another kind.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if not isinstance(key.raw, RSAPublicKey):
        raise KeyRefused(f"expected a key of RSA, not {key!r}")

    most = key.raw.key_size // 8 - 2 * DIGEST_SIZE - 2

    if len(data) > most:
        raise LimitExceeded(f"at most {most} bytes for this key")

    return key.raw.encrypt(data, oaep(label))


def decrypt_rsa(key: PrivateKey, sealed: bytes, label: bytes = b"") -> bytes:
    """Return what `encrypt_rsa` has encrypted; raise `DecryptFailed`, and `KeyRefused` for a key of another kind."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    if not isinstance(key.raw, RSAPrivateKey):
        raise KeyRefused(f"expected a key of RSA, not {key!r}")

    try:
        return key.raw.decrypt(sealed, oaep(label))
    except ValueError:
        raise DecryptFailed from None


def seal_rsa(key: PublicKey, data: bytes, associated: bytes = b"") -> bytes:
    """Return `data` of any length, encrypted under a key of its own (AES-256-GCM), which is encrypted by RSA-OAEP.

    `associated` is not in it, and must be the same where it is opened. Everybody can seal: who did it is not known.
    """
    from secrets import token_bytes

    secret = token_bytes(32)
    head = VERSION + encrypt_rsa(key, secret)
    return head + AEAD(secret).encrypt(data, head + associated)


def open_rsa(key: PrivateKey, sealed: bytes, associated: bytes = b"") -> bytes:
    """Return what `seal_rsa` has sealed; raise `DecryptFailed`, and `KeyRefused` for a key of another kind."""
    size = len(VERSION) + getattr(key.raw, "key_size", 0) // 8
    head, body = sealed[:size], sealed[size:]

    try:
        secret = decrypt_rsa(key, head[len(VERSION) :])

        if not head.startswith(VERSION) or len(secret) != 32:
            raise DecryptFailed

        return AEAD(secret).decrypt(body, head + associated)
    except DecryptFailed:
        raise DecryptFailed from None


def oaep(label: bytes) -> "OAEP":
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
    from cryptography.hazmat.primitives.hashes import SHA256

    return OAEP(MGF1(SHA256()), SHA256(), label or None)
