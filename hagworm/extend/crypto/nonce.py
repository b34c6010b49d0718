"""Numbers that are used once: what an AEAD needs besides its key."""

import os
from collections.abc import Callable
from itertools import count
from typing import Protocol

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.error import BadValue, NoncesUsedUp

__all__ = ("NONCE_SIZE", "CounterNonces", "Nonces", "RandomNonces")

NONCE_SIZE = 12


class Nonces(Protocol):
    """Where nonces come from."""

    def take(self) -> bytes:
        """Return 12 bytes that no other call under the same key gets; raise `NoncesUsedUp`. Safe in any thread."""


class RandomNonces:
    """Nonces of 96 random bits: any number of processes may share a key.

    With 2**32 of them under one key the chance that two are the same is below 2**-32 (NIST SP 800-38D section 8.3).
    `limit` counts those of this object: where several processes share a key, divide it among them.
    """

    __slots__ = ("limit", "numbers", "random")

    def __init__(self, limit: int = 1 << 32, *, random: Callable[[int], bytes] = os.urandom) -> None:
        if not 1 <= limit <= 1 << 32:
            raise BadValue("a limit of 1 to 2**32 nonces", limit)

        self.limit = limit
        self.random = random
        self.numbers = count()

    def __repr__(self) -> str:
        return f"<RandomNonces at most {self.limit}>"

    def take(self) -> bytes:
        """Return 12 random bytes; raise `NoncesUsedUp` after `limit` of them."""
        if next(self.numbers) >= self.limit:
            raise NoncesUsedUp(f"{self.limit} nonces are as many as a key may have: rotate it")

        return self.random(NONCE_SIZE)


class CounterNonces:
    """Nonces of a prefix, which nobody else may have under the same key, and a number that goes up from `start`.

    For a key that lives as long as this object, or for who keeps `start` on disk: a number that comes back breaks the
    key. A process that was forked gets none, since its parent goes on counting.
    """

    __slots__ = ("numbers", "pid", "prefix", "size")

    def __init__(self, prefix: bytes | str, *, start: int = 0) -> None:
        self.prefix = to_bytes(prefix)
        self.size = NONCE_SIZE - len(self.prefix)

        if not 4 <= self.size <= 11:
            raise BadValue("a prefix of 1 to 8 bytes", prefix)

        if not 0 <= start < 1 << 8 * self.size:
            raise BadValue(f"a start of 0 to 2**{8 * self.size} - 1", start)

        self.numbers = count(start)
        self.pid = os.getpid()

    def __repr__(self) -> str:
        return f"<CounterNonces {self.prefix.hex()}, {8 * self.size} bits>"

    def take(self) -> bytes:
        """Return the next 12 bytes; raise `NoncesUsedUp` when the number is full, and in a process that was forked."""
        if os.getpid() != self.pid:
            raise NoncesUsedUp("a counter of nonces does not come along into a fork: make one with another prefix")

        try:
            return self.prefix + next(self.numbers).to_bytes(self.size, "big")
        except OverflowError:
            raise NoncesUsedUp(f"all nonces after {self.prefix.hex()} are used: rotate the key") from None
