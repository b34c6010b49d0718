"""The target of a request: raw bytes to the path that the routes are matched against."""

from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

__all__ = ("BadTarget", "Target", "quote_segment", "read_target", "strip_origin")


class BadTarget(ValueError):
    """The target cannot be understood; the text is for the client."""


@dataclass(frozen=True, slots=True)
class Target:
    """A decoded path; `segments` is None where the path needed no decoding, so that `text` says it all."""

    text: str
    segments: list[str] | None = None
    authority: bytes | None = None
    """Host of an absolute-form target, which overrides the header (RFC 9112 3.2.2)."""


def read_target(raw: bytes) -> Target:
    """Decode the path of an origin-form or absolute-form target, `*` as it is.

    It is split on `/` before it is decoded, so that an escaped slash stays inside its segment (RFC 3986 2.2).
    Raises `BadTarget`.
    """
    authority = None

    if raw[:1] != b"/":
        if raw == b"*":
            return Target("*")

        raw, authority = strip_origin(raw)

    if b"#" in raw:
        raise BadTarget("the request target holds a fragment")

    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as exc:
        raise BadTarget("the request target holds bytes that are not ASCII; percent-encode them") from exc

    if not text.isprintable() or " " in text:
        raise BadTarget("the request target holds a control character or a space")

    if "%" not in text:
        return Target(text, None, authority)

    try:
        segments = [unquote_to_bytes(segment).decode() for segment in text.split("/")]
    except UnicodeDecodeError as exc:
        raise BadTarget("the path is not valid UTF-8") from exc

    if "\0" in (path := "/".join(segments)):
        raise BadTarget("the path holds a NUL character")

    return Target(path, segments, authority)


def strip_origin(raw: bytes) -> tuple[bytes, bytes]:
    """Return path and authority of `http://authority/path`."""
    scheme, mark, rest = raw.partition(b"://")

    if not mark or scheme.lower() not in (b"http", b"https", b"ws", b"wss"):
        raise BadTarget("the request target must begin with a slash")

    authority, slash, path = rest.partition(b"/")

    if not authority:
        raise BadTarget("the request target names no host")

    return slash + path if slash else b"/", authority


def quote_segment(value: object) -> str:
    """Return `value` percent-encoded for one path segment."""
    return quote(str(value), safe="!$&'()*+,;=:@~-._")
