"""A TCP proxy on the loopback that does to a connection what networks do."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import log, log1p
from random import Random
from types import TracebackType
from typing import Any

__all__ = ("CLEAN", "FaultProxy", "Faults", "ProxyStatistics")

CHUNK = 65536
AHEAD = 64
"""Pieces that may be on their way in one direction at the same time; beyond, the sender is held back."""

RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Faults:
    """What happens to the bytes of one direction; nothing unless said. Counts of bytes are per connection."""

    delay: float = 0.0
    """Seconds that each piece is on its way."""
    jitter: float = 0.0
    """Up to so many seconds more, drawn for each piece; the order is kept."""
    rate: float | None = None
    """Bytes per second, at most."""
    cut_after: int | None = None
    """After so many bytes the connection is reset, in both directions."""
    close_after: int | None = None
    """After so many bytes the direction ends as if the sender had closed it: a truncated stream."""
    stall_after: int | None = None
    """After so many bytes nothing arrives any more and nobody is told: half-open, as behind a cable that was pulled."""
    corrupt: float = 0.0
    """The part of the bytes of which one bit is flipped; which ones depends on the seed and on their place only."""

    def __post_init__(self) -> None:
        if min(self.delay, self.jitter) < 0 or not 0 <= self.corrupt <= 1 or (self.rate is not None and self.rate <= 0):
            raise ValueError(f"no network does {self!r}")


CLEAN = Faults()


@dataclass(frozen=True, slots=True)
class ProxyStatistics:
    """What a proxy has done so far."""

    open: int
    """Connections that are open."""
    accepted: int
    refused: int
    """Connections that were reset at once: while `refusing`, or as the server could not be reached."""
    cut: int
    """Connections that the proxy has reset later."""
    to_server: int
    """Bytes passed on to the server."""
    to_client: int
    corrupted: int
    """Bytes of which one bit was flipped."""


class FaultProxy:
    """`async with FaultProxy("127.0.0.1", 6379, to_client=Faults(delay=0.2)) as proxy:`, then connect to `proxy.port`.

    `to_server` and `to_client` say what happens in each direction; they may be set anew at any time, for what comes
    from then on. `cut` resets every connection, `stalled` holds everything back as long as it is true, `refusing`
    resets new connections. With the same `seed`, connections in the same order get the same faults; where a stream is
    split into pieces is the system's, though, so jitter is the same only for peers that take turns.

    Whatever runs belongs to the proxy, and has ended when its block is left: what is open then is reset.
    """

    def __init__(
        self, host: str, port: int, *, to_server: Faults = CLEAN, to_client: Faults = CLEAN, seed: int | str = 0
    ) -> None:
        self.target = (host, port)
        self.to_server = to_server
        self.to_client = to_client
        self.seed = seed
        self.refusing = False
        self.host = "127.0.0.1"
        self.port = 0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.server: asyncio.Server | None = None
        self.pairs: set[Pair] = set()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.counts = {"accepted": 0, "refused": 0, "cut": 0, "to_server": 0, "to_client": 0, "corrupted": 0}

    def __repr__(self) -> str:
        state = "refusing, " if self.refusing else "stalled, " if self.stalled else ""
        target = ":".join(map(str, self.target))
        return f"<FaultProxy {self.host}:{self.port} to {target}, {state}{len(self.pairs)} open, seed {self.seed!r}>"

    @property
    def stalled(self) -> bool:
        """Whether all bytes are held back, in both directions; set it."""
        return not self.flowing.is_set()

    @stalled.setter
    def stalled(self, value: bool) -> None:
        if value:
            self.flowing.clear()
        else:
            self.flowing.set()

    def cut(self) -> int:
        """Reset every connection that is open. Returns how many there were."""
        pairs = list(self.pairs)

        for pair in pairs:
            pair.reset()

        self.counts["cut"] += len(pairs)
        return len(pairs)

    def statistics(self) -> ProxyStatistics:
        """Return what the proxy has done so far."""
        return ProxyStatistics(open=len(self.pairs), **self.counts)

    async def __aenter__(self) -> "FaultProxy":
        self.server = await asyncio.start_server(self.accept, self.host, 0, limit=CHUNK)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.server is not None:
            self.server.close()

        for pair in list(self.pairs):
            pair.reset()

        for task in self.tasks:
            task.cancel()

        if self.tasks:
            await asyncio.wait(self.tasks)

        if self.server is not None:
            await self.server.wait_closed()

        # A transport that has been aborted closes its socket at the next turn.
        await asyncio.sleep(0)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A plain function: the streams would keep the task of a coroutine function to themselves.
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer), name=f"{self!r}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = self.counts["accepted"]
        self.counts["accepted"] += 1
        far: asyncio.StreamWriter | None = None

        try:
            if not self.refusing:
                far_reader, far = await asyncio.open_connection(*self.target, limit=CHUNK)
        except OSError:
            far = None
        finally:
            if far is None:
                self.counts["refused"] += 1
                abort(writer)

        if far is not None:
            await self.carry(Pair(writer, far), number, reader, far_reader)

    async def carry(self, pair: "Pair", number: int, near: asyncio.StreamReader, far: asyncio.StreamReader) -> None:
        self.pairs.add(pair)

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(Flow(self, pair, "to_server", number).run(near, pair.far, group))
                group.create_task(Flow(self, pair, "to_client", number).run(far, pair.near, group))
        finally:
            self.pairs.discard(pair)
            await pair.close()


class Pair:
    """The two connections that are one for its peers, and the task that serves them."""

    __slots__ = ("far", "near", "task")

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.task = asyncio.current_task()

    def reset(self) -> None:
        abort(self.near)
        abort(self.far)

        if self.task is not None:
            self.task.cancel()

    async def close(self) -> None:
        self.near.close()
        self.far.close()
        # How a connection ended is no news here.
        await asyncio.gather(self.near.wait_closed(), self.far.wait_closed(), return_exceptions=True)


def abort(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a reset, which its peer cannot take for an end."""
    connection: socket.socket | None = writer.get_extra_info("socket")

    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    writer.transport.abort()


