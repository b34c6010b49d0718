"""Play ping-pong over WebSockets: `python load_ws.py PORT COUNT CONNECTIONS`; frames are made by hand, cheaply."""

import asyncio
import sys

import uvloop

HELLO = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
MESSAGE = b"m" * 64
# A mask of zeros is a valid mask, and spares the generator the work.
FRAME = b"\x81" + bytes([0x80 | len(MESSAGE)]) + b"\0\0\0\0" + MESSAGE
REPLY = b"\x81" + bytes([len(MESSAGE)]) + MESSAGE


class Player(asyncio.Protocol):
    """One WebSocket."""

    def __init__(self, budget: list[int], done: "asyncio.Future[None]") -> None:
        self.budget = budget
        self.done = done
        self.buffer = b""
        self.open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's
        self.transport.write(HELLO)

    def data_received(self, data: bytes) -> None:
        self.buffer += data

        if not self.open:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")

            if not found:
                return

            if b" 101 " not in head[:20]:
                raise SystemExit(f"the handshake was refused: {head!r}")

            self.open, self.buffer = True, rest
            self.say()
        elif len(self.buffer) >= len(REPLY):
            if self.buffer != REPLY:
                raise SystemExit(f"unexpected frame: {self.buffer!r}")

            self.buffer = b""
            self.say()

    def say(self) -> None:
        if self.budget[0] <= 0:
            self.transport.abort()
            return

        self.budget[0] -= 1
        self.transport.write(FRAME)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(port: int, count: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    budget = [count]
    done = [loop.create_future() for _ in range(connections)]

    for future in done:
        await loop.create_connection(lambda future=future: Player(budget, future), "127.0.0.1", port)

    await asyncio.gather(*done)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
