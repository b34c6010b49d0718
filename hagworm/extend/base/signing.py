"""Signatures of parameters under a secret key."""

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from hagworm.extend.base.convert import to_bytes
from hagworm.extend.base.digest import Data, is_same, legacy_md5
from hagworm.extend.error import BadSignature, BadValue, LimitExceeded

__all__ = ("canonical", "check", "legacy_join", "legacy_sign_md5", "sign")

DEEPEST = 64
SHORTEST_KEY = 16


def canonical(value: Any) -> bytes:
    """Return the one sequence of bytes that says `value`: no two different values have the same.

    Values are None, bool, int, float, str, bytes, lists and tuples (which are the same), and mappings of str, whose
    order does not matter. Each comes as the letter of its type, its length and its content: `1`, `"1"`, `True` and
    `1.0` differ, and nothing in a text can look like a separator. Raises `BadValue` for other types, and for NaN, which
    is not even equal to itself; `LimitExceeded` for more than 64 levels.
    """
    return write(value, 0)


def sign(params: Mapping[str, Any], key: Data, *, purpose: str = "") -> str:
    """Return the signature of `params` under `key`: HMAC-SHA-256 of `canonical`, in 64 hexadecimal digits.

    `purpose` keeps signatures for one use from being valid for another. A signature does not end: put a time, and where
    once is enough a random number, among the params, and check them. Raises `BadValue` for a key of fewer than 16
    bytes, and as `canonical` does.
    """
    secret = to_bytes(key)

    if len(secret) < SHORTEST_KEY:
        raise BadValue(f"a key of at least {SHORTEST_KEY} bytes")

    return hmac.digest(secret, canonical([purpose, dict(params)]), "sha256").hex()


def check(params: Mapping[str, Any], signature: str, *keys: Data, purpose: str = "") -> None:
    """Raise `BadSignature` unless `signature` is the one of `params` under one of `keys`; they are compared in constant
    time.

    Several keys are for the time in which one takes the place of another. Raises `BadValue` where there is no key.
    """
    if not keys:
        raise BadValue("at least one key")

    # All are tried: the time does not tell which one it was.
    matches = [is_same(sign(params, key, purpose=purpose), to_bytes(signature, "utf-8")) for key in keys]

    if not any(matches):
        raise BadSignature("the signature of these params under one of the keys")


def legacy_join(params: Mapping[str, Any], *, excludes: Sequence[str] = ()) -> str:
    """Return `a=1&b=2` of `params` in the order of their names, as hagworm 4 and 5 do: it says too little to be signed.

    A value that holds `&` or `=` cannot be told from two parameters, nor the number 1 from the text.
    """
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name not in excludes)


def legacy_sign_md5(*args: Any, **params: Any) -> str:
    """Return the signature that hagworm 4 and 5 call `params_sign`, an MD5, for who cannot change the other side yet.

    Different arguments share signatures; compare by `is_same`.
    """
    return legacy_md5("&".join([*sorted(map(str, args)), *([legacy_join(params)] if params else [])]))


def write(value: Any, depth: int) -> bytes:
    if depth > DEEPEST:
        raise LimitExceeded(f"at most {DEEPEST} levels")

    match value:
        case None:
            return b"n0:"
        case bool():
            return b"t1:1" if value else b"t1:0"
        case int():
            return frame(b"i", b"%d" % value)
        case float():
            if value != value:
                raise BadValue("a number that is equal to itself", value)

            return frame(b"f", value.hex().encode())
        case str():
            return frame(b"s", to_bytes(value))
        case bytes() | bytearray() | memoryview():
            return frame(b"b", bytes(value))
        case list() | tuple():
            return frame(b"l", b"".join([write(item, depth + 1) for item in value]))
        case Mapping():
            if not all(isinstance(name, str) for name in value):
                raise BadValue("a mapping whose keys are text", list(value))

            return frame(b"m", b"".join([write(name, depth) + write(value[name], depth + 1) for name in sorted(value)]))
        case _:
            raise BadValue("None, bool, int, float, str, bytes, a list or a mapping", value)


def frame(tag: bytes, content: bytes) -> bytes:
    return b"%b%d:%b" % (tag, len(content), content)
