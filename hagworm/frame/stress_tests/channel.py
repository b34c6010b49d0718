"""What a process that generates load says to the one that leads it, and hears from it."""

import asyncio
import json
import socket
import struct
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hagworm.extend.error import FrameError
from hagworm.frame.stress_tests.figures import Figures

__all__ = ("LEAD", "PAGE", "Channel", "Inside", "Line", "Watch", "Wired")

LEAD = 0.05
"""How many seconds lie between the word to start and the start."""

PAGE = 4096
"""As many bytes has the memory in which a process counts what it starts; the first eight are the count."""

LENGTH = struct.Struct("!I")
LONGEST = 256 * 1024 * 1024

clock = time.monotonic

Watch = Callable[[Figures, float], None]
"""Called about once a second with all figures so far, and the seconds since measuring began (negative before)."""


class Channel(Protocol):
    """The side of the process that generates load."""

    stopped: asyncio.Event
    """It is to end now, and to say what it has."""

    async def ready(self) -> float:
        """Say that everything is prepared; return when measuring is to begin, by this machine's `time.monotonic()`."""

    async def report(self, figures: Figures) -> None:
        """Say what was counted since the last time."""

    async def finish(self, seconds: float, processor: float) -> None:
        """Say that the load is over, how long it was measured, and what processor time it took."""


class Inside:
    """The channel of a load that runs in the process that leads it. `warm_up` is that of its plan, in seconds."""

    def __init__(self, warm_up: float, watch: Watch | None = None) -> None:
        self.warm_up = warm_up
        self.watch = watch
        self.stopped = asyncio.Event()
        self.figures = Figures()
        self.zero = 0.0
        self.seconds = 0.0
        self.processor = 0.0

    def __repr__(self) -> str:
        return f"<Inside {self.figures!r}>"

    async def ready(self) -> float:
        """Return a moment close by."""
        self.zero = clock() + LEAD + self.warm_up
        return self.zero

    async def report(self, figures: Figures) -> None:
        """Add them to those of before."""
        self.figures = self.figures.merge(figures)

        if self.watch is not None:
            self.watch(self.figures, clock() - self.zero)

    async def finish(self, seconds: float, processor: float) -> None:
        """Remember both."""
        self.seconds = seconds
        self.processor = processor


class Line:
    """Messages over a socket that two processes of this machine share, and nobody else: JSON behind its length.

    Nothing is bound to a name or a port (X1, X7): who has not inherited the socket cannot speak on it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def __repr__(self) -> str:
        return f"<Line {'closing' if self.writer.is_closing() else 'open'}>"

    @classmethod
    async def over(cls, end: socket.socket) -> "Line":
        """Return the line over a connected socket, which now belongs to it."""
        end.setblocking(False)
        return cls(*await asyncio.open_connection(sock=end))

    async def send(self, kind: str, **content: Any) -> None:
        """Send one message. Raises `ConnectionError` where nobody listens any more."""
        data = json.dumps({"kind": kind, **content}).encode()
        self.writer.write(LENGTH.pack(len(data)) + data)
        await self.writer.drain()

    async def receive(self) -> Mapping[str, Any] | None:
        """Return the next message, None at the end of the line. Raises `FrameError` for what is none."""
        try:
            (length,) = LENGTH.unpack(await self.reader.readexactly(LENGTH.size))

            if length > LONGEST:
                raise FrameError(f"a message of {length} bytes; there are none above {LONGEST}")

            message = json.loads(await self.reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        except ValueError as exc:
            raise FrameError(f"a message that is not JSON: {exc}") from exc

        if not isinstance(message, dict) or not isinstance(message.get("kind"), str):
            raise FrameError("a message without a kind")

        return message

    async def close(self) -> None:
        """Hang up; may be called again."""
        self.writer.close()

        try:
            await self.writer.wait_closed()
        except ConnectionError:
            # The other side hung up first.
            return


class Wired:
    """The channel of a process that was started by the one that leads it."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.stopped = asyncio.Event()
        self.go: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        return f"<Wired {self.line!r}>"

    async def listen(self) -> None:
        """Hear what is said until the line ends, which means to stop as well."""
        while (message := await self.line.receive()) is not None:
            if message["kind"] == "go" and not self.go.done():
                self.go.set_result(float(message["zero"]))
            elif message["kind"] == "stop":
                break

        self.stopped.set()
        self.go.cancel()

    async def ready(self) -> float:
        """Say so, and wait for the word. Cancelled where it does not come."""
        await self.line.send("ready")
        return await self.go

    async def report(self, figures: Figures) -> None:
        """Send them."""
        await self.line.send("figures", figures=figures.to_json())

    async def finish(self, seconds: float, processor: float) -> None:
        """Send both."""
        await self.line.send("done", seconds=seconds, processor=processor)
