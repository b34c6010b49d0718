"""A WebSocket handshake that a Tornado application takes, on any engine."""

import asyncio
from typing import Any

from tornado.httputil import HTTPHeaders, HTTPInputError, RequestStartLine, ResponseStartLine

from hagworm.facade.exchange import ClientDisconnected, HeaderPairs
from hagworm.facade.proxies import Stamped
from hagworm.facade.target import BadTarget
from hagworm.frame.tornado.exchange import status_line
from hagworm.frame.tornado.passage import Passage, cut_prefix, maybe
from hagworm.frame.tornado.pipe import Pipe
from hagworm.frame.tornado.socket import Socket

__all__ = ("Handshake", "find_handshake")

_OURS = frozenset((b"upgrade", b"connection", b"sec-websocket-accept", b"sec-websocket-protocol"))
"""What the answer to a handshake carries in any case: the exchange of another engine sets it itself."""

_REQUIRED = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-Websocket-Version": "13",
    "Sec-Websocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
"""What Tornado checks again, though the engine has; HTTP/2 has none of it (RFC 8441)."""


def find_handshake(application: Any, exchange: Any) -> "Handshake | None":
    """Return the way to the handler of `application` that takes this handshake, None where it has none."""
    try:
        handshake = Handshake(application, exchange, cut_prefix(exchange.path, ""))
    except (BadTarget, HTTPInputError):
        return None

    return None if handshake.is_lost() else handshake


class Handshake(Passage):
    """A passage that may become a stream of frames.

    On this engine the application gets the very stream of the connection; on others one that turns the frames it
    writes into messages, and messages into frames.
    """

    def __init__(self, application: Any, exchange: Any, path: bytes) -> None:
        behind = exchange.exchange if isinstance(exchange, Stamped) else exchange
        self._socket: Socket | None = behind if isinstance(behind, Socket) else None
        self._detached: Any = None
        self._body = b""
        self._answer: list[tuple[bytes, bytes]] = []
        super().__init__(application, exchange, path)

    async def run(self, headers: HeaderPairs) -> int:
        """Let the application answer the handshake, and return its status when what follows has ended."""
        stamped = isinstance(self.exchange, Stamped) and self._socket is not None
        self._extra = [*headers, *self.exchange.stamp] if stamped else headers
        self._received = True

        try:
            await maybe(self._delegate.headers_received(self._start_line, self._headers))
            self._delegate.finish()
            await self._end_of_conversation()
        finally:
            self._stop()

            if isinstance(self._detached, Pipe):
                await self._detached.end()

        return self.status

    async def _end_of_conversation(self) -> None:
        if self._socket is None:
            await self._over

            if self._detached is not None:
                await self._detached.wait_end()

            return

        ended = self.loop.create_task(self._socket.wait_end())

        try:
            await asyncio.wait({self._over, ended}, return_when=asyncio.FIRST_COMPLETED)

            if not self._over.done():
                self._leave()
                raise ClientDisconnected("the client left before the handshake was answered")

            if self._detached is not None:
                await ended
        finally:
            ended.cancel()
            await asyncio.gather(ended, return_exceptions=True)

    def write_headers(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders, chunk: bytes | None = None
    ) -> asyncio.Future[None]:
        assert isinstance(start_line, ResponseStartLine)
        self.status = start_line.code
        self._answer = self._answer_headers(headers)

        if self.status != 101:
            return self.write(chunk or b"")

        if self._socket is not None:
            pairs = [*self._answer, (b"connection", b"Upgrade")]
            self._detached = self._socket.hand_over(status_line(101), pairs)
            self._end()
            return self._done()

        self._detached = Pipe(self.exchange)
        chosen = headers.get("Sec-Websocket-Protocol")
        return self._queue(self._accept, chosen, [pair for pair in self._answer if pair[0] not in _OURS])

    def write(self, chunk: bytes) -> asyncio.Future[None]:
        self._body += chunk
        return self._done()

    def finish(self) -> None:
        if self.status != 101:
            self._queue(self._reject)

    def detach(self) -> Any:
        """Return the stream behind the handshake."""
        if self._detached is None:
            raise RuntimeError("this connection cannot be detached before its handshake is answered with 101")

        return self._detached

    async def _accept(self, subprotocol: str | None, headers: HeaderPairs) -> None:
        await self.exchange.accept(subprotocol, headers)
        self._detached.open()
        self._end()

    async def _reject(self) -> None:
        if not any(name == b"content-length" for name, _ in self._answer):
            self._answer.append((b"content-length", b"%d" % len(self._body)))

        await self.exchange.reject(self.status, self._answer, self._body)
        self._end()

    def _make_headers(self, pairs: HeaderPairs) -> HTTPHeaders:
        headers = super()._make_headers(pairs)

        for name, value in _REQUIRED.items():
            headers.setdefault(name, value)

        if self._socket is None:
            # The engine has settled the extensions of its own frames; those made for the application have none.
            headers.pop("Sec-Websocket-Extensions", None)

        return headers
