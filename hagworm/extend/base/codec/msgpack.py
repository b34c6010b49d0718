"""Values as MessagePack."""

from typing import Any

from hagworm.extend.error import BadEncoding, BadValue, LimitExceeded

__all__ = ("decode_msgpack", "encode_msgpack")


def encode_msgpack(value: Any) -> bytes:
    """Return `value` as MessagePack. Raises `BadValue` for what that has no form for, `LimitExceeded` if too deep."""
    import msgspec

    try:
        return msgspec.msgpack.encode(value)
    except RecursionError as exc:
        raise LimitExceeded("a value that is not so deep") from exc
    except (TypeError, ValueError, OverflowError) as exc:
        raise BadValue(f"a value that MessagePack has a form for ({exc})") from exc


def decode_msgpack(data: bytes | bytearray | memoryview) -> Any:
    """Return what MessagePack says. Raises `BadEncoding` for what is none, `LimitExceeded` for what is too deep.

    A length that the data do not have is refused before anything is made for it.
    """
    import msgspec

    try:
        return msgspec.msgpack.decode(data)
    except RecursionError as exc:
        raise LimitExceeded("MessagePack that is not so deep") from exc
    except (ValueError, TypeError) as exc:  # TypeError: a key that no dict can have
        raise BadEncoding(f"MessagePack ({exc})", data) from exc
