"""Any WSGI application below a prefix, behind any engine, in a bounded number of threads."""

import asyncio
import contextvars
import io
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from hagworm.facade.context import current
from hagworm.facade.exchange import BodyError, ClientDisconnected, HttpExchange, WsExchange, reply_whole
from hagworm.facade.failure import HTTPError, PayloadTooLarge
from hagworm.facade.headers import index_headers
from hagworm.frame.asgi.conversation import Pairs, check_length, clean
from hagworm.frame.asgi.guest import origin_form

__all__ = ("WsgiMount", "mount_wsgi")

T = TypeVar("T")
THREADS = 10
INPUT_BUFFER = 64 * 1024
BODILESS = (204, 304)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

logger = logging.getLogger("hagworm.mount")


def mount_wsgi(app: WsgiApp, prefix: str, *, threads: int = THREADS) -> "WsgiMount":
    """Return what serves `app` below `prefix`, over exchanges of any engine; `threads` requests run at a time."""
    return WsgiMount(app, prefix, threads)


class WsgiMount:
    """A WSGI application (PEP 3333) below a prefix."""

    __slots__ = ("app", "pool", "prefix", "threads")

    def __init__(self, app: WsgiApp, prefix: str, threads: int = THREADS) -> None:
        self.app = app
        self.prefix = prefix.rstrip("/")
        self.threads = threads
        self.pool: ThreadPoolExecutor | None = None

    def __repr__(self) -> str:
        return f"<WsgiMount of {self.app!r} at {self.prefix or '/'}, {self.threads} threads>"

    async def startup(self) -> None:
        """Prepare the threads; each begins with the first request that needs it."""
        self.pool = ThreadPoolExecutor(self.threads, thread_name_prefix="hagworm-wsgi")

    async def shutdown(self) -> None:
        """Let the threads end with what they are doing; what still waits for one is given up."""
        pool, self.pool = self.pool, None

        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    async def http(self, exchange: HttpExchange) -> None:
        """Let the application answer, in a thread with a copy of the present context.

        Raises what it raises before it has begun to, and `HTTPError` for a body that cannot be read or is larger than
        the limits of the request being served allow. A later exception is logged and drops the connection.
        """
        if self.pool is None:
            raise RuntimeError(f"{self!r} has not been started")

        serving = current.get()
        limit = serving.limits.body if serving is not None else None
        check_length(exchange.headers, limit)
        call = WsgiCall(self.app, exchange, asyncio.get_running_loop(), limit)
        environ = make_environ(exchange, self.prefix, Body(call))
        context = contextvars.copy_context()

        try:
            await asyncio.get_running_loop().run_in_executor(self.pool, context.run, call.run, environ)
        except asyncio.CancelledError:
            call.leave()
            raise
        except Exception as exc:
            if not call.begun:
                raise call.failure or exc from exc

            if isinstance(exc, ClientDisconnected):
                logger.info("%s: the client has left", exchange.path.decode("latin-1"))
            else:
                logger.error("%s: the application failed", exchange.path.decode("latin-1"), exc_info=exc)

            call.leave()

    async def websocket(self, exchange: WsExchange) -> None:
        """Refuse: WSGI knows no WebSockets."""
        await exchange.reject(404, [(b"content-length", b"0")], b"")