class Flow:
    """One direction of one connection: a reader that says when each piece is due, a writer that waits until then."""

    def __init__(self, proxy: FaultProxy, pair: Pair, direction: str, number: int) -> None:
        self.proxy = proxy
        self.pair = pair
        self.direction = direction
        # Jitter is drawn per piece, corruption per byte: one must not move the other.
        self.random = Random(f"{proxy.seed}/{number}/{direction}/pieces")
        self.flips = Random(f"{proxy.seed}/{number}/{direction}/bytes")
        self.next_flip: int | None = None
        self.chance = 0.0
        self.passed = 0
        self.due = 0.0
        self.line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(AHEAD)

    @property
    def faults(self) -> Faults:
        faults: Faults = getattr(self.proxy, self.direction)
        return faults

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, group: asyncio.TaskGroup) -> None:
        group.create_task(self.send(writer))

        try:
            while data := await reader.read(CHUNK):
                await self.line.put((self.schedule(len(data)), data))

            await self.line.put((self.schedule(0), b""))
        except ConnectionError:
            # One side has reset its connection: so does the other.
            self.pair.reset()

    def schedule(self, size: int) -> float:
        """Return when a piece that comes now is due at the other side."""
        faults = self.faults
        now = asyncio.get_running_loop().time()
        arrival = now + faults.delay + (self.random.random() * faults.jitter if faults.jitter else 0.0)
        self.due = max(self.due, arrival) + (size / faults.rate if faults.rate is not None else 0.0)
        return self.due

    async def send(self, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()

        try:
            while True:
                due, data = await self.line.get()

                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)

                if not self.proxy.flowing.is_set():
                    await self.proxy.flowing.wait()

                faults, size = self.faults, len(data)

                if (bound := faults.stall_after) is not None and self.passed + max(size, 1) > bound:
                    await self.write(writer, data[: max(0, bound - self.passed)])
                    # Once the line is full nothing is read any more either: the sender is held back, as by a network.
                    await asyncio.Event().wait()

                if (bound := faults.cut_after) is not None and self.passed + size >= bound:
                    await self.write(writer, data[: max(0, bound - self.passed)])
                    self.proxy.counts["cut"] += 1
                    self.pair.reset()
                    return

                if (bound := faults.close_after) is not None and self.passed + size >= bound:
                    await self.write(writer, data[: max(0, bound - self.passed)])
                    self.end(writer)

                    # What still comes is taken, until the sender has ended too.
                    while data:
                        data = (await self.line.get())[1]

                    return

                if not data:
                    self.end(writer)
                    return

                await self.write(writer, data)
        except OSError:
            self.pair.reset()

    def end(self, writer: asyncio.StreamWriter) -> None:
        if not writer.transport.is_closing():
            writer.write_eof()

    async def write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if data:
            damaged = self.corrupt(data)
            self.passed += len(data)
            self.proxy.counts[self.direction] += len(data)
            writer.write(damaged)
            await writer.drain()

    def corrupt(self, data: bytes) -> bytes:
        """Flip one bit of each byte whose turn it is; `passed` is the place of the first."""
        places = list(self.places(len(data)))

        if not places:
            return data

        damaged = bytearray(data)

        for place, bit in places:
            damaged[place - self.passed] ^= 1 << bit

        self.proxy.counts["corrupted"] += len(places)
        return bytes(damaged)

    def places(self, size: int) -> Iterator[tuple[int, int]]:
        chance = self.faults.corrupt

        if chance != self.chance:
            self.chance = chance
            self.next_flip = None if not chance else self.passed + self.gap(chance)

        while self.next_flip is not None and self.next_flip < self.passed + size:
            yield self.next_flip, self.flips.randrange(8)
            self.next_flip += 1 + self.gap(chance)

    def gap(self, chance: float) -> int:
        """Return how many bytes stay whole before the next that does not: geometrically distributed."""
        return 0 if chance >= 1 else int(log(1 - self.flips.random()) / log1p(-chance))
