"""Bytes of a body to a validated value, through decoders that are chosen once per route."""

from collections.abc import Callable
from typing import Any

from hagworm.facade.failure import BadRequest, Problem, UnsupportedMediaType
from hagworm.facade.params import UNSET
from hagworm.facade.schema import is_for_msgspec

__all__ = ("check_json_type", "json_decoder", "parse_json", "problems_of")

BOM = b"\xef\xbb\xbf"
BYTE_POSITION = "(byte "


def parse_json(data: bytes) -> Any:
    """Return the value that `data` writes: strict RFC 8259, UTF-8 only, a byte-order mark ignored."""
    from msgspec import DecodeError
    from msgspec.json import decode

    data = data.removeprefix(BOM)

    try:
        return decode(data)
    except (DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise json_syntax(exc) from exc


def json_syntax(error: Exception) -> BadRequest:
    text = str(error)
    offset = text.rpartition(BYTE_POSITION)[2].rstrip(")") if BYTE_POSITION in text else ""
    extra: dict[str, Any] = {"offset": int(offset)} if offset.isdigit() else {}
    return BadRequest(
        f"the body is not valid JSON{f' at byte {offset}' if extra else ''}",
        type="urn:hagworm:json-syntax",
        extra=extra,
    )


def check_json_type(content_type: bytes | None) -> None:
    """Raise `UnsupportedMediaType` unless the body says that it is JSON."""
    from hagworm.facade.media import is_json

    if content_type is None or not is_json(content_type):
        raise UnsupportedMediaType(
            "the body must be sent with content-type: application/json", headers={"accept": "application/json"}
        )


def has_constants(data: bytes) -> bool:
    # NaN and Infinity are not JSON, though pydantic takes them; the words may also stand inside a string.
    return b"NaN" in data or b"Infinity" in data


def json_decoder(annotation: Any, place: str) -> Callable[[bytes, bytes | None], Any]:
    """Return `(data, content_type) -> value`, or `UNSET` for an empty body.

    The function raises `HTTPError` 415 and 400, and pydantic's or msgspec's ValidationError.
    """
    import msgspec

    if is_for_msgspec(annotation):
        decode: Callable[[bytes], Any] = msgspec.json.Decoder(annotation).decode
    else:
        from pydantic import TypeAdapter

        decode = TypeAdapter(annotation).validator.validate_json

    def decode_body(data: bytes, content_type: bytes | None) -> Any:
        if content_type != b"application/json" and (data or content_type is not None):
            check_json_type(content_type)

        if not data:
            return UNSET

        if data[:3] == BOM:
            data = data[3:]

        if has_constants(data):
            parse_json(data)

        try:
            return decode(data)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError as exc:
            raise json_syntax(exc) from exc
        except ValueError as exc:
            errors: Callable[..., list[dict[str, Any]]] | None = getattr(exc, "errors", None)

            if errors is None or errors(include_url=False, include_input=False)[0]["type"] == "json_invalid":
                # Raises with the offset. What only pydantic refuses (depth, lone surrogates) has none.
                parse_json(data)
                raise BadRequest("the body is not valid JSON", type="urn:hagworm:json-syntax") from exc

            raise

    decode_body.__qualname__ = f"decode_body[{place}]"
    return decode_body


def problems_of(error: Exception, loc: tuple[str | int, ...]) -> list[Problem]:
    """Return what a ValidationError of pydantic or msgspec says, each under `loc`."""
    if (errors := getattr(error, "errors", None)) is not None:
        return [
            Problem((*loc, *found["loc"]), found["msg"], found["type"], found.get("input"))
            for found in errors(include_url=False)
        ]

    message, _, way = str(error).partition(" - at `$")
    names = [step for step in way.rstrip("`").replace("[", ".[").split(".") if step]
    steps = [int(step[1:-1]) if step[0] == "[" and step[1:-1].isdigit() else step for step in names]
    return [Problem((*loc, *steps), message, "type_error")]