class WsgiCall:
    """One call of the application. What its thread wants of the exchange, it lets the loop do, and waits for it."""

    __slots__ = ("app", "begun", "complete", "exchange", "failure", "head", "left", "limit", "loop", "taken")

    def __init__(
        self, app: WsgiApp, exchange: HttpExchange, loop: asyncio.AbstractEventLoop, limit: int | None
    ) -> None:
        self.app = app
        self.exchange = exchange
        self.loop = loop
        self.limit = limit
        self.taken = 0
        self.head: tuple[int, Pairs] | None = None
        self.begun = False
        self.complete = False
        self.left = False
        self.failure: HTTPError | None = None

    def wait_for(self, work: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        if self.left:
            raise ClientDisconnected("nobody waits for this response any more")

        async def run() -> T:
            return await work(*arguments)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result()

    def leave(self) -> None:
        """Drop the connection unless the response is complete; the thread hears of it at its next read or write."""
        self.left = True

        if not self.complete:
            self.exchange.abort()

    def read(self) -> bytes:
        """Return the next piece of the body. Raises OSError, as files do."""
        try:
            piece = self.wait_for(self.exchange.read)
        except BodyError as exc:
            self.failure = HTTPError(exc.status, exc.detail)
            raise OSError(exc.detail) from exc

        self.taken += len(piece)

        if self.limit is not None and self.taken > self.limit:
            self.failure = PayloadTooLarge(f"the body is larger than {self.limit} bytes")
            raise OSError(self.failure.detail)

        return piece

    def run(self, environ: dict[str, Any]) -> None:
        """Call the application and send what it answers, piece by piece as it makes them."""
        result = self.app(environ, self.start_response)

        try:
            if isinstance(result, list | tuple):
                self.answer(b"".join(result))
            else:
                self.stream(iter(result))
        finally:
            if (close := getattr(result, "close", None)) is not None:
                close()

    def stream(self, pieces: Iterator[bytes]) -> None:
        for piece in pieces:
            if not piece:
                continue

            if not self.begun and self.expected() == len(piece):
                # Frameworks give their whole body as the one piece of an iterator.
                self.answer(piece)
            else:
                self.write(piece)

        if self.begun and not self.complete:
            self.complete = True
            self.wait_for(self.exchange.finish)
        elif not self.begun:
            self.answer(b"")

    def expected(self) -> int | None:
        _, headers = self.response_head()
        length = dict(headers).get(b"content-length", b"")
        return int(length) if length.isdigit() else None

    def response_head(self) -> tuple[int, Pairs]:
        if self.head is None:
            raise RuntimeError("a WSGI application must call start_response before its first piece of body")

        return self.head

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take status and headers, as PEP 3333 has it: again only with `exc_info`, and not once they were sent."""
        if exc_info and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])

        if self.head is not None and not exc_info:
            raise AssertionError("start_response was called already")

        pairs = clean((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        self.head = int(status.split(" ", 1)[0]), pairs
        return self.write

    @property
    def is_bodiless(self) -> bool:
        return self.exchange.method == "HEAD" or self.response_head()[0] in BODILESS

    def write(self, piece: bytes) -> None:
        """Send one piece of the body."""
        if self.complete or self.is_bodiless or not piece:
            return

        if not self.begun:
            self.begun = True
            self.wait_for(self.exchange.start, *self.response_head())

        self.wait_for(self.exchange.write, piece)

    def answer(self, body: bytes) -> None:
        """Send the whole response, or the rest of one that has begun."""
        status, headers = self.response_head()

        if self.begun:
            if body and not self.complete:
                self.wait_for(self.exchange.write, body)

            if not self.complete:
                self.complete = True
                self.wait_for(self.exchange.finish)

            return

        if status in BODILESS:
            headers = [pair for pair in headers if pair[0] != b"content-length"]
        elif self.exchange.method != "HEAD" and self.expected() is None:
            headers = [*headers, (b"content-length", b"%d" % len(body))]

        self.begun = self.complete = True
        self.wait_for(reply_whole, self.exchange, status, headers, b"" if self.is_bodiless else body)


class Body(io.RawIOBase):
    """The body of the request as a file that blocks its thread, never the loop."""

    def __init__(self, call: WsgiCall) -> None:
        self.call = call
        self.rest = b""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with what has arrived; 0 at the end."""
        piece = self.rest or self.call.read()
        size = min(len(piece), len(buffer))
        buffer[:size] = piece[:size]
        self.rest = piece[size:]
        return size


def make_environ(exchange: HttpExchange, prefix: str, body: Body) -> dict[str, Any]:
    """Return the environment of PEP 3333: text in it is bytes read as latin-1."""
    path = unquote_to_bytes(origin_form(exchange.path)).decode("latin-1")
    local, peer = exchange.local, exchange.peer
    environ: dict[str, Any] = {
        "REQUEST_METHOD": exchange.method,
        "SCRIPT_NAME": prefix,
        "PATH_INFO": path[len(prefix) :],
        "QUERY_STRING": exchange.query.decode("latin-1"),
        "SERVER_NAME": local[0] if local else "localhost",
        "SERVER_PORT": str(local[1]) if local else "80",
        "SERVER_PROTOCOL": f"HTTP/{exchange.version}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": exchange.scheme,
        "wsgi.input": io.BufferedReader(body, INPUT_BUFFER),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }

    if peer is not None:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer[0], str(peer[1])

    for name, value in index_headers(exchange.headers).items():
        # `X_A` would be taken for `X-A`, which only a proxy may be trusted to set, and `proxy` for the proxy of the
        # process (httpoxy).
        if b"_" not in name and name != b"proxy":
            key = name.decode("latin-1").upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = value.decode("latin-1")

    return environ
