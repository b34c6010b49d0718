"""The processes of this machine that generate load together, and the one that leads them."""

import asyncio
import os
import platform
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from math import ceil
from mmap import mmap
from tempfile import TemporaryFile
from typing import Any, Self

from hagworm import __version__
from hagworm.extend.error import StressError
from hagworm.frame.stress_tests.channel import LEAD, PAGE, Inside, Line, Watch
from hagworm.frame.stress_tests.figures import Figures, Iterations
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import Open
from hagworm.frame.stress_tests.result import Result, Run
from hagworm.frame.stress_tests.work import work

__all__ = ("Crew", "Hand", "compose", "enough_processes", "lead", "processors")

PER_PROCESS = 10_000
"""As many arrivals a second are left to one process."""

GRACE = 0.7
"""What processes have to say their last figures after they were told to stop, in seconds; then they are killed."""
TAIL = 8.0
"""What they have to tear down after that."""

COUNT = struct.Struct("@Q")

clock = time.monotonic


def enough_processes(order: Order, processors: int) -> int:
    """Return how many processes an order is worth."""
    if isinstance(order.plan, Open):
        wanted = ceil(order.plan.peak / order.share.parts / PER_PROCESS)
    else:
        wanted = len(order.plan.users_of(order.share)) // 32

    return max(1, min(wanted, processors, order.places))


