"""The head of an HTTP/1 request: bytes in, a checked request line, header pairs and framing out (RFC 9112)."""

import re
from typing import NamedTuple

from hagworm.facade.exchange import BodyError, HeaderPairs
from hagworm.frame.tornado.body import Body, BrokenBody, ChunkedBody, FixedBody

__all__ = ("Framing", "Refused", "parse_framing", "parse_head", "parse_list")

_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_version = re.compile(rb"HTTP/([0-9]\.[0-9])").fullmatch
_length = re.compile(rb"[0-9]{1,18}").fullmatch

_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}

_BREAKS = b"\0\r\n"
_CONTROLS = bytes((*range(0x20), 0x7F))
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"))


class Refused(Exception):
    """What was sent is not a request; `status` is what the client is told before the connection closes."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class _Names(dict[bytes, bytes]):
    """Header names as they were sent, and in lower case: each is checked once."""

    def __missing__(self, name: bytes) -> bytes:
        if _token(name) is None:
            raise Refused(400, "malformed header name")

        lower = name.lower()

        # The bound keeps a client that invents names from growing this for ever.
        if len(self) < 1000 and len(name) <= 64:
            self[name] = lower

        return lower


_NAMES = _Names()


def parse_head(head: bytes) -> tuple[str, bytes, str, list[tuple[bytes, bytes]]]:
    """Return method, target, version and header pairs of `head`, which ends before its empty line.

    Raises `Refused`: a bare CR or LF, a NUL, a folded line, white space before a colon. Other control characters in a
    value are left to the facade.
    """
    lines = head.split(b"\r\n")

    if len(head.translate(None, _BREAKS)) != len(head) - 2 * len(lines) + 2:
        raise Refused(400, "NUL or bare line break in the head")

    line = lines[0]
    start = line.split(b" ")

    if len(start) != 3 or not start[1] or len(line.translate(None, _CONTROLS)) != len(line):
        raise Refused(400, "malformed request line")

    method = _METHODS.get(start[0]) or _parse_method(start[0])
    version = _VERSIONS.get(start[2]) or _parse_version(start[2])
    del lines[0]

    try:
        pairs = [(_NAMES[name], value.strip(b" \t")) for name, value in [line.split(b":", 1) for line in lines]]
    except ValueError:
        raise Refused(400, "header line without a colon") from None

    return method, start[1], version, pairs


def _parse_method(method: bytes) -> str:
    if _token(method) is None:
        raise Refused(400, "malformed method")

    return method.decode("ascii")


def _parse_version(version: bytes) -> str:
    match = _version(version)

    if match is None:
        raise Refused(400, "malformed version")

    return match[1].decode("ascii")


class Framing(NamedTuple):
    """What the head says about the body and about the connection."""

    body: Body | None
    """None where there is none to read."""
    keep: bool
    """Whether the client allows another request on this connection."""
    expects: bool
    """Whether the client waits for `100 Continue`."""
    upgrades: bool
    """Whether the client asks to speak WebSocket from here on."""


_PLAIN = Framing(None, True, False, False)


def parse_framing(version: str, pairs: HeaderPairs) -> Framing:
    """Return how the message is framed (RFC 9112, 6 and 9.3).

    A length that is no length is `Refused`. Framings that a facade may want to answer itself (two framings at once, an
    unknown coding) become a body that raises `BodyError` when it is read, on a connection that closes.
    """
    if version == "1.1" and _FRAMING.isdisjoint(fields := dict(pairs)):
        return _PLAIN

    fields = dict(pairs)
    tokens = _tokens(pairs, b"connection") if b"connection" in fields else ()
    keep = b"close" not in tokens if version == "1.1" else version == "1.0" and b"keep-alive" in tokens
    body: Body | None = None

    if b"transfer-encoding" in fields:
        body = _coded_body(version, pairs, fields)
        keep = keep and not isinstance(body, BrokenBody)
    elif b"content-length" in fields:
        lengths = {value for name, value in pairs if name == b"content-length"}

        if len(lengths) > 1 or _length(fields[b"content-length"]) is None:
            raise Refused(400, "malformed content-length")

        length = int(fields[b"content-length"])
        body = FixedBody(length) if length else None

    modern = version == "1.1"

    return Framing(
        body,
        keep,
        modern and body is not None and fields.get(b"expect", b"").lower() == b"100-continue",
        modern and b"upgrade" in tokens and b"websocket" in _tokens(pairs, b"upgrade"),
    )


def _coded_body(version: str, pairs: HeaderPairs, fields: dict[bytes, bytes]) -> Body:
    if b"content-length" in fields:
        return BrokenBody(BodyError(400, "both content-length and transfer-encoding"))

    if version == "1.0":
        return BrokenBody(BodyError(400, "transfer-encoding in HTTP/1.0"))

    if [value.lower() for name, value in pairs if name == b"transfer-encoding"] != [b"chunked"]:
        return BrokenBody(BodyError(501, "unsupported transfer-encoding"))

    return ChunkedBody()


def parse_list(pairs: HeaderPairs, name: bytes) -> list[bytes]:
    """Return the elements of a comma-separated header as they were sent, empty ones dropped (RFC 9110, 5.6.1)."""
    elements = [element.strip(b" \t") for key, value in pairs if key == name for element in value.split(b",")]
    return [element for element in elements if element]


def _tokens(pairs: HeaderPairs, name: bytes) -> list[bytes]:
    return [element.lower() for element in parse_list(pairs, name)]
