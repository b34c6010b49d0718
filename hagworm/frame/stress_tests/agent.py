"""One load over several machines, where it is generated: an agent comes, does its share, and tells what came of it."""

import asyncio
import platform
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from math import inf
from typing import Any
from urllib.parse import urlsplit

from hagworm import __version__
from hagworm.extend.error import FrameError, HagwormError, PeerSilent, StressError
from hagworm.frame.stress_tests.crew import Crew, enough_processes, processors
from hagworm.frame.stress_tests.figures import Figures
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.peer import PROTOCOL, Peer
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.scenario import digest_scenario
from hagworm.frame.stress_tests.target import reach
from hagworm.frame.stress_tests.wire import Key, Wire

__all__ = ("Agent", "join")

TICK = 0.02
ADMISSION = 5.0
"""Within so many seconds a coordinator that was reached lets an agent in."""
LAST_WORDS = 2.0
"""How many seconds an agent tries to say why it failed."""

NOTHING = Figures()

clock = time.monotonic


class Reporting(Crew):
    """A crew whose figures are also kept until they are `collected`."""

    fresh = NOTHING

    def report(self, figures: Figures) -> None:
        """Add them to both."""
        super().report(figures)
        self.fresh = self.fresh.merge(figures)

    def collected(self) -> Figures:
        """Return what was reported since this was asked for last."""
        figures, self.fresh = self.fresh, NOTHING
        return figures


