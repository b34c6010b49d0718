"""Send one request again and again over several connections: `python load.py PORT CASE COUNT CONNECTIONS`."""

import asyncio
import re
import sys
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent))

from cases import CASES  # beside this script

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Pump(asyncio.Protocol):
    """One connection; asks again as soon as the answer is whole."""

    def __init__(self, request: bytes, budget: list[int], done: "asyncio.Future[None]") -> None:
        self.request = request
        self.budget = budget
        self.done = done
        self.buffer = b""
        self.failed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream's
        self.ask()

    def ask(self) -> None:
        if self.budget[0] <= 0:
            self.transport.close()
            return

        self.budget[0] -= 1
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")

        if end < 0 or (found := LENGTH.search(self.buffer, 0, end)) is None:
            return

        if len(self.buffer) >= end + 4 + int(found[1]):
            if self.buffer[9:12] != b"200":
                raise SystemExit(f"unexpected answer: {self.buffer[:200]!r}")

            self.buffer = b""
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.budget[0] > 0 and not self.done.done():
            self.done.set_exception(ConnectionError(f"the server closed a connection: {exc}"))
        elif not self.done.done():
            self.done.set_result(None)


async def run(port: int, case: str, count: int, connections: int) -> None:
    request = next(item for item in CASES if item.name == case).request()
    loop = asyncio.get_running_loop()
    budget = [count]
    done = [loop.create_future() for _ in range(connections)]

    for future in done:
        await loop.create_connection(lambda future=future: Pump(request, budget, future), "127.0.0.1", port)

    await asyncio.gather(*done)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
