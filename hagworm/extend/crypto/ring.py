"""Keys that follow each other: the first one encrypts, all of them decrypt."""

import time
from collections.abc import Callable
from typing import Any

from hagworm.extend.base.codec.letters import decode_base64, encode_base64
from hagworm.extend.base.convert import to_bytes
from hagworm.extend.base.digest import Data
from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.aead import AEAD, OVERHEAD, Algorithm
from hagworm.extend.crypto.derivation import derive_key, key_bytes
from hagworm.extend.error import BadEncoding, BadValue, DecryptFailed, KeyRefused, TokenExpired, TokenRefused

__all__ = ("KeyRing", "new_key")

VERSION = b"\x01"
ID_SIZE, TIME_SIZE = 8, 8
HEADER = len(VERSION) + ID_SIZE + TIME_SIZE
EARLY = 60.0
"""How many seconds the clocks of those who share keys may differ by."""


def new_key() -> str:
    """Return a new key for `KeyRing`, as text: 32 random bytes."""
    from secrets import token_urlsafe

    return token_urlsafe(32)


class KeyRing:
    """Secrets of which the first, the current one, encrypts, and all of which decrypt.

    To rotate put a new one (`new_key()`) in front, and take an old one away when nothing of it is in use any more
    (`needs_rotation`, `rotate`). What is encrypted for one `purpose` is not decrypted for another, nor under another
    `algorithm`: both are part of the keys, which are made from the secrets by HKDF.

    A token is a version (1 byte), the key's id (8), the time in milliseconds since 1970 (8), a nonce (12), the data
    encrypted, and a tag (16); all of it is authenticated. A token that has been changed or cut, that is another key's
    or none at all is one and the same `DecryptFailed`. `clock` returns seconds since 1970. Safe in any thread.
    """

    __slots__ = ("algorithm", "clock", "current", "keys", "prefix", "purpose")

    def __init__(
        self,
        current: Data | Secret,
        *older: Data | Secret,
        purpose: str = "",
        algorithm: Algorithm = "aes-256-gcm",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.purpose = purpose
        self.algorithm = algorithm
        self.clock = clock
        use = f"hagworm ring 1 {algorithm} {purpose}"
        self.keys: dict[bytes, AEAD] = {}

        for secret in (current, *older):
            key = key_bytes(secret, shortest=32)
            name = derive_key(key, f"id {use}", size=ID_SIZE)

            if name in self.keys:
                raise KeyRefused("expected every secret of a ring once")

            self.keys[name] = AEAD(derive_key(key, f"key {use}"), algorithm)

        self.prefix, self.current = next((VERSION + name, key) for name, key in self.keys.items())

    def __repr__(self) -> str:
        names = ", ".join(name.hex() for name in self.keys)
        return f"<KeyRing {self.algorithm} {self.purpose!r}: {names}>"

    def __reduce__(self) -> Any:
        raise TypeError("keys are not pickled")

    def encrypt(self, data: Data, associated: bytes = b"") -> bytes:
        """Return a token of `data`, or of text in UTF-8; `associated` is not in it, and must be the same later.

        Raises `NoncesUsedUp` and `LimitExceeded` as `AEAD.encrypt` does.
        """
        header = self.prefix + round(self.clock() * 1000).to_bytes(TIME_SIZE, "big")
        return header + self.current.encrypt(to_bytes(data), header + associated)

    def decrypt(self, token: bytes, associated: bytes = b"", *, max_age: float | None = None) -> bytes:
        """Return the data of a token. Raises `DecryptFailed`.

        With `max_age`, in seconds, raises `TokenExpired` for one that is older, and `TokenRefused` for one that is to
        be made only in more than a minute.
        """
        if max_age is not None and not max_age >= 0:
            raise BadValue("an age in seconds, 0 or more", max_age)

        data = self.unlock(token, associated)

        if max_age is not None:
            age = self.clock() - time_of(token)

            if age > max_age:
                raise TokenExpired

            if age < -EARLY:
                raise TokenRefused("the token is from the future", "time")

        return data

    def encrypt_text(self, data: Data, associated: bytes = b"") -> str:
        """Return a token as `encrypt` does, as text for URLs and cookies (base64)."""
        return encode_base64(self.encrypt(data, associated))

    def decrypt_text(self, token: str, associated: bytes = b"", *, max_age: float | None = None) -> bytes:
        """Return the data of a token as text, as `decrypt` does; each token has one text only."""
        return self.decrypt(bytes_of(token), associated, max_age=max_age)

    def made_at(self, token: bytes, associated: bytes = b"") -> float:
        """Return when a token was made, in seconds since 1970. Raises `DecryptFailed`."""
        self.unlock(token, associated)
        return time_of(token)

    def needs_rotation(self, token: bytes) -> bool:
        """Whether a token says that it is of another key than the current one; it is not decrypted."""
        return token[: len(self.prefix)] != self.prefix

    def rotate(self, token: bytes, associated: bytes = b"") -> bytes:
        """Return a token of the same data and the same time under the current key. Raises `DecryptFailed`."""
        data = self.unlock(token, associated)
        header = self.prefix + token[HEADER - TIME_SIZE : HEADER]
        return header + self.current.encrypt(data, header + associated)

    def unlock(self, token: bytes, associated: bytes) -> bytes:
        key = self.keys.get(token[len(VERSION) : len(VERSION) + ID_SIZE])

        if key is None or not token.startswith(VERSION) or len(token) < HEADER + OVERHEAD:
            raise DecryptFailed

        return key.decrypt(token[HEADER:], token[:HEADER] + associated)


def time_of(token: bytes) -> float:
    return int.from_bytes(token[HEADER - TIME_SIZE : HEADER], "big") / 1000


def bytes_of(token: str) -> bytes:
    if "=" in token:
        raise DecryptFailed

    try:
        return decode_base64(token)
    except BadEncoding:
        raise DecryptFailed from None
