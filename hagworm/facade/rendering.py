"""What a handler returned, to bytes: the encoder is chosen once per route, and it is one for all engines."""

import inspect
import typing
from types import UnionType
from typing import Any, Union

from hagworm.facade.encoding import Encode, plain_encoder
from hagworm.facade.response import Response
from hagworm.facade.schema import is_for_msgspec

__all__ = ("ResponseMismatch", "encoder", "is_response")

PLAIN = (Any, object, dict, list, inspect.Signature.empty)


class ResponseMismatch(TypeError):
    """A handler returned what its annotation does not describe; answered with 500, as the client is not to blame."""


def encoder(annotation: Any) -> Encode:
    """Return the encoder of values described by `annotation`, a return annotation."""
    annotation = value_of(annotation)

    if annotation in PLAIN or annotation is None:
        return plain_encoder()

    if is_for_msgspec(annotation):
        return struct_encoder(annotation)

    from pydantic import BaseModel, TypeAdapter, ValidationError

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


def value_of(annotation: Any) -> Any:
    """Return what is left of a union when its response classes are taken out: those are not rendered."""
    if typing.get_origin(annotation) not in (Union, UnionType):
        return annotation

    rest = tuple(part for part in typing.get_args(annotation) if not is_response(part))
    return Union[rest] if rest else None  # noqa: UP007  # made of what is known at run time


def struct_encoder(kind: Any) -> Encode:
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
