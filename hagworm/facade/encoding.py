"""Values that nobody has described, to JSON."""

from collections.abc import Callable
from typing import Any

__all__ = ("Encode", "plain_encoder", "to_json")

Encode = Callable[[Any], bytes]


def to_json(value: Any) -> bytes:
    """Return compact UTF-8 JSON. Raises ValueError for NaN and infinities, TypeError for what cannot be written."""
    return plain_encoder()(value)


def plain_encoder() -> Encode:
    """Return the encoder of values that nobody has described."""
    import msgspec
    from pydantic_core import PydanticSerializationError
    from pydantic_core import to_json as write

    def fallback(value: Any) -> Any:
        if isinstance(value, msgspec.Struct):
            return msgspec.to_builtins(value)

        raise TypeError(f"{type(value).__module__}.{type(value).__qualname__} cannot be written as JSON")

    def encode(value: Any) -> bytes:
        try:
            data = write(value, inf_nan_mode="constants", fallback=fallback)
        except PydanticSerializationError as exc:
            raise TypeError(str(exc)) from exc

        if b"NaN" in data or b"Infinity" in data:
            refuse_constants(data)

        return data

    return encode


def refuse_constants(data: bytes) -> None:
    import msgspec

    # The words may stand inside a string, where they are harmless; a strict parser tells the difference.
    try:
        msgspec.json.decode(data)
    except msgspec.DecodeError as exc:
        raise ValueError("NaN and infinities cannot be written as JSON; use None") from exc
