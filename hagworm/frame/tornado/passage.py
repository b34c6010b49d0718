"""The way of a request into a Tornado application, on any engine: its connection made from an exchange."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPInputError,
    HTTPMessageDelegate,
    HTTPOutputError,
    HTTPServerRequest,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import StreamClosedError
from tornado.web import Application, ErrorHandler

from hagworm.facade.context import current
from hagworm.facade.exchange import BodyError, ClientDisconnected, Head, HeaderPairs, HttpExchange, reply_whole
from hagworm.facade.failure import BadRequest, HTTPError, PayloadTooLarge
from hagworm.facade.limits import Limits
from hagworm.facade.proxies import Stamped
from hagworm.facade.target import BadTarget, strip_origin
from hagworm.frame.tornado.exchange import Exchange

__all__ = ("Context", "Passage", "cut_prefix", "find_passage", "maybe")

Future = asyncio.Future[None]


def cut_prefix(target: bytes, prefix: str) -> bytes:
    """Return `target` in origin form without as many segments as `prefix` has, at least `/`."""
    path = target if target.startswith(b"/") else strip_origin(target)[0]
    # Segments are counted, not compared: they may be percent-encoded in another way than the prefix is written.
    return b"/" + b"/".join(path.split(b"/")[1 + prefix.count("/") :])


def find_passage(application: Any, exchange: HttpExchange) -> "Passage | None":
    """Return the way to the handler of `application` that takes this request, None where it has none."""
    try:
        passage = Passage(application, exchange, cut_prefix(exchange.path, ""))
    except (BadTarget, HTTPInputError):
        return None

    return None if passage.is_lost() else passage


@dataclass
class Context:
    """What Tornado knows of a connection (`HTTPServerRequest` reads `remote_ip` and `protocol`)."""

    address: tuple[str, int] | None
    remote_ip: str
    protocol: str


class Passage(HTTPConnection):
    """One request as a Tornado application sees it, and the connection that it answers on.

    What the application writes is queued and carried out in order by one task, so that its synchronous calls become
    the exchange's verbs; a whole response that is written in one go stays one.
    """

    no_keep_alive = False

    def __init__(self, application: Any, exchange: Any, path: bytes) -> None:
        self.exchange = exchange
        self.loop = asyncio.get_running_loop()
        self.context = make_context(exchange)
        # What some handlers reach for, on the engine that has one.
        self.stream: Any = getattr(getattr(exchange, "connection", None), "stream", None)
        self.status = 0
        # On this engine a response may have a phrase of its own.
        self._own = exchange.exchange if isinstance(exchange, Stamped) else exchange
        self._limit: int | None = None
        self._extra: HeaderPairs = ()
        self._operations: deque[tuple[Callable[..., Any], tuple[Any, ...], Future]] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._over: Future = self.loop.create_future()
        self._close_callback: Callable[[], None] | None = None
        self._remaining: int | None = None
        self._bodiless = False
        self._left = False
        self._received = False
        uri = (path + b"?" + exchange.query if exchange.query else path).decode("latin-1")
        version = "1.0" if exchange.version == "1.0" else "1.1"
        self._start_line = RequestStartLine(exchange.method, uri, f"HTTP/{version}")
        self._headers = self._make_headers(exchange.headers)
        self._delegate = self._make_delegate(application)

    def __repr__(self) -> str:
        return f"<Passage {self._start_line.method} {self._start_line.path}>"

    def is_lost(self) -> bool:
        """Return whether no handler takes the request: what would answer is the one that says 404."""
        # An application without a default handler answers so, for which it has no name of its own.
        delegate = self._delegate
        kind, arguments = getattr(delegate, "handler_class", None), getattr(delegate, "handler_kwargs", None)
        return kind is ErrorHandler and arguments == {"status_code": 404} and not self._has_default

    async def run(self, headers: HeaderPairs) -> int:
        """Let the application answer, with `headers` added; return its status.

        Raises `ClientDisconnected`, and `HTTPError` for a body that cannot be read or is larger than the limits of the
        request being served, or the application's own, allow.
        """
        self._extra = headers
        reader = self.loop.create_task(self._receive())

        try:
            await asyncio.wait({reader, self._over}, return_when=asyncio.FIRST_COMPLETED)

            if not self._over.done():
                self._check(reader)
                self.exchange.gone.add_done_callback(self._leave)
                await asyncio.wait({self._over})
                self.exchange.gone.remove_done_callback(self._leave)
        finally:
            reader.cancel()
            self._stop()
            await asyncio.gather(reader, return_exceptions=True)

        # Raises what kept the response from being sent.
        self._over.result()

        if self._left:
            raise ClientDisconnected("the client left before the application had answered")

        return self.status

    def _check(self, reader: asyncio.Task[None]) -> None:
        """Raise what kept the request from being read, unless an answer to that has to be dropped."""
        error = reader.exception()

        if error is None:
            return

        if self.status and isinstance(error, HTTPError):
            self.exchange.abort()
            raise ClientDisconnected(f"dropped in the middle of a response: {error}") from error

        raise error

    # What the application reads.

    async def _receive(self) -> None:
        """Hand over the request, body included, and no more of it than the application takes."""
        delegate = self._delegate
        serving = current.get()
        limits = serving.limits if serving is not None else Limits()
        self._limit = limits.body

        try:
            await maybe(delegate.headers_received(self._start_line, self._headers))
            size = int(self._headers.get("Content-Length", "0"))
            self._check_size(size)
            size = 0

            while piece := await self._read(limits.body_idle):
                size += len(piece)
                self._check_size(size)
                await maybe(delegate.data_received(piece))

            self._received = True
        except HTTPInputError as exc:
            raise BadRequest(str(exc)) from exc
        finally:
            if not self._received:
                delegate.on_connection_close()

        delegate.finish()

    async def _read(self, idle: float | None) -> bytes:
        try:
            async with asyncio.timeout(idle):
                piece: bytes = await self.exchange.read()
                return piece
        except TimeoutError as exc:
            raise HTTPError(408, f"no more of the body came within {idle:g} seconds") from exc
        except BodyError as exc:
            raise HTTPError(exc.status, exc.detail) from exc

    def _check_size(self, size: int) -> None:
        if self._limit is not None and size > self._limit:
            raise PayloadTooLarge(f"the body is larger than {self._limit} bytes")

    # What the application writes: tornado.httputil.HTTPConnection, and what RequestHandler uses beyond it.

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> Future:
        assert isinstance(start_line, ResponseStartLine)
        self.status = start_line.code
        length = headers.get("Content-Length")
        self._bodiless = self._start_line.method == "HEAD" or self.status in (204, 304)
        self._remaining = None if length is None or self._bodiless else int(length)
        self._count(chunk or b"")

        if isinstance(self._own, Exchange):
            self._own.say(start_line.code, start_line.reason)

        return self._queue(self._send_head, start_line.code, self._answer_headers(headers), chunk or b"")

    def write(self, chunk: bytes) -> Future:
        if self._bodiless:
            return self._done()

        self._count(chunk)
        return self._queue(self._send_piece, bytes(chunk))

    def finish(self) -> None:
        if self._bodiless:
            return

        if self._remaining and not self._left:
            self.exchange.abort()
            self._end()
            raise HTTPOutputError(f"Tried to write {self._remaining} bytes less than Content-Length")

        self._queue(self._send_end)

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` once if the client goes away before the response is complete."""
        self._close_callback = callback

    def set_max_body_size(self, size: int) -> None:
        """Change the limit for this one request."""
        self._limit = size

    def set_body_timeout(self, seconds: float) -> None:
        """Do nothing: how long a body may take is the facade's."""

    def detach(self) -> Any:
        """Refuse: only a handshake ends in another protocol."""
        raise RuntimeError("this connection cannot be detached: the request is no handshake")

    # Carrying it out.

    def _queue(self, verb: Callable[..., Any], *arguments: Any) -> Future:
        done: Future = self.loop.create_future()

        if self._left or self._over.done():
            done.set_exception(StreamClosedError())
            done.exception()
            return done

        self._operations.append((verb, arguments, done))

        if self._writer is None:
            self._writer = self.loop.create_task(self._write_out())

        return done

    def _done(self) -> Future:
        done: Future = self.loop.create_future()
        done.set_result(None)
        return done

    async def _write_out(self) -> None:
        while self._operations:
            verb, arguments, done = self._operations.popleft()

            try:
                await verb(*arguments)
            except ClientDisconnected:
                self._fail(done)
                self._leave()
            except Exception as exc:
                self._fail(done)

                if not self._over.done():
                    self._over.set_exception(exc)
            else:
                if not done.done():
                    done.set_result(None)

        self._writer = None

    async def _send_head(self, status: int, headers: list[tuple[bytes, bytes]], chunk: bytes) -> None:
        if self._bodiless:
            await reply_whole(self.exchange, status, headers, b"")
            self._end()
        elif self._operations and self._operations[0][0] == self._send_end:
            self._operations.clear()

            if self._remaining is None:
                headers.append((b"content-length", b"%d" % len(chunk)))

            await reply_whole(self.exchange, status, headers, chunk)
            self._end()
        else:
            await self.exchange.start(status, headers)
            await self._send_piece(chunk)

    async def _send_piece(self, chunk: bytes) -> None:
        if chunk:
            await self.exchange.write(chunk)

    async def _send_end(self) -> None:
        await self.exchange.finish()
        self._end()

    def _count(self, chunk: bytes) -> None:
        if self._remaining is not None:
            self._remaining -= len(chunk)

            if self._remaining < 0:
                self.exchange.abort()
                self._end()
                raise HTTPOutputError("Tried to write more data than Content-Length")

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _leave(self, _: object = None) -> None:
        """Tell the application that the client is gone."""
        if self._over.done():
            return

        self._left = True
        self._end()
        callback, self._close_callback = self._close_callback, None

        if callback is not None and self._received:
            callback()

    def _stop(self) -> None:
        """Let nothing wait for what will not happen."""
        if self._writer is not None:
            self._writer.cancel()

        while self._operations:
            self._fail(self._operations.popleft()[2])

        self._end()

    @staticmethod
    def _fail(done: Future) -> None:
        if not done.done():
            done.set_exception(StreamClosedError())
            done.exception()

    # Making it.

    def _make_headers(self, pairs: HeaderPairs) -> HTTPHeaders:
        headers = HTTPHeaders()

        for name, value in pairs:
            headers.add(name.decode("latin-1"), value.decode("latin-1"))

        return headers

    def _make_delegate(self, application: Any) -> HTTPMessageDelegate:
        self._has_default = False

        if isinstance(application, Application):
            self._has_default = bool(application.settings.get("default_handler_class"))
            request = HTTPServerRequest(connection=self, start_line=self._start_line, headers=self._headers)
            return application.find_handler(request)

        delegate: HTTPMessageDelegate = application.start_request(None, self)
        return delegate

    def _answer_headers(self, headers: HTTPHeaders) -> list[tuple[bytes, bytes]]:
        """Return the application's headers with those of the facade in the place of its own of the same name."""
        added = {name for name, _ in self._extra} | _ENGINES
        pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.get_all()]
        kept = [pair for pair in pairs if pair[0] not in added and not is_signature(pair)]

        if headers.get("Connection", "").lower() == "close" and _CLOSE not in self._extra:
            kept.append(_CLOSE)

        return [*kept, *self._extra]


_CLOSE = (b"connection", b"close")
_ENGINES = frozenset((b"connection", b"date", b"keep-alive", b"transfer-encoding"))
"""What the engine says of a response, whoever made it."""


def is_signature(pair: tuple[bytes, bytes]) -> bool:
    """Return whether a header is the `Server` that Tornado adds unasked."""
    return pair[0] == b"server" and pair[1].startswith(b"TornadoServer/")


def make_context(head: Head) -> Context:
    """Return what a Tornado application may know of the connection behind `head`."""
    peer = head.peer
    return Context(peer, peer[0] if peer is not None else "0.0.0.0", head.scheme)


async def maybe(result: Any) -> None:
    """Wait for what a delegate returns, if it returns anything."""
    if result is not None:
        await result
