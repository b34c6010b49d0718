"""The head of an HTTP/1 request: bytes in, a checked request line, header pairs and framing out (RFC 9112)."""

import re
from typing import NamedTuple

from hagworm.facade.exchange import BodyError, HeaderPairs
from hagworm.frame.tornado.body import Body, BrokenBody, ChunkedBody, FixedBody

__all__ = ("Framing", "Heads", "Refused", "parse_fields", "parse_framing", "parse_line", "parse_list")

_token = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_version = re.compile(rb"HTTP/([0-9]\.[0-9])").fullmatch
_length = re.compile(rb"[0-9]{1,18}").fullmatch

_METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
_VERSIONS = {b"HTTP/1.1": "1.1", b"HTTP/1.0": "1.0"}

_KEPT_BLOCKS = 256
_KEPT_BYTES = 1024

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


def parse_line(line: bytes) -> tuple[str, bytes, str]:
    """Return method, target and version of a request line. Raises `Refused`."""
    parts = line.split(b" ")

    if len(parts) != 3 or not parts[1] or len(line.translate(None, _CONTROLS)) != len(line):
        raise Refused(400, "malformed request line")

    method, target, version = parts
    return _METHODS.get(method) or _parse_method(method), target, _VERSIONS.get(version) or _parse_version(version)


def parse_fields(block: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """Return the header pairs in `block`, which ends before its last line break.

    Raises `Refused`: a bare CR or LF, a NUL, a folded line, white space before a colon. Other control characters in a
    value are left to the facade.
    """
    if not block:
        return ()

    lines = block.split(b"\r\n")

    if len(block.translate(None, _BREAKS)) != len(block) - 2 * len(lines) + 2:
        raise Refused(400, "NUL or bare line break in the head")

    try:
        return tuple([(_NAMES[name], value.strip(b" \t")) for name, value in [line.split(b":", 1) for line in lines]])
    except ValueError:
        raise Refused(400, "header line without a colon") from None


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

    length: int | None
    """Bytes of the body, None where its chunks tell."""
    keep: bool
    """Whether the client allows another request on this connection."""
    expects: bool = False
    """Whether the client waits for `100 Continue`."""
    upgrades: bool = False
    """Whether the client asks to speak WebSocket from here on."""
    error: BodyError | None = None
    """What is wrong with the framing, where it cannot be trusted."""

    def open_body(self) -> Body | None:
        """Return the decoder of the body, None where there is none to read."""
        if self.error is not None:
            return BrokenBody(self.error)

        if self.length is None:
            return ChunkedBody()

        return FixedBody(self.length) if self.length else None


_PLAIN = Framing(0, True)


def parse_framing(version: str, pairs: HeaderPairs) -> Framing:
    """Return how the message is framed (RFC 9112, 6 and 9.3).

    A length that is no length is `Refused`. Framings that a facade may want to answer itself (two framings at once, an
    unknown coding) become a body that raises `BodyError` when it is read, on a connection that closes.
    """
    fields = dict(pairs)

    if version == "1.1" and _FRAMING.isdisjoint(fields):
        return _PLAIN

    modern = version == "1.1"
    tokens = _tokens(pairs, b"connection") if b"connection" in fields else []
    keep = b"close" not in tokens if modern else version == "1.0" and b"keep-alive" in tokens
    length: int | None = 0

    if b"transfer-encoding" in fields:
        if (error := _check_coding(version, pairs, fields)) is not None:
            return Framing(None, False, error=error)

        length = None
    elif b"content-length" in fields:
        length = _parse_length(pairs)

    expects = modern and length != 0 and fields.get(b"expect", b"").lower() == b"100-continue"
    upgrades = modern and length == 0 and b"upgrade" in tokens and b"websocket" in _tokens(pairs, b"upgrade")
    return Framing(length, keep, expects, upgrades)


def _parse_length(pairs: HeaderPairs) -> int:
    lengths = {value for name, value in pairs if name == b"content-length"}
    first = lengths.pop()

    if lengths or _length(first) is None:
        raise Refused(400, "malformed content-length")

    return int(first)


def _check_coding(version: str, pairs: HeaderPairs, fields: dict[bytes, bytes]) -> BodyError | None:
    if b"content-length" in fields:
        return BodyError(400, "both content-length and transfer-encoding")

    if version == "1.0":
        return BodyError(400, "transfer-encoding in HTTP/1.0")

    if [value.lower() for name, value in pairs if name == b"transfer-encoding"] != [b"chunked"]:
        return BodyError(501, "unsupported transfer-encoding")

    return None


class Heads:
    """Header blocks that have been read before: a client repeats itself, and reading is dearer than a look-up."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[tuple[tuple[bytes, bytes], ...], Framing]] = {}

    def read(self, block: bytes, version: str) -> tuple[tuple[tuple[bytes, bytes], ...], Framing]:
        """Return the header pairs in `block`, and how they frame the message. Raises `Refused`."""
        if version != "1.1":
            pairs = parse_fields(block)
            return pairs, parse_framing(version, pairs)

        known = self._known.get(block)

        if known is None:
            pairs = parse_fields(block)
            known = pairs, parse_framing(version, pairs)

            if len(block) <= _KEPT_BYTES:
                if len(self._known) >= _KEPT_BLOCKS:
                    self._known.clear()

                self._known[block] = known

        return known


def parse_list(pairs: HeaderPairs, name: bytes) -> list[bytes]:
    """Return the elements of a comma-separated header as they were sent, empty ones dropped (RFC 9110, 5.6.1)."""
    elements = [element.strip(b" \t") for key, value in pairs if key == name for element in value.split(b",")]
    return [element for element in elements if element]


def _tokens(pairs: HeaderPairs, name: bytes) -> list[bytes]:
    return [element.lower() for element in parse_list(pairs, name)]
