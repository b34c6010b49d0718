"""HTTP/1.1 for uvicorn's server, from the parser straight to the facade and back.

uvicorn takes a protocol class in place of its own. Between parser and application, its own makes a scope, messages and
closures for every request, and tells of a client that left only to who asks; this one makes an exchange. It also shows
the facade targets as they were sent, drops trailers, bounds heads and idle time, and starts each request with a clean
context, so that more of what a client sees is the same on every engine.
"""

import asyncio
import logging
from collections import deque
from typing import Any, cast

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn import Config
from uvicorn.server import ServerState

from hagworm.facade.exchange import Address, BodyError
from hagworm.facade.failure import phrase
from hagworm.frame.asgi.direct import DirectExchange, Inbox
from hagworm.frame.asgi.entrance import Entrance
from hagworm.frame.asgi.preamble import PREAMBLES, Preambles
from hagworm.frame.asgi.upgrade import become_websocket, wants_websocket

__all__ = ("FacadeConfig", "Http1Protocol")

HIGH_WATER = 64 * 1024
"""Bytes of a body that wait unread before the socket is no longer read."""
SKIPPED = 64 * 1024
"""Bytes of a body that nobody reads which are read over to keep the connection."""
HEAD_BYTES = 256 * 1024
"""Beyond this a head is not read on; what is too long below it, the facade refuses."""
LINGER = 1.0
"""Seconds for which a closed connection still reads, so that the client gets to see the response."""
METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}

logger = logging.getLogger("hagworm.asgi")


class FacadeConfig(Config):
    """uvicorn's configuration, and what it has no name for."""

    entrance: Entrance
    header_timeout: float