class Hand:
    """One process of the crew, seen from the one that leads."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.reported = Iterations()
        """The runs that it has reported."""
        self.ready = asyncio.Event()
        self.done = asyncio.Event()
        """Its last figures are here, or it is gone."""
        self.gone = asyncio.Event()
        self.finished = False
        """It has said everything it had to say."""
        self.seconds = 0.0
        self.processor = 0.0
        self.failure: StressError | None = None
        self.line: Line | None = None
        self.listening: asyncio.Task[None] | None = None
        self.socket, theirs = socket.socketpair()

        with theirs, TemporaryFile() as file:
            file.truncate(PAGE)
            self.memory = mmap(file.fileno(), PAGE)
            # Not by way of the loop: in between, nobody could be cancelled and lose it.
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "hagworm.frame.stress_tests.work"),
                    *(str(theirs.fileno()), str(file.fileno()), order.loop),
                ],
                pass_fds=(theirs.fileno(), file.fileno()),
                stdin=subprocess.DEVNULL,
                # What the terminal sends at Ctrl-C is for the one that leads.
                start_new_session=True,
            )

    def __repr__(self) -> str:
        state = "finished" if self.finished else "gone" if self.gone.is_set() else "running"
        return f"<Hand {self.order.share.index} {state}, process {self.process.pid}>"

    async def begin(self, report: Callable[[Figures], None]) -> None:
        """Tell it what to do, and listen from now on."""
        self.line = await Line.over(self.socket)
        self.listening = asyncio.create_task(self.listen(self.line, report))
        await self.tell("order", order=self.order.to_json())

    async def tell(self, kind: str, **content: Any) -> None:
        """Say something to it; that it is gone shows elsewhere."""
        if self.line is not None:
            with suppress(ConnectionError):
                await self.line.send(kind, **content)

    async def listen(self, line: Line, report: Callable[[Figures], None]) -> None:
        """Take what it says until it is gone."""
        try:
            while (message := await line.receive()) is not None:
                if message["kind"] == "ready":
                    self.ready.set()
                elif message["kind"] == "figures":
                    figures = Figures.from_json(message["figures"])
                    self.reported = self.reported.merge(figures.iterations)
                    report(figures)
                elif message["kind"] == "done":
                    self.seconds, self.processor = message["seconds"], message["processor"]
                    self.finished = True
                    self.done.set()
                elif message["kind"] == "failed":
                    self.failure = StressError(message["text"])
        finally:
            self.ready.set()
            self.done.set()
            self.gone.set()

    def lost(self) -> Figures:
        """Return the runs of a process that is gone which it has not reported: they have started, and not ended."""
        (started,) = COUNT.unpack_from(self.memory)
        told = self.reported
        return Figures(
            iterations=Iterations(started=started - told.started, unfinished=started - told.finished - told.unfinished)
        )

    async def end(self, seconds: float) -> None:
        """Wait for its end, and kill it where that takes too long; cancelled, kill it at once."""
        try:
            async with asyncio.timeout(seconds):
                await self.gone.wait()
        except TimeoutError:
            self.process.kill()
        finally:
            self.finish()

    def finish(self) -> None:
        """Wait for a process that hung up, or kill it; leave nothing of it behind. May be called again."""
        if not self.gone.is_set():
            self.process.kill()

        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

        if self.listening is not None:
            self.listening.cancel()

        if self.line is not None:
            self.line.writer.close()
        else:
            self.socket.close()

        self.memory.close()


class Crew:
    """Carries out an order in some processes of this machine; `figures` are what they have reported so far.

    Use it as a context: leaving it ends every process. With `watch`, that is called whenever something is reported.
    """

    def __init__(self, order: Order, processes: int, *, watch: Watch | None = None) -> None:
        self.order = order
        self.parts = order.split(processes)
        self.watch = watch
        self.figures = Figures()
        self.hands: list[Hand] = []
        self.zero = 0.0
        self.started = datetime.now(UTC)
        self.interrupted = False

    def __repr__(self) -> str:
        return f"<Crew {len(self.hands)} processes, {self.figures!r}>"

    async def __aenter__(self) -> Self:
        try:
            for part in self.parts:
                hand = Hand(part)
                self.hands.append(hand)
                await hand.begin(self.report)

            for hand in self.hands:
                await hand.ready.wait()

            self.raise_failure()
        except BaseException:
            await self.close(0.0)
            raise

        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close(TAIL)

    async def close(self, seconds: float) -> None:
        """End every process within some seconds; may be called again."""
        hands, self.hands = self.hands, []

        try:
            await asyncio.gather(*(hand.end(seconds) for hand in hands))
        finally:
            # Also those whose end has not begun to be waited for when this is cancelled.
            for hand in hands:
                hand.finish()

        await asyncio.gather(*(hand.listening for hand in hands if hand.listening), return_exceptions=True)

    def raise_failure(self) -> None:
        for hand in self.hands:
            if hand.failure is not None:
                raise hand.failure

            if hand.done.is_set() and not hand.finished:
                raise StressError(f"process {hand.order.share.index} ended before the load had started")

    def report(self, figures: Figures) -> None:
        self.figures = self.figures.merge(figures)

        if self.watch is not None:
            self.watch(self.figures, clock() - self.zero)

    async def run(self, stop: asyncio.Event | None = None, *, zero: float | None = None) -> Result:
        """Start together, wait until all is over or `stop` is set, and return the result.

        Measuring begins at `zero` (`time.monotonic()`), as soon as possible if None. After `stop` it takes less than a
        second: who has not said its last figures by then counts with those before.
        """
        self.zero = clock() + LEAD + self.order.plan.warm_up if zero is None else zero
        self.started = datetime.fromtimestamp(time.time() + self.zero - clock(), UTC)

        for hand in self.hands:
            await hand.tell("go", zero=self.zero)

        everything = asyncio.gather(*(hand.done.wait() for hand in self.hands))
        stopping = asyncio.create_task((stop or asyncio.Event()).wait())

        try:
            await asyncio.wait((everything, stopping), return_when=asyncio.FIRST_COMPLETED)

            if not everything.done():
                self.interrupted = True

                for hand in self.hands:
                    if not hand.done.is_set():
                        await hand.tell("stop")

                await asyncio.wait((everything,), timeout=GRACE)

                for hand in self.hands:
                    if not hand.done.is_set():
                        # What it has started is known from its memory, once it starts nothing more.
                        hand.process.kill()
                        hand.process.wait()
        finally:
            stopping.cancel()
            everything.cancel()
            await asyncio.gather(stopping, everything, return_exceptions=True)

        return self.result()

    def result(self) -> Result:
        """Return what there is so far, as a result."""
        for hand in self.hands:
            if hand.failure is not None and not hand.finished:
                raise hand.failure

        gone = [hand for hand in self.hands if not hand.finished]

        for hand in gone:
            self.report(hand.lost())

        host = platform.node() or "localhost"
        lost = tuple(f"{host}/{hand.order.share.index}" for hand in gone)
        elapsed = max((hand.seconds for hand in self.hands if hand.finished), default=clock() - self.zero)
        return compose(
            self.order,
            self.figures,
            started=self.started,
            elapsed=elapsed,
            processes=len(self.hands),
            processor=sum(hand.processor for hand in self.hands),
            hosts=(host,),
            lost=lost,
            interrupted=self.interrupted,
        )


def compose(
    order: Order,
    figures: Figures,
    *,
    started: datetime,
    elapsed: float,
    processes: int,
    processor: float,
    hosts: tuple[str, ...],
    lost: tuple[str, ...] = (),
    interrupted: bool = False,
) -> Result:
    """Return the result of an order, with what a reader must know about its figures.

    Answers that came within a second after the planned end belong to the plan's seconds; when it took longer, all that
    time counts, as the load was stretched.
    """
    seconds = elapsed if interrupted or elapsed > order.plan.seconds + 1 else order.plan.seconds
    run = Run(
        target=str(order.target),
        plan=order.plan,
        started=started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        seconds=max(0.0, seconds),
        ended="interrupted" if interrupted else "complete",
        scenarios=order.scenarios,
        processes=processes,
        hosts=hosts,
        lost=lost,
        seed=order.seed,
        processor=processor,
        versions=versions(order),
        notes=tuple(notes(order, figures, lost)),
    )
    return Result(run, figures)


def versions(order: Order) -> tuple[tuple[str, str], ...]:
    return (
        ("hagworm", __version__),
        ("loop", order.loop),
        ("platform", platform.platform(terse=True)),
        ("python", platform.python_version()),
    )


def notes(order: Order, figures: Figures, lost: tuple[str, ...]) -> list[str]:
    iterations = figures.iterations
    found = []

    if lost:
        found.append(f"lost: {', '.join(lost)}; what they did after their last report counts as unfinished")

    if iterations.missed:
        found.append(f"{iterations.missed} starts were due and never happened: the load was less than planned")

    if iterations.held:
        found.append(
            f"{iterations.held} started late as all {order.places} places were taken; their response times say so"
        )
    elif iterations.lag and (late := iterations.lag.percentile(99)) > 0.01:
        found.append(
            f"the generator itself was late: 1 % of the starts by {late:.3f} s or more; give it more processes"
        )

    if iterations.unfinished:
        found.append(f"{iterations.unfinished} had not ended when the run did, and are in no other figure")

    return found


async def lead(
    order: Order, *, processes: int = 1, watch: Watch | None = None, stop: asyncio.Event | None = None
) -> Result:
    """Carry out an order and return its result; with 0 processes inside this one.

    Raises `StressError` where the load cannot start. Setting `stop` ends it within a second, with what there is.
    """
    if processes:
        async with Crew(order, processes, watch=watch) as crew:
            return await crew.run(stop)

    channel = Inside(order.plan.warm_up, watch)
    started = datetime.fromtimestamp(time.time() + LEAD + order.plan.warm_up, UTC)

    if stop is not None:
        channel.stopped = stop

    await work(order, channel)
    return compose(
        order,
        channel.figures,
        started=started,
        elapsed=channel.seconds,
        processes=1,
        processor=channel.processor,
        hosts=(platform.node() or "localhost",),
        interrupted=channel.stopped.is_set(),
    )


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
