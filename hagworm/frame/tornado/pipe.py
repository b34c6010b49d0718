"""A stream of WebSocket frames made from messages, for a Tornado application behind another engine."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError

from hagworm.facade.exchange import ClientDisconnected, Closed, WsExchange
from hagworm.frame.tornado.frames import BINARY, CLOSE, PING, PONG, TEXT, masked_frame

__all__ = ("Pipe",)

Future = asyncio.Future[Any]

_ABANDONED = 1011


class Pipe:
    """What `tornado.websocket.WebSocketProtocol13` uses of an `IOStream`: it reads frames, and writes them one by one.

    A ping of the application is answered at once: whether the client is there is the engine's business.
    """

    def __init__(self, exchange: WsExchange) -> None:
        self.io_loop = IOLoop.current()
        self.error: BaseException | None = None
        self._exchange = exchange
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._wanted: tuple[int, bool, Future] | None = None
        self._frames: deque[tuple[bytes, Future]] = deque()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._more = asyncio.Event()
        self._taken = asyncio.Event()
        self._closed = False
        self._close_callback: Callable[[], None] | None = None
        self._ended: Future = self._loop.create_future()
        self._said = False

    def __repr__(self) -> str:
        return f"<Pipe {'closed' if self._closed else 'open'}>"

    def open(self) -> None:
        """Begin to receive, now that the handshake is complete, and to send what has been written."""
        self._tasks["receive"] = self._loop.create_task(self._receive())
        self._tasks["send"] = self._loop.create_task(self._send())

    async def wait_end(self) -> None:
        """Return when the stream has been closed, by either side."""
        await asyncio.shield(self._ended)

    async def end(self) -> None:
        """Close it, and the WebSocket behind it."""
        self.close()
        tasks = list(self._tasks.values())

        for task in tasks:
            task.cancel()

        await asyncio.gather(*tasks, return_exceptions=True)

        if not self._said:
            await self._exchange.close(_ABANDONED, "")

    # What the protocol class uses.

    def read_bytes(self, size: int, partial: bool = False) -> Future:
        """Return a future of `size` bytes of frames."""
        assert self._wanted is None, "Already reading"
        future: Future = self._loop.create_future()
        self._wanted = (size, partial, future)
        self._serve()
        return future

    def write(self, data: bytes | memoryview) -> Future:
        """Send one frame; the future is done when the engine takes more. Raises `StreamClosedError`."""
        if self._closed:
            raise StreamClosedError()

        future: Future = self._loop.create_future()
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._frames.append((bytes(data), future))
        self._more.set()
        return future

    def close(self, exc_info: Any = False) -> None:
        """End the stream; frames that were written before are sent."""
        if self._closed:
            return

        self._closed = True
        self._serve()
        self._more.set()
        callback, self._close_callback = self._close_callback, None

        if callback is not None:
            self._loop.call_soon(callback)

    def closed(self) -> bool:
        """Return whether it has been closed."""
        return self._closed

    def reading(self) -> bool:
        """Return whether a read waits."""
        return self._wanted is not None

    def writing(self) -> bool:
        """Return whether frames wait to be sent."""
        return bool(self._frames)

    def set_close_callback(self, callback: Callable[[], None] | None) -> None:
        """Call `callback` once, when the stream is closed."""
        self._close_callback = callback

    def set_nodelay(self, value: bool) -> None:
        """Do nothing: the engine sends at once."""

    # Between frames and messages.

    async def _receive(self) -> None:
        while not self._closed:
            message = await self._exchange.recv()

            if isinstance(message, str):
                await self._push(masked_frame(TEXT, message.encode("utf-8")))
            elif isinstance(message, bytes):
                await self._push(masked_frame(BINARY, message))
            else:
                await self._push_close(message)
                return

    async def _push_close(self, closed: Closed) -> None:
        self._said = True

        if closed.code == 1006:
            self.close()
        elif closed.code == 1005:
            await self._push(masked_frame(CLOSE, b""))
        else:
            await self._push(masked_frame(CLOSE, closed.code.to_bytes(2, "big") + closed.reason.encode("utf-8")))

    async def _push(self, frame: bytes) -> None:
        """Hand over a frame, and wait until the application has read it: that is the back-pressure."""
        self._taken.clear()
        self._buffer += frame
        self._serve()

        while self._buffer and not self._closed:
            self._taken.clear()
            await self._taken.wait()

    def _serve(self) -> None:
        """Give a read that waits what it asked for."""
        if self._wanted is None:
            return

        size, partial, future = self._wanted

        if len(self._buffer) >= size or (partial and self._buffer):
            self._wanted = None
            data = bytes(self._buffer[:size])
            del self._buffer[:size]

            if not future.done():
                future.set_result(data)
        elif self._closed:
            self._wanted = None

            if not future.done():
                future.set_exception(StreamClosedError())

        if not self._buffer or self._closed:
            self._taken.set()

    async def _send(self) -> None:
        while self._frames or not self._closed:
            self._more.clear()

            while self._frames:
                frame, future = self._frames.popleft()

                try:
                    await self._send_frame(frame)
                except ClientDisconnected as exc:
                    future.set_exception(StreamClosedError(exc))
                    self.close()
                else:
                    if not future.done():
                        future.set_result(None)

            if not self._closed:
                await self._more.wait()

        self._ended.set_result(None)

    async def _send_frame(self, frame: bytes) -> None:
        opcode = frame[0] & 0x0F
        payload = frame[{126: 4, 127: 10}.get(frame[1], 2) :]

        if opcode == TEXT:
            await self._exchange.send(payload.decode("utf-8"))
        elif opcode == BINARY:
            await self._exchange.send(payload)
        elif opcode == CLOSE:
            self._said = True
            code = int.from_bytes(payload[:2], "big") if payload else 1000
            await self._exchange.close(code, payload[2:].decode("utf-8", "replace"))
        elif opcode == PING:
            self._buffer += masked_frame(PONG, payload)
            self._serve()
