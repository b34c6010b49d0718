"""Passwords as they are kept: by Argon2id, or by scrypt where that is not to be had."""

import re
from dataclasses import dataclass
from functools import cache
from hmac import compare_digest
from typing import Literal
from unicodedata import normalize

from hagworm.extend.base.codec.letters import decode_base64, encode_base64
from hagworm.extend.config.secret import Secret
from hagworm.extend.error import BadEncoding, BadValue, LimitExceeded

__all__ = ("PasswordHasher",)

Scheme = Literal["argon2id", "scrypt"]

LONGEST = 1024
SALT_SIZE, HASH_SIZE = 16, 32
KIB = 1024

MOST_LANES = 16

PHC = re.compile(
    r"\$(?:argon2id\$v=19\$m=(?P<memory>[1-9][0-9]{0,9}),t=(?P<passes>[1-9][0-9]{0,9}),p=(?P<lanes>[1-9][0-9]{0,7})"
    r"|scrypt\$ln=(?P<log>[1-9]|[1-4][0-9]),r=(?P<block>[1-9][0-9]{0,3}),p=(?P<parallel>[1-9][0-9]{0,3}))"
    r"\$(?P<salt>[A-Za-z0-9+/]{11,88})\$(?P<digest>[A-Za-z0-9+/]{22,88})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Costs:
    """How a hash is made."""

    scheme: Scheme
    memory: int
    """KiB."""
    passes: int
    """The t of Argon2id, the p of scrypt."""
    lanes: int
    salt: bytes
    block: int = 8
    """The r of scrypt."""


@dataclass(frozen=True, slots=True)
class PasswordHasher:
    """How passwords are hashed from now on; those that were hashed otherwise are still verified.

    Argon2id (RFC 9106) takes `memory` KiB, `passes` and `lanes`; the defaults are the least that OWASP asks for, and
    take some 80 ms of a slow processor. `scheme="scrypt"` (RFC 7914) takes N = 2**`scrypt_log_n`, r = 8, p = 1 instead:
    128 MiB. Without a scheme it is Argon2id where the OpenSSL of `cryptography` has it. A stored hash that asks for
    more than `most_memory` KiB, or for more than eight times the work, is refused: who can write hashes must not stop
    the service.

    Both functions block for as long as a hash takes; coroutines use `hagworm.extend.asyncio.password`.
    """

    scheme: Scheme | None = None
    memory: int = 19 * 1024
    passes: int = 2
    lanes: int = 1
    scrypt_log_n: int = 17
    most_memory: int = 256 * 1024

    def __post_init__(self) -> None:
        if self.scheme not in (None, "argon2id", "scrypt"):
            raise BadValue("'argon2id', 'scrypt' or None", self.scheme)

        if not (1 <= self.lanes <= MOST_LANES and 1 <= self.passes <= 64 and self.memory >= 8 * self.lanes):
            raise BadValue("1 to 16 lanes, 1 to 64 passes, 8 KiB for each lane", (self.lanes, self.passes, self.memory))

        if not 10 <= self.scrypt_log_n <= 20:
            raise BadValue("scrypt_log_n of 10 to 20", self.scrypt_log_n)

        if max(self.memory, 1 << self.scrypt_log_n) > self.most_memory:
            raise BadValue(f"at most {self.most_memory} KiB (most_memory)", (self.memory, 1 << self.scrypt_log_n))

    def hash(self, password: str | Secret) -> str:
        """Return what is to be stored of `password`, as text (PHC), with a random salt.

        Raises `LimitExceeded` for a password of more than 1024 bytes.
        """
        from secrets import token_bytes

        if len(secret := plain(password)) > LONGEST:
            raise LimitExceeded(f"a password of at most {LONGEST} bytes")

        costs = self.costs(token_bytes(SALT_SIZE))
        return write(costs, digest(secret, costs))

    def verify(self, password: str | Secret, stored: str | None) -> bool:
        """Whether `password` is the one of `stored`, compared in constant time.

        `None` is for a user who is not there: it takes as long, and is False, so that nobody finds out who is. Raises
        `BadValue` for what is no hash of Argon2id or scrypt, and `LimitExceeded` for one that asks for too much.
        """
        if len(secret := plain(password)) > LONGEST:
            return False

        if stored is None:
            digest(secret, self.costs(bytes(SALT_SIZE)))
            return False

        costs, expected = read(stored)
        work = max(self.memory * self.passes, 1 << self.scrypt_log_n)

        if costs.memory > self.most_memory or costs.memory * costs.passes > 8 * work or costs.lanes > MOST_LANES:
            raise LimitExceeded(f"a hash that takes at most {self.most_memory} KiB and eight times our work")

        return compare_digest(digest(secret, costs, len(expected)), expected)

    def needs_rehash(self, stored: str) -> bool:
        """Whether `stored` was made in another way than `hash` does now; then hash the password that fitted again.

        Raises `BadValue` for what is no hash of Argon2id or scrypt.
        """
        costs, expected = read(stored)
        return len(costs.salt) < SALT_SIZE or len(expected) != HASH_SIZE or costs != self.costs(costs.salt)

    def costs(self, salt: bytes) -> Costs:
        if (self.scheme or ("argon2id" if has_argon2() else "scrypt")) == "argon2id":
            return Costs("argon2id", self.memory, self.passes, self.lanes, salt)

        return Costs("scrypt", 1 << self.scrypt_log_n, 1, 1, salt)


def plain(password: str | Secret) -> bytes:
    """Return the bytes of a password: the same whatever keyboard composed its letters (NFKC)."""
    text = password.reveal() if isinstance(password, Secret) else password
    return normalize("NFKC", text).encode("utf-8", "surrogatepass")


def digest(password: bytes, costs: Costs, size: int = HASH_SIZE) -> bytes:
    if costs.scheme == "scrypt":
        from hashlib import scrypt

        room = (costs.memory + 1024) * KIB
        n = costs.memory * KIB // (128 * costs.block)
        return scrypt(password, salt=costs.salt, n=n, r=costs.block, p=costs.passes, maxmem=room, dklen=size)

    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    return Argon2id(
        salt=costs.salt, length=size, iterations=costs.passes, lanes=costs.lanes, memory_cost=costs.memory
    ).derive(password)


def write(costs: Costs, made: bytes) -> str:
    if costs.scheme == "argon2id":
        head = f"$argon2id$v=19$m={costs.memory},t={costs.passes},p={costs.lanes}"
    else:
        head = f"$scrypt$ln={costs.memory.bit_length() - 1},r=8,p=1"

    return f"{head}${encode_base64(costs.salt, urlsafe=False)}${encode_base64(made, urlsafe=False)}"


def read(stored: str) -> tuple[Costs, bytes]:
    """Return what a stored hash says: how it was made, and the digest."""
    if (match := PHC.fullmatch(stored)) is None:
        raise BadValue("a hash of Argon2id or scrypt, as PHC writes them")

    try:
        salt, expected = (decode_base64(match[group], urlsafe=False) for group in ("salt", "digest"))
    except BadEncoding:
        raise BadValue("a hash of Argon2id or scrypt, as PHC writes them") from None

    if match["memory"] is not None:
        memory, passes, lanes = int(match["memory"]), int(match["passes"]), int(match["lanes"])

        if memory < 8 * lanes:
            raise BadValue("a hash of Argon2id of 8 KiB for each lane")

        return Costs("argon2id", memory, passes, lanes, salt), expected

    block = int(match["block"])
    return Costs("scrypt", (128 * block << int(match["log"])) // KIB, int(match["parallel"]), 1, salt, block), expected


@cache
def has_argon2() -> bool:
    """Whether the OpenSSL of `cryptography` knows Argon2id: from 3.2 on."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id(salt=bytes(SALT_SIZE), length=HASH_SIZE, iterations=1, lanes=1, memory_cost=8)
    except UnsupportedAlgorithm:
        return False

    return True
