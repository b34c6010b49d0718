"""What a handler answers with, whole or in pieces."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hagworm.facade.context import current
from hagworm.facade.headers import HeaderSource, MutableHeaders, encode_header, encode_headers

if TYPE_CHECKING:
    from hagworm.facade.events import ServerSentEvent
    from hagworm.facade.files import File
    from hagworm.facade.request import Request

__all__ = (
    "BODILESS",
    "HTML",
    "JSON",
    "EventStream",
    "File",
    "Redirect",
    "Rendered",
    "Response",
    "ServerSentEvent",
    "Stream",
    "StreamedResponse",
    "Text",
)

LATER = {"File": "hagworm.facade.files", "ServerSentEvent": "hagworm.facade.events"}
EVENT_STREAM_PING = 15.0
BODILESS = (204, 304)
"""Statuses of responses that have no body (RFC 9110 15)."""


def __getattr__(name: str) -> Any:
    # These two stand on this file, so they cannot stand in its head.
    if name in LATER:
        from importlib import import_module

        return getattr(import_module(LATER[name]), name)

    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Response:
    """A whole response. `body` is bytes, or text that is sent as UTF-8.

    `content-length`, `date` and the request id are set by the facade. `background` is a call, or a `BackgroundTasks`,
    to make once the response has been sent. `close` ends the connection after it.
    """

    __slots__ = ("background", "body", "close", "raw_headers", "status")

    media_type: str | None = None
    streaming = False

    def __init__(
        self,
        body: bytes | str = b"",
        status: int = 200,
        headers: HeaderSource | None = None,
        *,
        media_type: str | None = None,
        background: Any = None,
        close: bool = False,
    ) -> None:
        if not 200 <= status <= 599:
            raise ValueError(f"Response: {status} is not the status of a final response (200 to 599)")

        self.status = status
        self.body, natural_type = self.encode(body)
        self.raw_headers = encode_headers(headers)
        self.background = background
        self.close = close

        chosen = media_type or self.media_type or natural_type

        if chosen and not any(name == b"content-type" for name, _ in self.raw_headers):
            self.raw_headers.append(encode_header("content-type", chosen))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"

    def encode(self, body: Any) -> tuple[bytes, str | None]:
        """Return the bytes of `body` and the media type they have where nobody says otherwise."""
        if isinstance(body, str):
            return body.encode(), "text/plain; charset=utf-8"

        if isinstance(body, bytes | bytearray | memoryview):
            return bytes(body), "application/octet-stream" if body else None

        raise TypeError(
            f"{type(self).__name__}: the body must be bytes or str, not {type(body).__name__}; use JSON(...)"
        )

    @property
    def headers(self) -> MutableHeaders:
        """A view that changes the response: `response.headers["etag"] = '"1"'`, `.add`, `.vary`, `.remove`."""
        return MutableHeaders(self.raw_headers)

    def set_cookie(self, name: str, value: str = "", **options: Any) -> None:
        """Set a cookie; options and errors are those of `hagworm.facade.cookies.format_cookie`.

        A cookie of the same name, domain and path that was set before is replaced. It is `secure` by default where the
        request came over https.
        """
        from hagworm.facade.cookies import format_cookie

        if "secure" not in options and (request := current.get()) is not None:
            options["secure"] = request.scheme == "https"

        self.put_cookie(name, format_cookie(name, value, **options))

    def delete_cookie(self, name: str, **options: Any) -> None:
        """Tell the client to forget a cookie; `path` and `domain` must be those it was set with."""
        from hagworm.facade.cookies import format_deletion

        self.put_cookie(name, format_deletion(name, **options))

    def put_cookie(self, name: str, line: bytes) -> None:
        def identity(text: bytes) -> tuple[bytes, ...]:
            first, *attributes = text.split(b"; ")
            return (first.partition(b"=")[0], *sorted(a for a in attributes if a.startswith((b"Path=", b"Domain="))))

        self.raw_headers[:] = [
            pair for pair in self.raw_headers if pair[0] != b"set-cookie" or identity(pair[1]) != identity(line)
        ]
        self.raw_headers.append((b"set-cookie", line))


class Rendered(Response):
    """A response whose parts are ready: what the facade itself makes on the hot path."""

    __slots__ = ()

    def __init__(self, body: bytes, status: int, raw_headers: list[tuple[bytes, bytes]]) -> None:
        self.body = body
        self.status = status
        self.raw_headers = raw_headers
        self.background = None
        self.close = False


class JSON(Response):
    """Any value that the facade can write as JSON: builtins, models, dataclasses, structs, dates, decimals."""

    __slots__ = ()

    media_type = "application/json"

    def __init__(
        self, body: Any = None, status: int = 200, headers: HeaderSource | None = None, **options: Any
    ) -> None:
        super().__init__(body, status, headers, **options)

    def encode(self, body: Any) -> tuple[bytes, str | None]:
        from hagworm.facade.encoding import to_json

        return to_json(body), None


class HTML(Response):
    """Text that a browser shows as a page; the caller escapes what it puts in."""

    __slots__ = ()

    media_type = "text/html; charset=utf-8"


class Text(Response):
    """Plain text."""

    __slots__ = ()

    media_type = "text/plain; charset=utf-8"


class Redirect(Response):
    """Send the client to `url`, an IRI or a relative reference.

    Without `status` it is 303 after a POST, so that the browser asks with GET, and 307 otherwise.
    """

    __slots__ = ("automatic",)

    def __init__(
        self, url: str, status: int | None = None, headers: HeaderSource | None = None, **options: Any
    ) -> None:
        if status is not None and not 300 <= status <= 399:
            raise ValueError(f"Redirect: {status} is not a redirection (300 to 399)")

        super().__init__(b"", status or 307, headers, **options)
        self.automatic = status is None
        self.headers["location"] = quote(url, safe="/:?#[]@!$&'()*+,;=%-._~")


class StreamedResponse(Response):
    """A response whose body comes in pieces.

    Subclasses define `chunks`, and `prepare` where the head depends on the request.
    """

    __slots__ = ()

    streaming = True

    async def prepare(self, request: "Request") -> None:
        """Set status and headers before the head is sent."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Return the pieces; the iterator is closed however the response ends."""
        raise TypeError(f"{type(self).__name__} must define chunks()")