class Agent:
    """Generates a share of the load in processes of this machine, as a coordinator says; made on the loop.

    It decides itself what it may load (`mine`: targets that are not this machine as well), and runs no code but what
    is in its own files: of scenarios it is sent the path and a digest, never the text.
    """

    def __init__(
        self, *, processes: int | None = None, mine: bool = False, tell: Callable[[str], object] | None = None
    ) -> None:
        self.processes = processes
        self.mine = mine
        self.tell = tell or (lambda text: None)
        self.wire = Wire(self.receive)
        self.peer = Peer(self.wire.send, clock())
        self.heard: dict[str, dict[str, Any]] = {}
        """The last message of each kind."""
        self.stopped = asyncio.Event()
        """It is to end: the coordinator says so, or nobody does any more, or the user here."""
        self.crew: Reporting | None = None
        self.go = asyncio.Event()
        self.late = 0.0
        self.finished = False
        """All has been said."""

    def __repr__(self) -> str:
        return f"<Agent {'running' if self.go.is_set() else 'waiting'}, {self.peer!r}>"

    async def join(self, url: str, key: Key, *, wait: float, stop: asyncio.Event | None = None) -> Result | None:
        """Come to a coordinator, do what it says, and return its part; None where it was ended before it began.

        Raises `StressError` where nobody listens within `wait` seconds, where it is not let in, or asked for what it
        cannot do; `PeerSilent` where the coordinator is gone: the load has ended then.
        """
        await reach_coordinator(url, wait, stop or asyncio.Event())
        self.wire.connect(url, key, b"a" + secrets.token_bytes(15))
        self.peer.heard = clock()
        self.peer.say("hello", clock(), protocol=PROTOCOL, version=__version__, name=platform.node())

        if not await self.until(lambda: bool(self.heard), ADMISSION):
            raise StressError(f"{url} does not let us in: the key is that of another run, or nobody there coordinates")

        if "refused" in self.heard:
            await self.until(lambda: False, 2 * TICK)
            raise StressError(f"{url} turns us away: {self.heard['refused'].get('text')}")

        self.tell(f"{url} has let us in")
        hearing = asyncio.create_task(self.heed(stop))

        try:
            await self.until(lambda: "order" in self.heard or self.stopped.is_set())
            return None if self.stopped.is_set() else await self.carry_out()
        finally:
            hearing.cancel()

            with suppress(asyncio.CancelledError):
                await hearing

    async def heed(self, stop: asyncio.Event | None) -> None:
        if stop is not None:
            await stop.wait()
            self.stopped.set()

    async def carry_out(self) -> Result | None:
        """Do the order that has come."""
        working = asyncio.create_task(self.work(self.heard["order"]))

        try:
            await self.until(lambda: working.done() or (self.stopped.is_set() and not self.go.is_set()))

            if not working.done():
                working.cancel()

                if "stop" not in self.heard:
                    await self.fail("it was stopped there")

                return None

            result = await working
        except PeerSilent:
            self.stopped.set()

            if self.go.is_set():
                await asyncio.gather(working, return_exceptions=True)

            raise
        except HagwormError as exc:
            await self.fail(str(exc))
            raise
        except Exception as exc:
            await self.fail(f"{type(exc).__name__}: {exc}")
            raise
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

        return result

    async def fail(self, text: str) -> None:
        self.peer.say("failed", clock(), text=text)

        with suppress(PeerSilent):
            await self.until(lambda: self.peer.post.idle, LAST_WORDS)

    async def work(self, message: dict[str, Any]) -> Result:
        order = Order.from_json(message["order"])

        for path, digest in message["digests"].items():
            if digest_scenario(path) != digest:
                raise StressError(f"{path} is not the same file here as where the run is led: copy it here")

        address = await asyncio.to_thread(reach, order.target, mine=self.mine)
        order = replace(order, address=address, mine=self.mine)
        processes = self.processes or enough_processes(order, processors())
        self.tell(f"{order.target}: {order.plan}; part {order.share!r}, {processes} process{'es' * (processes > 1)}")

        async with Reporting(order, processes) as crew:
            self.crew = crew
            self.peer.say("ready", clock())
            await self.go.wait()
            zero = float(self.heard["go"]["zero"])
            self.late = max(0.0, clock() - (zero - order.plan.warm_up))
            result = await crew.run(self.stopped, zero=zero)
            await self.finish(crew, result)

        return result

    async def finish(self, crew: Reporting, result: Result) -> None:
        """Say what is left to be said, in the order in which it counts."""
        run = result.run
        self.forward(crew, last=True)
        self.peer.say(
            "done",
            clock(),
            seconds=run.seconds,
            processor=run.processor,
            processes=run.processes,
            lost=run.lost,
            late=self.late,
            interrupted=run.ended == "interrupted",
        )

        self.finished = True

        await self.until(lambda: self.peer.post.idle or self.peer.is_silent(clock()))

    def forward(self, crew: Reporting, *, last: bool = False) -> None:
        """Send what was counted, once the coordinator has what was sent before: what waits adds up meanwhile."""
        if crew.fresh is not NOTHING and (last or self.peer.post.idle):
            self.peer.say("figures", clock(), figures=crew.collected().to_json())

    async def until(self, reached: Callable[[], bool], seconds: float = inf) -> bool:
        """Keep the link alive until something is reached; tell whether it was. Raises `PeerSilent` where it is dead."""
        end = clock() + seconds

        while not reached():
            now = clock()

            if now >= end:
                return False

            if self.peer.is_silent(now) and not self.finished:
                raise PeerSilent("nothing was heard of the coordinator for too long: it is gone, or cannot be reached")

            if self.crew is not None:
                self.forward(self.crew)

            self.peer.tick(now)
            await asyncio.sleep(TICK)

        return True

    def receive(self, _: bytes, frame: bytes) -> None:
        """Take what the coordinator sent; what is no message is as if it had not come."""
        try:
            message = self.peer.take(frame, clock())
        except FrameError as exc:
            self.tell(f"the coordinator said what is not understood: {exc}")
            return

        if message is None:
            return

        self.heard[message["kind"]] = message

        if message["kind"] == "go":
            self.go.set()
        elif message["kind"] == "stop":
            self.stopped.set()

    def close(self) -> None:
        """Hang up; may be called again."""
        self.wire.close()


async def join(
    url: str,
    key: str,
    *,
    processes: int | None = None,
    mine: bool = False,
    wait: float = 60.0,
    stop: asyncio.Event | None = None,
    tell: Callable[[str], object] | None = None,
) -> Result | None:
    """Be an agent of the coordinator at `tcp://host:port` for one run; see `Agent.join`."""
    read = Key.load(key)
    agent = Agent(processes=processes, mine=mine, tell=tell)

    try:
        return await agent.join(url, read, wait=wait, stop=stop)
    finally:
        agent.close()


async def reach_coordinator(url: str, wait: float, stop: asyncio.Event) -> None:
    """Wait until somebody listens at `tcp://host:port`. Raises `StressError` where nobody does in time."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None

    if not url.startswith("tcp://") or not host or not port:
        raise StressError(f"not the address of a coordinator: {url!r}; expected one like tcp://host:5555")

    def connect() -> None:
        socket.create_connection((host, port), timeout=5).close()

    end = clock() + wait

    while True:
        try:
            return await asyncio.to_thread(connect)
        except OSError as exc:
            if clock() >= end or stop.is_set():
                raise StressError(f"nobody listens at {url}: {exc.strerror or exc}") from exc

        await asyncio.sleep(min(0.5, max(0.0, end - clock())))
