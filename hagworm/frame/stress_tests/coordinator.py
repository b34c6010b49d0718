"""One load over several machines, where it is led: agents are waited for, told, started together, counted."""

import asyncio
import platform
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import Any

from hagworm import __version__
from hagworm.extend.error import FrameError, StressError
from hagworm.frame.stress_tests.channel import Watch
from hagworm.frame.stress_tests.crew import compose
from hagworm.frame.stress_tests.figures import Figures, Iterations
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.peer import PROTOCOL, SAMPLES, Peer
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.scenario import digest_scenario
from hagworm.frame.stress_tests.wire import Key, Wire

__all__ = ("Coordinator", "Member")

TICK = 0.02
LEAD = 0.5
"""How many seconds lie between the word to start and the start, so that it arrives everywhere before."""
GRACE = 0.85
"""What agents have for their last figures after they were told to stop, in seconds."""
LAST_WORDS = 0.2
"""How long the end waits for agents to have heard of it, in seconds."""
STRANGERS = 64
"""So many links are kept besides those of the agents: of those who were turned away."""

clock = time.monotonic


class Member:
    """An agent, seen from the coordinator."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.name = ""
        """Empty until it is one of ours."""
        self.figures = Figures()
        """What it has reported, and we have acknowledged."""
        self.ready = False
        self.done: dict[str, Any] | None = None
        """Its last words."""
        self.failure: str | None = None
        self.lost = False

    def __repr__(self) -> str:
        state = "lost" if self.lost else "done" if self.over else "ready" if self.ready else "here"
        return f"<Member {self.name!r} {state}>"

    @property
    def over(self) -> bool:
        """Nothing more comes from it."""
        return self.lost or self.done is not None or self.failure is not None

    def unfinished(self) -> Figures:
        """Return the runs of a lost agent that had started at its last report, and have not been heard of since."""
        told = self.figures.iterations
        return Figures(iterations=Iterations(unfinished=told.started - told.finished - told.unfinished))


class Coordinator:
    """Leads `agents` agents, which do an order together; to be made on the loop, and closed.

    Each batch of figures is acknowledged when it has been counted here, and sent again until it is: it counts once,
    also where connections break. An agent of which nothing was heard for five seconds is lost: what it has reported
    counts. `tell` is given a line whenever somebody comes or goes.
    """

    def __init__(
        self,
        order: Order,
        agents: int,
        *,
        watch: Watch | None = None,
        tell: Callable[[str], object] | None = None,
    ) -> None:
        if agents < 1:
            raise StressError(f"there is at least one agent, not {agents}")

        self.order = order
        self.parts = order.split(agents)
        self.watch = watch
        self.tell = tell or (lambda text: None)
        self.figures = Figures()
        self.links: dict[bytes, Member] = {}
        self.members: list[Member] = []
        self.turned_away: list[str] = []
        self.zero = 0.0
        self.started = datetime.now(UTC)
        self.ordered = self.measuring = self.begun = self.interrupted = False
        self.wire = Wire(self.receive)

    def __repr__(self) -> str:
        return f"<Coordinator {len(self.members)} of {len(self.parts)} agents, {self.figures!r}>"

    def listen(self, url: str) -> tuple[str, Key]:
        """Let agents connect to `tcp://address:port`; return the URL with the port, and the key of this run.

        Raises `PortInUse`, or `StressError` for what cannot be listened at.
        """
        return self.wire.listen(url)

    async def close(self) -> None:
        """Let agents that are not done end, and hang up. May be called again."""
        for member in self.members:
            if not member.over:
                member.peer.say("stop", clock(), text="the coordinator has ended the run")

        await self.until(lambda: all(member.lost or member.peer.post.idle for member in self.members), LAST_WORDS)
        self.wire.close()

    async def gather(self, wait: float, stop: asyncio.Event | None = None) -> None:
        """Wait up to `wait` seconds for the agents, and until they are prepared; or until `stop` is set.

        Raises `StressError` where too few come, or one of them cannot do what it is asked for.
        """
        wanted = len(self.parts)

        if not await self.until(lambda: len(self.members) == wanted, wait, stop) and not is_set(stop):
            raise StressError(
                "; ".join(
                    [
                        f"{len(self.members)} of {wanted} agents came within {wait:g} s",
                        *self.turned_away[:5],
                        *[f"{self.wire.refused} times somebody came with another key"][: self.wire.refused],
                    ]
                )
            )

        digests = {path: digest_scenario(path) for path in self.order.scenarios}
        self.ordered = True

        for member, part in zip(self.members, self.parts, strict=False):
            member.peer.say("order", clock(), order=part.to_json(), digests=digests)

        await self.until(lambda: all(member.ready or member.over for member in self.members), inf, stop)
        self.measuring = True
        await self.until(lambda: all(member.over or self.knows_clock(member) for member in self.members), inf, stop)
        self.measuring = False

        for member in self.members:
            if member.over and not is_set(stop):
                raise StressError(f"agent {member.name}: {member.failure or 'gone before the load had started'}")

    async def run(self, stop: asyncio.Event | None = None) -> Result:
        """Start together, wait until all is over or `stop` is set, and return the result.

        After `stop` it takes less than a second. Raises `StressError` where an agent says that it cannot go on.
        """
        notes: tuple[str, ...] = ()

        if not is_set(stop):
            notes = (self.start(),)
            self.tell(notes[0])

        if not await self.until(lambda: all(member.over for member in self.members), inf, stop):
            self.interrupted = True

            for member in self.members:
                member.peer.say("stop", clock(), text="")

            await self.until(lambda: all(member.over for member in self.members), GRACE)

        return self.result(notes)

    def start(self) -> str:
        """Say when to start; return how well that is known."""
        now = clock()
        self.begun = True
        self.zero = now + LEAD + self.order.plan.warm_up
        self.started = datetime.fromtimestamp(time.time() + self.zero - now, UTC)
        errors = []

        for member in self.members:
            offset, error = member.peer.clock(now)
            errors.append(error)
            member.peer.say("go", now, zero=self.zero + offset)

        spread = sum(sorted(errors)[-2:]) if len(errors) > 1 else errors[0]
        return (
            f"{len(errors)} agents were told one moment to start at; their clocks agree within {1000 * spread:.2f} ms"
        )

    def result(self, notes: tuple[str, ...] = ()) -> Result:
        """Return what there is so far, as a result."""
        for member in self.members:
            if member.failure is not None:
                raise StressError(f"agent {member.name}: {member.failure}")

        done = [member.done for member in self.members if member.done is not None]
        gone = [member for member in self.members if member.done is None]
        left = [member for member in self.members if member.done is not None and member.done["interrupted"]]
        lost = [member.name for member in gone] + [member.name for member in left if not self.interrupted]
        result = compose(
            self.order,
            self.figures.merge(*(member.unfinished() for member in gone)),
            started=self.started,
            elapsed=max((one["seconds"] for one in done), default=max(0.0, clock() - self.zero) if self.begun else 0.0),
            processes=sum(one["processes"] for one in done),
            processor=sum(one["processor"] for one in done),
            hosts=tuple(sorted(member.name for member in self.members)) or (platform.node(),),
            lost=tuple(name for one in done for name in one["lost"]),
            interrupted=self.interrupted,
        )

        if lost:
            names = ", ".join(lost)
            notes = (f"lost agents: {names}; what they had reported is counted, what they did later is not", *notes)

        if late := max((one["late"] for one in done), default=0.0):
            notes = (f"an agent heard of the start {late:.3f} s too late", *notes)

        run = replace(result.run, lost=(*lost, *result.run.lost), notes=(*notes, *result.run.notes))
        return Result(run, result.figures)

    def knows_clock(self, member: Member) -> bool:
        return len(member.peer.samples) >= SAMPLES

    async def until(self, reached: Callable[[], bool], seconds: float, stop: asyncio.Event | None = None) -> bool:
        """Keep the links alive until something is reached; tell whether it was, before the time was over or `stop`."""
        end = clock() + seconds

        while not reached():
            if clock() >= end or is_set(stop):
                return False

            self.tick()
            await asyncio.sleep(TICK)

        self.tick()
        return True

    def tick(self) -> None:
        now = clock()

        for member in self.links.values():
            if not member.lost:
                member.peer.tick(now)

        for member in self.members:
            if self.measuring and not self.knows_clock(member):
                member.peer.pulse(now, ask=True)

            if not member.over and member.peer.is_silent(now):
                self.lose(member, "nothing was heard of it for too long")

        if not self.ordered:
            # Another one may take its place.
            self.members = [member for member in self.members if not member.over]

    def lose(self, member: Member, why: str) -> None:
        member.lost = True
        self.tell(f"agent {member.name} is lost: {why}")

    def receive(self, identity: bytes, frame: bytes) -> None:
        """Take what an agent sent."""
        now = clock()

        if (member := self.links.get(identity)) is None:
            if len(self.links) >= len(self.parts) + STRANGERS:
                return

            member = Member(Peer(lambda content: self.wire.send(identity, content), now))
            self.links[identity] = member

        if member.lost:
            return

        try:
            if (message := member.peer.take(frame, now)) is not None:
                self.hear(member, message, now)
        except (AttributeError, FrameError, KeyError, TypeError, ValueError) as exc:
            self.lose(member, f"it said what is not understood ({exc!r})")

    def hear(self, member: Member, message: dict[str, Any], now: float) -> None:
        kind = message["kind"]

        if not member.name:
            if kind == "hello":
                self.admit(member, message, now)
        elif kind == "ready":
            member.ready = True
        elif kind == "figures":
            figures = Figures.from_json(message["figures"])
            member.figures = member.figures.merge(Figures(iterations=figures.iterations))
            self.figures = self.figures.merge(figures)

            if self.watch is not None:
                self.watch(self.figures, now - self.zero)
        elif kind == "done":
            member.done = {
                "seconds": float(message["seconds"]),
                "processor": float(message["processor"]),
                "processes": int(message["processes"]),
                "late": float(message["late"]),
                "lost": [str(name) for name in message["lost"]],
                "interrupted": bool(message["interrupted"]),
            }
        elif kind == "failed":
            member.failure = str(message["text"])

    def admit(self, member: Member, message: dict[str, Any], now: float) -> None:
        """Let somebody who has the key be an agent, or say why not."""
        host = str(message["name"])[:100] or "agent"
        theirs = (message["protocol"], message["version"])

        if theirs != (PROTOCOL, __version__):
            text = f"{host} has hagworm {theirs[1]} (protocol {theirs[0]}), the coordinator {__version__} ({PROTOCOL})"
        elif self.ordered or len(self.members) == len(self.parts):
            text = f"{host} came, and there are {len(self.parts)} agents already"
        else:
            names = {other.name for other in self.members}
            free = (f"{host}#{number}" if number > 1 else host for number in range(1, len(self.parts) + 1))
            member.name = next(name for name in free if name not in names)
            self.members.append(member)
            member.peer.say("welcome", now)
            self.tell(f"agent {member.name} is here ({len(self.members)} of {len(self.parts)})")
            return

        self.turned_away.append(text)
        self.tell(f"turned away: {text}")
        member.peer.say("refused", now, text=text)


def is_set(stop: asyncio.Event | None) -> bool:
    return stop is not None and stop.is_set()
