"""Encryption that notices every change: AES-256-GCM and ChaCha20-Poly1305."""

from typing import Any, Literal

from hagworm.extend.base.digest import Data
from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.derivation import key_bytes
from hagworm.extend.crypto.nonce import NONCE_SIZE, Nonces, RandomNonces
from hagworm.extend.error import DecryptFailed, KeyRefused, LimitExceeded

__all__ = ("AEAD", "OVERHEAD", "Algorithm")

Algorithm = Literal["aes-256-gcm", "chacha20-poly1305"]

KEY_SIZE, TAG_SIZE = 32, 16
OVERHEAD = NONCE_SIZE + TAG_SIZE
"""By how many bytes what is encrypted is longer."""
LONGEST = (1 << 31) - 1 - TAG_SIZE


class AEAD:
    """A key of 32 bytes that encrypts and decrypts, under nonces of its own.

    What is encrypted is the nonce, as many bytes as the data has, and a tag of 16 bytes (NIST SP 800-38D, RFC 8439).
    `nonces` are `RandomNonces()` if nothing else is said. Safe in any thread.
    """

    __slots__ = ("algorithm", "broken", "cipher", "nonces", "take")

    def __init__(
        self, key: bytes | Secret, algorithm: Algorithm = "aes-256-gcm", *, nonces: Nonces | None = None
    ) -> None:
        from cryptography.exceptions import InvalidTag

        self.cipher = new_cipher(key, algorithm)
        self.broken = (InvalidTag, OverflowError)
        self.algorithm = algorithm
        self.nonces = RandomNonces() if nonces is None else nonces
        self.take = self.nonces.take

    def __repr__(self) -> str:
        return f"<AEAD {self.algorithm} {self.nonces!r}>"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not pickled")

    def encrypt(self, data: bytes, associated: bytes = b"") -> bytes:
        """Return `data` encrypted; `associated` is not, and must be the same where it is decrypted.

        Raises `NoncesUsedUp`, and `LimitExceeded` for 2 GiB or more.
        """
        if len(data) > LONGEST:
            raise LimitExceeded(f"at most {LONGEST} bytes")

        nonce = self.take()
        sealed: bytes = self.cipher.encrypt(nonce, data, associated)
        return nonce + sealed

    def decrypt(self, sealed: bytes, associated: bytes = b"") -> bytes:
        """Return what has been encrypted; raise `DecryptFailed` for everything else, whatever is wrong with it."""
        if len(sealed) < OVERHEAD:
            raise DecryptFailed

        view = memoryview(sealed)

        try:
            data: bytes = self.cipher.decrypt(view[:NONCE_SIZE], view[NONCE_SIZE:], associated)
        except self.broken:
            raise DecryptFailed from None

        return data


def new_cipher(key: Data | Secret, algorithm: Algorithm) -> Any:
    """Return the cipher of `cryptography`; raise `KeyRefused`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

    secret = key_bytes(key, shortest=KEY_SIZE)

    if len(secret) != KEY_SIZE:
        raise KeyRefused(f"expected a key of {KEY_SIZE} bytes, not {len(secret)}")

    match algorithm:
        case "aes-256-gcm":
            return AESGCM(secret)
        case "chacha20-poly1305":
            return ChaCha20Poly1305(secret)
        case _:
            raise KeyRefused(f"expected 'aes-256-gcm' or 'chacha20-poly1305', not {algorithm!r}")
