"""What a handler returned, to bytes: the encoder is chosen once per route, and it is one for all engines."""

import inspect
from collections.abc import Callable
from typing import Any

from hagworm.facade.response import Response

__all__ = ("ResponseMismatch", "encoder", "is_response", "to_json")

Encode = Callable[[Any], bytes]

PLAIN = (Any, object, dict, list, inspect.Signature.empty)


class ResponseMismatch(TypeError):
    """A handler returned what its annotation does not describe; answered with 500, as the client is not to blame."""


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


def encoder(annotation: Any) -> Encode:
    """Return the encoder of values described by `annotation`, a return annotation."""
    if annotation in PLAIN or annotation is None:
        return plain_encoder()

    import msgspec
    from pydantic import BaseModel, TypeAdapter, ValidationError

    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return struct_encoder(annotation)

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        adapter = TypeAdapter[Any](annotation)
        exact: type | None = annotation
    else:
        adapter = TypeAdapter[Any](annotation)
        exact = None

    validate = adapter.validator.validate_python
    write = adapter.serializer.to_json

    def encode(value: Any) -> bytes:
        if value.__class__ is not exact:
            try:
                value = validate(value, from_attributes=True)
            except ValidationError as exc:
                raise ResponseMismatch(f"the handler's value is not what it declares: {exc}") from exc

        return write(value, by_alias=True)

    return encode


def struct_encoder(kind: type) -> Encode:
    import msgspec

    write = msgspec.json.Encoder().encode

    def encode(value: Any) -> bytes:
        if value.__class__ is not kind:
            try:
                value = msgspec.convert(value, kind, from_attributes=True)
            except msgspec.ValidationError as exc:
                raise ResponseMismatch(f"the handler's value is not what it declares: {exc}") from exc

        return write(value)

    return encode


def is_response(annotation: Any) -> bool:
    """Whether values of `annotation` are responses already."""
    return isinstance(annotation, type) and issubclass(annotation, Response)
