"""One HTTP/1.1 connection on which anything may be sent, and that says how the server left it."""

import asyncio
from types import TracebackType

from hagworm.testing.http1 import BadMessage, BodyReader, ResponseHead, read_response_head, response_body
from hagworm.testing.response import ClientResponse
from hagworm.testing.stream import Stream, StreamEnded

__all__ = ("PROBE", "Connection")

PROBE = b"OPTIONS * HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
"""A request that every application answers alike, sent to learn whether a connection still takes requests."""


class Connection:
    """Send bytes, read responses, vanish. Every wait is bounded by `timeout` seconds (`TimeoutError`)."""

    def __init__(self, stream: Stream, *, timeout: float = 10.0) -> None:
        self.stream = stream
        self.timeout = timeout
        self.interim: list[int] = []
        """Status of every 1xx response that has come."""
        self.truncated = False
        """A response was cut, or never began."""

    def __repr__(self) -> str:
        return f"<Connection over {self.stream!r}>"

    @classmethod
    async def open(cls, host: str, port: int, *, timeout: float = 10.0) -> "Connection":
        """Connect. Raises OSError, or TimeoutError."""
        async with asyncio.timeout(timeout):
            return cls(await Stream.connect(host, port), timeout=timeout)

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def send(self, data: bytes) -> bool:
        """Send `data`; False where the server takes no more of it, which does not stop the reading of its answer."""
        try:
            async with asyncio.timeout(self.timeout):
                await self.stream.send(data)
        except ConnectionError:
            return False

        return True

    async def read_interim(self) -> int:
        """Read one response that must be a 1xx, and return its status. Raises `StreamEnded`, or `BadMessage`."""
        async with asyncio.timeout(self.timeout):
            head = await read_response_head(self.stream)

        if head.status >= 200:
            raise BadMessage(f"a final response with status {head.status} where an interim one was expected")

        self.interim.append(head.status)
        return head.status

    async def read_head(self) -> ResponseHead:
        """Read the head of the next final response; interim ones before it are noted in `interim`.

        Raises `StreamEnded`, or `BadMessage`.
        """
        async with asyncio.timeout(self.timeout):
            try:
                while (head := await read_response_head(self.stream)).status < 200 and head.status != 101:
                    self.interim.append(head.status)
            except StreamEnded:
                self.truncated = True
                raise

        return head

    def body(self, head: ResponseHead, method: str = "GET") -> BodyReader:
        """Return the reader of the body behind `head`. Raises `BadMessage`."""
        return response_body(self.stream, head, method)

    async def read_piece(self, body: BodyReader) -> bytes:
        """Return the next piece of `body`, `b""` at its end. Raises `StreamEnded` where it is cut, or `BadMessage`."""
        async with asyncio.timeout(self.timeout):
            try:
                return await body.read()
            except StreamEnded:
                self.truncated = True
                raise

    async def read_response(self, method: str = "GET") -> ClientResponse:
        """Read a whole response to a request with `method`. Raises `StreamEnded`, or `BadMessage`."""
        head = await self.read_head()
        body, pieces = self.body(head, method), []

        while piece := await self.read_piece(body):
            pieces.append(piece)

        return ClientResponse(head.status, head.headers, b"".join(pieces), reason=head.reason, version=head.version)

    async def state(self) -> str:
        """Return `kept`, `closed` or `aborted`; a connection that is kept is used up by finding out.

        There is no waiting to see whether an end comes: another request is sent, and it is answered or it is not.
        """
        if self.truncated:
            return "aborted"

        await self.send(PROBE)

        try:
            await self.read_response("OPTIONS")
        except StreamEnded:
            self.truncated = False
            return "closed"

        return "kept"

    async def ended(self) -> bool:
        """Wait until the server ends the connection; True for a clean end, False for a reset."""
        async with asyncio.timeout(self.timeout):
            while await self.stream.fill():
                self.stream.buffer.clear()

        return not self.stream.reset_by_peer

    def half_close(self) -> None:
        """Send no more; reading goes on."""
        self.stream.half_close()

    def reset(self) -> None:
        """Vanish: the server sees a reset."""
        self.stream.reset()

    def close(self) -> None:
        """Close the connection."""
        self.stream.close()