class Stream(StreamedResponse):
    """The pieces of an (async) iterable, each sent as it comes, with back-pressure.

    An error in the iterable aborts the connection, so that a truncated body never looks complete. A plain iterator
    runs in the thread pool. The iterator is closed when the client leaves.
    """

    __slots__ = ("source",)

    def __init__(
        self,
        source: AsyncIterable[bytes | str] | Iterable[bytes | str],
        status: int = 200,
        headers: HeaderSource | None = None,
        *,
        media_type: str = "application/octet-stream",
        background: Any = None,
        close: bool = False,
    ) -> None:
        super().__init__(b"", status, headers, media_type=media_type, background=background, close=close)
        self.source = source

    async def chunks(self) -> AsyncIterator[bytes]:
        from hagworm.facade.streaming import closing, pieces

        async with closing(pieces(self.source)) as source:
            async for piece in source:
                yield piece.encode() if isinstance(piece, str) else piece


class EventStream(StreamedResponse):
    """Server-sent events (WHATWG): each item is a `ServerSentEvent`, text, or a value that becomes JSON.

    Where nothing happens for `ping` seconds a comment is sent, so that proxies keep the connection and a vanished
    client is noticed; None sends none. When the service is told to stop the stream ends; browsers come back by
    themselves, and say in `last-event-id` what they have seen.
    """

    __slots__ = ("ending", "ping", "source")

    media_type = "text/event-stream; charset=utf-8"

    def __init__(
        self,
        source: AsyncIterable[Any] | Iterable[Any],
        status: int = 200,
        headers: HeaderSource | None = None,
        *,
        ping: float | None = EVENT_STREAM_PING,
        background: Any = None,
    ) -> None:
        super().__init__(b"", status, headers, background=background)
        self.headers.setdefault("cache-control", "no-cache")
        # Proxies that buffer would hold events back until a page is full.
        self.headers.setdefault("x-accel-buffering", "no")
        self.source = source
        self.ping = ping
        self.ending: asyncio.Event | None = None

    async def prepare(self, request: "Request") -> None:
        """Note when the service that answers is about to stop."""
        self.ending = request.runtime.ending

    async def chunks(self) -> AsyncIterator[bytes]:
        from hagworm.facade.encoding import to_json
        from hagworm.facade.events import PING, encode_event
        from hagworm.facade.streaming import closing, pieces, with_pings

        async with closing(pieces(self.source)) as source:
            async with closing(with_pings(source, self.ping, self.ending)) as items:
                async for item in items:
                    yield PING if item is None else encode_event(item, to_json)


Renderer = Callable[[Any], Response]
