"""Values as JSON."""

from collections.abc import Callable
from typing import Any

from hagworm.extend.error import BadEncoding, BadValue, LimitExceeded

__all__ = ("decode_json", "encode_json", "format_json")

Data = str | bytes | bytearray | memoryview


def encode_json(value: Any) -> bytes:
    """Return `value` as compact JSON in UTF-8: by msgspec, else by orjson, else by the standard library.

    Moments, dates, UUIDs, Decimals (as text), enums, dataclasses, sets and bytes (as base64) are written alike by all
    three; NaN and infinities become null, as in a browser. Raises `BadValue` for what JSON has no form for, and
    `LimitExceeded` for a value that is too deep, or holds itself.
    """
    try:
        return json_encoder(value)
    except RecursionError as exc:
        raise LimitExceeded("a value that is not so deep") from exc
    except (TypeError, ValueError, OverflowError) as exc:
        raise BadValue(f"a value that JSON has a form for ({exc})") from exc


def decode_json(data: Data) -> Any:
    """Return what JSON (RFC 8259) says; nothing else is taken for it, no comments, no NaN, no comma at the end.

    Raises `BadEncoding` for what is no JSON or no UTF-8, or has a number that no float holds; `LimitExceeded` for what
    is too deep. It takes time in proportion to the length, also where it fails: bound that before.
    """
    try:
        return json_decoder(data)
    except RecursionError as exc:
        raise LimitExceeded("JSON that is not so deep") from exc
    except ValueError as exc:
        raise BadEncoding(f"JSON ({exc})", data) from exc


def format_json(value: Any, *, indent: int = 2, sort: bool = False) -> str:
    """Return `value` as JSON for people, in lines; errors are those of `encode_json`."""
    import json

    return json.dumps(decode_json(encode_json(value)), indent=indent, sort_keys=sort, ensure_ascii=False)


def choose_json() -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    """Return the fastest encoder and decoder that there are."""
    for choice in (choose_msgspec, choose_orjson):
        try:
            return choice()
        except ImportError:
            continue

    return choose_standard()


def choose_msgspec() -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    import msgspec

    return msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


def choose_orjson() -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    import orjson  # type: ignore[import-not-found, unused-ignore]  # an extra

    options = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z

    def encode(value: Any) -> bytes:
        return bytes(orjson.dumps(value, plain_value, options))

    return encode, orjson.loads


def choose_standard() -> tuple[Callable[[Any], bytes], Callable[[Any], Any]]:
    import json

    encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=plain_value)
    decoder = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite_float)

    def encode(value: Any) -> bytes:
        try:
            return encoder.encode(value).encode()
        except ValueError:
            return encoder.encode(without_nan(value)).encode()

    def decode(data: Data) -> Any:
        text = data if isinstance(data, str) else bytes(data).decode()
        value = decoder.decode(text)

        if "\\u" in text:
            encoder.encode(value).encode()  # a half of a pair of surrogates is no character

        return value

    return encode, decode


def refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def finite_float(text: str) -> float:
    number = float(text)

    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large")

    return number


def without_nan(value: Any) -> Any:
    match value:
        case float() if value != value or value in (float("inf"), float("-inf")):
            return None
        case dict():
            return {key: without_nan(item) for key, item in value.items()}
        case list() | tuple():
            return [without_nan(item) for item in value]
        case None | str() | int() | float():
            return value
        case _:
            return without_nan(plain_value(value))


def plain_value(value: Any) -> Any:
    """Return what msgspec writes for `value`. Raises TypeError for what it has no form for."""
    from base64 import b64encode
    from dataclasses import fields, is_dataclass
    from datetime import date, datetime, time
    from decimal import Decimal
    from enum import Enum
    from uuid import UUID

    match value:
        case datetime() | time():
            return value.isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case Enum():
            return value.value
        case bytes() | bytearray() | memoryview():
            return b64encode(value).decode("ascii")
        case set() | frozenset():
            return list(value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in fields(value)}
        case _:
            raise TypeError(f"a {type(value).__name__}")


def first_encode(value: Any) -> bytes:
    bind_json()
    return json_encoder(value)


def first_decode(data: Data) -> Any:
    bind_json()
    return json_decoder(data)


def bind_json() -> None:
    global json_decoder, json_encoder
    json_encoder, json_decoder = choose_json()


# The libraries are looked for when the first value comes: importing this module costs nothing of theirs.
json_encoder: Callable[[Any], bytes] = first_encode
json_decoder: Callable[[Any], Any] = first_decode
