"""A client for tests: the same calls against any engine, in memory or over a loopback socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hagworm.testing.connection import Connection
from hagworm.testing.encoding import ClientRequest, Pairs, build_request
from hagworm.testing.http1 import BadMessage
from hagworm.testing.jar import CookieJar
from hagworm.testing.response import ClientResponse, RawAnswer
from hagworm.testing.stream import StreamEnded
from hagworm.testing.transport import Answering, LoopbackTransport, MemoryTransport
from hagworm.testing.watch import ErrorWatch
from hagworm.testing.websocket import WebSocketSession

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("Client", "StreamedResponse")


class StreamedResponse:
    """A response whose body is read as it comes: `async for piece in response`, or `read()` for the rest."""

    def __init__(self, answer: Answering, *, timeout: float) -> None:
        self.head = ClientResponse(answer.status, answer.headers, reason=answer.reason, version=answer.version)
        self.status = answer.status
        self.headers = self.head.headers
        self.answer = answer
        self.timeout = timeout

    def __repr__(self) -> str:
        return f"<StreamedResponse {self.status}>"

    async def next_piece(self) -> bytes:
        """Return the next piece, `b""` at the end. Raises ConnectionError where the body is cut, or TimeoutError."""
        async with asyncio.timeout(self.timeout):
            return await self.answer.read()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self.next_piece():
            yield piece

    async def read(self) -> bytes:
        """Return the rest of the body."""
        return b"".join([piece async for piece in self])

    async def lines(self) -> AsyncIterator[str]:
        """Yield the lines of the body without their ends, as server-sent events are read."""
        rest = b""

        while piece := await self.next_piece():
            *complete, rest = (rest + piece).split(b"\n")

            for line in complete:
                yield line.removesuffix(b"\r").decode()

        if rest:
            yield rest.decode()


class Client:
    """`async with Client(app) as client:` starts the application, and stops it at the end of the block.

    `engine` is `memory`, or any engine's name for a real server on a loopback port, with `options` for its section
    `server`. Cookies are kept between requests in `cookies`; `headers` go with every request. With `raise_errors`
    an exception that the application answers with 500 is raised from the call instead of being returned as such a
    response. Every wait is bounded by `timeout` seconds.
    """

    def __init__(
        self,
        app: "App",
        *,
        engine: str = "memory",
        headers: Pairs | None = None,
        cookies: Mapping[str, str] | None = None,
        raise_errors: bool = False,
        timeout: float = 10.0,
        **options: Any,
    ) -> None:
        self.app = app
        self.engine = engine
        self.default_headers = dict(headers or {})
        self.cookies = CookieJar(cookies)
        self.raise_errors = raise_errors
        self.timeout = timeout
        self.watch = ErrorWatch()
        self.transport: MemoryTransport | LoopbackTransport = (
            MemoryTransport(app, timeout=timeout)
            if engine == "memory"
            else LoopbackTransport(app, engine, timeout=timeout, options=options)
        )

    def __repr__(self) -> str:
        return f"<Client of {self.app!r} on {self.engine}>"

    async def __aenter__(self) -> "Client":
        await self.transport.open()
        self.watch.attach()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.watch.detach()
        await self.transport.close()

    def with_cookies(self, request: ClientRequest, cookies: Mapping[str, str] | None) -> ClientRequest:
        if not (crumbs := self.cookies.header(request.path, cookies)):
            return request

        return replace(request, headers=[*request.headers, (b"cookie", crumbs.encode("latin-1"))])

    @asynccontextmanager
    async def stream(self, method: str, url: str, **arguments: Any) -> AsyncIterator[StreamedResponse]:
        """Send a request and read the response as it comes; leaving the block early is a disconnect."""
        cookies = arguments.pop("cookies", None)
        headers = {**self.default_headers, **dict(arguments.pop("headers", None) or {})}
        request = self.with_cookies(build_request(method, url, headers=headers, **arguments), cookies)
        answer = await self.transport.send(request)
        response = StreamedResponse(answer, timeout=self.timeout)

        for header in response.headers.all("set-cookie"):
            self.cookies.learn(header, request.path)

        try:
            yield response
        finally:
            await answer.close()

    async def request(self, method: str, url: str, **arguments: Any) -> ClientResponse:
        """Send a request and return the whole response.

        Arguments: `params`, `headers`, `cookies`, `json`, `data`, `files`, `content` (bytes, text, or an asynchronous
        iterable that is sent in pieces). Raises ConnectionError where the response is cut, and `TimeoutError`.
        """
        async with self.stream(method, url, **arguments) as response:
            response.head.body = await response.read()

        if self.raise_errors and response.status == 500:
            self.watch.raise_for(response.headers.get("x-request-id"))

        return response.head

    async def get(self, url: str, **arguments: Any) -> ClientResponse:
        """`request` with GET."""
        return await self.request("GET", url, **arguments)

    async def post(self, url: str, **arguments: Any) -> ClientResponse:
        """`request` with POST."""
        return await self.request("POST", url, **arguments)

    async def put(self, url: str, **arguments: Any) -> ClientResponse:
        """`request` with PUT."""
        return await self.request("PUT", url, **arguments)

    async def patch(self, url: str, **arguments: Any) -> ClientResponse:
        """`request` with PATCH."""
        return await self.request("PATCH", url, **arguments)

    async def delete(self, url: str, **arguments: Any) -> ClientResponse:
        """`request` with DELETE."""
        return await self.request("DELETE", url, **arguments)

    async def head(self, url: str, **arguments: Any) -> ClientResponse:
        """`request` with HEAD."""
        return await self.request("HEAD", url, **arguments)

    async def options(self, url: str, **arguments: Any) -> ClientResponse:
        """`request` with OPTIONS."""
        return await self.request("OPTIONS", url, **arguments)

    @asynccontextmanager
    async def websocket(
        self,
        url: str,
        *,
        subprotocols: Sequence[str] = (),
        params: Pairs | None = None,
        headers: Pairs | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> AsyncIterator[WebSocketSession]:
        """Open a WebSocket. Raises `HandshakeRefused` with the response where the application does not accept it."""
        request = build_request("GET", url, params=params, headers={**self.default_headers, **dict(headers or {})})
        request = self.with_cookies(request, cookies)
        channel = await self.transport.websocket(request.target, request.headers, subprotocols)

        async with WebSocketSession(channel, timeout=self.timeout) as session:
            yield session

    async def connect(self) -> Connection:
        """Open a connection on which anything may be sent; close it when done."""
        return await self.transport.connect()

    async def raw(self, data: bytes, *, methods: Sequence[str] | None = None) -> RawAnswer:
        """Send `data` on a connection of its own, and return the bytes that come back and how it was left.

        `methods` are those of the requests in `data`, by default one: the word `data` begins with.
        """
        if methods is None:
            methods = (data.split(b" ", 1)[0].decode("latin-1"),)

        responses: list[ClientResponse] = []

        async with await self.connect() as connection:
            connection.stream.record = True
            await connection.send(data)

            try:
                while len(responses) < len(methods):
                    responses.append(await connection.read_response(methods[len(responses)]))
            except (StreamEnded, BadMessage):
                return RawAnswer(bytes(connection.stream.received), responses, connection.interim, "aborted")

            received = bytes(connection.stream.received)
            return RawAnswer(received, responses, connection.interim, await connection.state())