class Http1Protocol(asyncio.Protocol):
    """One connection: its requests in order, one at a time."""

    __slots__ = (
        "broken",
        "closing",
        "config",
        "current",
        "deaf",
        "drainer",
        "entrance",
        "full",
        "head_bytes",
        "headers",
        "http",
        "incoming",
        "is_lost",
        "local",
        "loop",
        "parser",
        "paused",
        "peer",
        "pipeline",
        "preambles",
        "replaying",
        "scheme",
        "server_state",
        "since",
        "skipped",
        "target",
        "timer",
        "transport",
        "upgrading",
    )

    transport: asyncio.Transport

    def __init__(
        self,
        config: FacadeConfig,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.config = config
        self.server_state = server_state
        self.entrance = config.entrance
        self.http = config.entrance.runtime.http
        self.loop = _loop or asyncio.get_running_loop()
        self.preambles = PREAMBLES.setdefault(server_state, Preambles())
        self.parser = new_parser(self)
        # What is being read.
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.head_bytes = 0
        self.incoming: DirectExchange | None = None
        self.upgrading = False
        self.replaying = False
        self.skipped = 0
        self.paused = False
        self.deaf = False
        # What is being answered, and what waits for it.
        self.current: DirectExchange | None = None
        self.pipeline: deque[DirectExchange] = deque()
        self.broken = False
        self.closing = False
        self.is_lost = False
        self.full = False
        self.drainer: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<Http1Protocol of {self.peer} {'idle' if self.is_idle else 'busy'}>"

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        self.transport = cast(asyncio.Transport, transport)
        self.peer = pair(transport.get_extra_info("peername"))
        self.local = pair(transport.get_extra_info("sockname"))
        self.scheme = "http" if transport.get_extra_info("sslcontext") is None else "https"
        self.server_state.connections.add(self)  # type: ignore[arg-type]  # uvicorn lists the protocols that it ships
        self.since = self.loop.time()
        self.timer = self.loop.call_later(self.config.timeout_keep_alive, self.look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self.is_lost = True
        self.server_state.connections.discard(self)
        self.timer.cancel()
        self.wake_drainer()
        self.pipeline.clear()

        for exchange in (self.current, self.incoming):
            if exchange is not None:
                exchange.lose()

        # The parser holds the methods of this object.
        del self.parser

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered and no part of a request has arrived."""
        return not (self.current or self.pipeline or self.incoming or self.head_bytes or self.target)

    def shutdown(self) -> None:
        """Close between two requests: now, or after the one that has begun."""
        self.closing = True

        if self.is_idle:
            self.transport.close()

    def look(self) -> None:
        """Close a connection that has been silent for too long."""
        limit = self.config.header_timeout if self.head_bytes else self.config.timeout_keep_alive
        left = self.since + limit - self.loop.time()

        if self.current is not None:
            self.timer = self.loop.call_later(limit, self.look)
        elif left > 0:
            self.timer = self.loop.call_later(left, self.look)
        else:
            self.transport.close()

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        if self.deaf:
            return

        if self.incoming is None:
            self.head_bytes += len(data)

        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as exc:
            self.upgrade(data[exc.args[0] :])
        except HttpParserCallbackError as exc:
            logger.error("a connection is closed, as reading from it failed", exc_info=exc.__context__ or exc)
            self.deaf = True
            self.transport.abort()
        except HttpParserError:
            self.fail()

        if self.head_bytes:
            self.watch_head(len(data))

    def watch_head(self, size: int) -> None:
        """Bound the time and the space that the head of a request takes."""
        if self.head_bytes > HEAD_BYTES:
            self.refuse(431)
        elif self.head_bytes == size and self.current is None:
            self.since = self.loop.time()
            self.timer.cancel()
            self.timer = self.loop.call_later(self.config.header_timeout, self.look)

    def on_url(self, part: bytes) -> None:
        """Take the target, or a part of it."""
        self.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field of the head; those behind a body are dropped."""
        if self.incoming is None:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin a request."""
        if self.replaying:
            return

        parser = self.parser
        method = parser.get_method()
        version = parser.get_http_version()
        exchange = DirectExchange(self, METHODS.get(method) or method.decode(), self.target, version, self.headers)
        self.target = b""
        self.headers = []
        self.head_bytes = 0
        self.incoming = exchange

        if version == "1.0" or not parser.should_keep_alive():
            exchange.keep_alive = False

        if parser.should_upgrade():
            self.upgrading = True
        else:
            self.admit(exchange)

    def on_body(self, piece: bytes) -> None:
        """Take a piece of a body."""
        exchange = self.incoming
        assert exchange is not None, "a body follows a head"

        if exchange.complete:
            self.skipped += len(piece)

            if self.skipped > SKIPPED and not self.transport.is_closing():
                self.transport.close()

            return

        if exchange.inbox is None:
            exchange.inbox = Inbox()

        exchange.inbox.put(piece)

        if exchange.inbox.size > HIGH_WATER:
            self.pause_reading()

    def on_message_complete(self) -> None:
        """End a request."""
        exchange = self.incoming

        if self.upgrading or exchange is None:
            return

        self.incoming = None
        exchange.received = True

        if exchange.inbox is not None:
            exchange.inbox.wake()

    def want_body(self, exchange: DirectExchange, inbox: Inbox) -> None:
        """Let the client send the body, which it may have been told to ask for (RFC 9110 10.1.1)."""
        if not inbox.wanted:
            inbox.wanted = True

            if expects(exchange):
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def can_skip(self, exchange: DirectExchange) -> bool:
        """Whether the rest of a request that is answered already is short enough to be read over."""
        if expects(exchange) and (exchange.inbox is None or not exchange.inbox.wanted):
            return False

        self.skipped = 0
        lengths = [value for name, value in exchange.headers if name == b"content-length"]
        return all(value.isdigit() and int(value) <= SKIPPED for value in lengths)

    def pause_reading(self) -> None:
        """Leave what arrives in the socket."""
        if not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on, unless requests wait."""
        if self.paused and not self.pipeline and not self.is_lost:
            self.paused = False
            self.transport.resume_reading()

    # Answering.

    def admit(self, exchange: DirectExchange) -> None:
        if self.current is None and not self.full:
            self.begin(exchange)
        else:
            self.pipeline.append(exchange)
            self.pause_reading()

    def begin(self, exchange: DirectExchange) -> None:
        self.current = exchange
        # A context of its own: that of a pipelined request would be the one of the request before.
        context = self.entrance.context.copy()
        exchange.task = task = self.loop.create_task(self.answer(exchange), context=context)
        self.server_state.tasks.add(task)

    async def answer(self, exchange: DirectExchange) -> None:
        try:
            await self.http(exchange)
        finally:
            self.server_state.tasks.discard(exchange.task)

            if not exchange.complete:
                self.transport.abort()

    def preamble(self, status: int) -> bytes:
        """Return the status line and what the server adds to every head."""
        preambles = self.preambles
        fields = self.server_state.default_headers

        if preambles.source is not fields:
            preambles.renew(fields)

        return preambles.lines.get(status) or preambles.make(status)

    def answered(self, exchange: DirectExchange) -> None:
        """Go on after a response: with what waits, with nothing, or not at all."""
        if not exchange.keep_alive:
            self.hang_up(at_once=exchange.received and not self.pipeline)
        elif self.pipeline:
            self.current = None
            self.begin_next()
        else:
            self.current = None
            self.since = self.loop.time()

            if self.broken:
                self.refuse(400)
            elif self.paused:
                self.resume_reading()

    def begin_next(self) -> None:
        if self.pipeline and self.current is None and not self.full:
            self.begin(self.pipeline.popleft())
            self.resume_reading()

    def hang_up(self, *, at_once: bool) -> None:
        """Close the connection, but read on for a moment where the client is still sending.

        Closing a socket with unread bytes resets the connection, and the client may lose the response by that.
        """
        self.deaf = True

        if at_once or not self.transport.can_write_eof():
            self.transport.close()
        else:
            self.pipeline.clear()
            self.transport.write_eof()
            self.resume_reading()
            self.timer.cancel()
            self.timer = self.loop.call_later(LINGER, self.transport.close)

    def fail(self) -> None:
        """Answer bytes that are no HTTP; what was asked before them is answered before."""
        self.deaf = True
        exchange = self.incoming

        if exchange is not None and not exchange.complete:
            exchange.keep_alive = False
            exchange.inbox = exchange.inbox or Inbox()
            exchange.inbox.failure = BodyError(400, "the request body is not framed as HTTP wants it")
            exchange.inbox.wake()
        elif self.current is not None or self.pipeline:
            self.broken = True
        else:
            self.refuse(400)

    def refuse(self, status: int) -> None:
        """Answer what cannot become a request, and close."""
        text = f"{phrase(status)}\n".encode()
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(self.preamble(status) + head % len(text) + text)
        self.head_bytes = 0
        self.hang_up(at_once=False)

    def pause_writing(self) -> None:
        """Let writers wait."""
        self.full = True

    def resume_writing(self) -> None:
        """Let writers go on."""
        self.full = False
        self.wake_drainer()
        self.begin_next()

    def wake_drainer(self) -> None:
        if self.drainer is not None and not self.drainer.done():
            self.drainer.set_result(None)

    async def drain(self) -> None:
        """Wait until the transport takes more, or is lost."""
        while self.full and not self.is_lost:
            self.drainer = self.loop.create_future()
            await self.drainer

    # Leaving HTTP.

    def upgrade(self, rest: bytes) -> None:
        """Become a WebSocket, or go on as if nothing had been asked for (RFC 9110 7.8)."""
        exchange = self.incoming
        assert exchange is not None, "asked for by a head"
        self.upgrading = False

        if not wants_websocket(exchange):
            self.admit(exchange)
            self.read_body_again(exchange)

            if rest:
                self.data_received(rest)
        elif self.current is None:
            del self.parser
            self.timer.cancel()
            self.server_state.connections.discard(self)
            become_websocket(self, exchange)
        else:
            self.incoming = None
            self.fail()

    def read_body_again(self, exchange: DirectExchange) -> None:
        # The parser takes what follows such a head for another protocol: the body needs one that has not seen it.
        framing = [pair for pair in exchange.headers if pair[0] in (b"content-length", b"transfer-encoding")]
        self.parser = new_parser(self)
        self.replaying = True
        self.parser.feed_data(b"POST / HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in framing) + b"\r\n")
        self.replaying = False
        self.target = b""


def new_parser(protocol: Http1Protocol) -> HttpRequestParser:
    parser = HttpRequestParser(protocol)
    # Otherwise a byte behind a request that asks to close would make an error of that request.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def expects(exchange: DirectExchange) -> bool:
    """Whether the client holds the body back until it is told to send it."""
    return exchange.version != "1.0" and any(
        name == b"expect" and value.lower() == b"100-continue" for name, value in exchange.headers
    )


def pair(name: Any) -> Address | None:
    """Return host and port of a socket's name, None for a Unix socket."""
    return (name[0], name[1]) if isinstance(name, tuple) else None
