"""A clock that many NTP servers keep right, of which a minority may be dead, wrong or lying."""

import asyncio
import ipaddress
import random as chance
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hagworm.extend.asyncio.base.background import Background
from hagworm.extend.asyncio.ntp.client import NTPClient, read_server
from hagworm.extend.error import Closed, DeadlineExceeded, KissOfDeath, NotSynchronised, NTPError
from hagworm.extend.ntp.association import Association, AssociationStatistics, PollPlan
from hagworm.extend.ntp.clock import ClockStatistics, DisciplinedClock, Reading
from hagworm.extend.ntp.selection import Selection, select

__all__ = ("NTPPool", "NTPPoolStatistics")

MOST = 64
"""How many servers a pool may have."""

POLITE = 15.0
"""Seconds between polls of a server that is not ours: fewer are abuse, and earn a kiss of death."""


@dataclass(frozen=True, slots=True)
class NTPPoolStatistics:
    """What a pool knows, from whom, and what it thinks of them."""

    synchronised: bool
    quorum: int
    survivors: tuple[str, ...]
    """Who has a say in the time, the best first."""
    outliers: tuple[str, ...]
    """Who agrees, but is worse than the others."""
    liars: tuple[str, ...]
    """Whom the majority contradicts."""
    lost: int
    """How often there was a majority, and then none."""
    clock: ClockStatistics
    servers: tuple[AssociationStatistics, ...]


class NTPPool:
    """Asks several NTP servers again and again, and keeps a clock by what the majority of them says.

    `servers` are written `host`, `host:port` or `[IPv6]:port`; four or more tell the truth although one is wrong. A
    time is taken from those whose answers agree within what they can be wrong by (RFC 5905 11.2.1), and only where at
    least `quorum` of them do, more than half of the servers unless given. Servers that do not answer have no say, one
    that sends us away (DENY, RSTR) is not asked again, one that is asked too often (RATE) is asked less often.

    Each is asked as `plan` says; where a server is not on a private network, more often than every 15 seconds is
    refused with a ValueError, bursts aside. An answer has `timeout` seconds. `clock` is kept right, one of the pool's
    own unless given: it never goes back, and tells by how much it may be wrong. `random` returns numbers from 0 to 1.

        async with NTPPool(["ntp1.example.com", "ntp2.example.com", "ntp3.example.com", "ntp4.example.com"]) as pool:
            await pool.synchronise(timeout=10)
            pool.time()

    Belongs to one event loop; its clock may be read from threads.
    """

    def __init__(
        self,
        servers: Iterable[str],
        *,
        quorum: int | None = None,
        plan: PollPlan | None = None,
        timeout: float = 5.0,
        version: int = 4,
        clock: DisciplinedClock | None = None,
        random: Callable[[], float] = chance.random,
    ) -> None:
        names = [servers] if isinstance(servers, str) else list(servers)
        plan = plan or PollPlan()

        if not 0 < len(names) <= MOST or len(set(names)) < len(names):
            raise ValueError(f"a pool has 1 to {MOST} servers, each named once, unlike {names!r}")

        self.quorum = len(names) // 2 + 1 if quorum is None else quorum

        if not 0 < self.quorum <= len(names):
            raise ValueError(f"a quorum is 1 to {len(names)} servers, not {quorum!r}")

        if clock is None:
            # Somebody has answered or failed long before that, unless the loop stands still.
            clock = DisciplinedClock(holdover=2 * (plan.max_poll * (1 + plan.jitter) + timeout))

        self.plan = plan
        self.clock = clock
        self.random = random
        self.selection: Selection | None = None
        """What the majority said last; None where there is none."""
        self.lost = 0
        self.clients: dict[str, NTPClient] = {}
        self.associations: dict[str, Association] = {}

        for name in names:
            host, port = read_server(name)

            if plan.poll < POLITE and not is_ours(host):
                raise ValueError(f"{name} is asked at most every {POLITE:g} s, not every {plan.poll:g} s")

            self.clients[name] = NTPClient(
                host, port, version=version, timeout=timeout, local_ns=clock.local_ns, drift=clock.drift
            )
            self.associations[name] = Association(name, plan, drift=clock.drift)

        self.background: Background | None = None
        self.is_closed = False
        self.decided = asyncio.Event()
        """Set, and replaced, whenever a server has answered or failed."""

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else "synchronised" if self.synchronised else "not synchronised"
        reachable = sum(association.state == "reachable" for association in self.associations.values())
        return f"<NTPPool {state}, {reachable} of {len(self.associations)} servers, quorum {self.quorum}>"

    @property
    def synchronised(self) -> bool:
        """Whether a quorum of servers agrees on what time it is."""
        return self.clock.synchronised

    @property
    def offset(self) -> float:
        """Seconds by which the clock is ahead of the system's, as that was when the clock was made.

        Raises `NotSynchronised`.
        """
        self.require()
        return self.clock.offset

    @property
    def error_bound(self) -> float:
        """Seconds by which the clock may be wrong; infinite until it is synchronised for the first time."""
        return self.clock.error_bound

    def time(self) -> float:
        """Return Unix time in seconds; never less than before. Raises `NotSynchronised` rather than guess.

        `pool.clock.time()` guesses: it goes on by what was known last, and `pool.clock.now()` says how good that is.
        """
        return self.now().time

    def now(self, *, error: float | None = None) -> Reading:
        """Return the time, and by how much it may be wrong.

        Raises `NotSynchronised` where no majority of servers says what time it is, or where it may be wrong by more
        than `error` seconds.
        """
        reading = self.clock.now()

        if not reading.synchronised:
            self.require()

        if error is not None and reading.error > error:
            raise NotSynchronised(f"the time may be wrong by {reading.error:.6f} s, more than {error:g} s")

        return reading

    def start(self) -> None:
        """Begin to ask; does nothing if that has been done. Raises `Closed`, and RuntimeError outside an event loop."""
        if self.is_closed:
            raise Closed(f"{self!r} asks nobody any more")

        if self.background is None:
            asyncio.get_running_loop()
            self.background = Background()

            for name in self.clients:
                self.background.spawn(self.attend(name), name=f"ntp {name}")

    async def aclose(self) -> None:
        """Stop asking. Its clock runs on, and is not synchronised any more. Closing twice does nothing more."""
        self.is_closed = True
        self.clock.lose()
        self.announce()

        if self.background is not None:
            await self.background.aclose()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def synchronise(self, timeout: float | None = None) -> Reading:
        """Wait until a quorum agrees, at most `timeout` seconds (None: without end), and return what time it is.

        Raises `NotSynchronised` when the time is over, or when too few servers are left that want to be asked;
        `Closed` where the pool is closed. Starts the pool if that has not been done.
        """
        self.start()

        try:
            async with asyncio.timeout(timeout):
                while not self.synchronised:
                    if self.is_closed:
                        raise Closed(f"{self!r} asks nobody any more")

                    if sum(not association.kiss for association in self.associations.values()) < self.quorum:
                        self.require()

                    await self.decided.wait()
        except TimeoutError as exc:
            raise NotSynchronised(f"not within {timeout} s: {self.describe()}") from exc

        return self.clock.now()

    def statistics(self) -> NTPPoolStatistics:
        """Return what the pool knows, from whom, and what it thinks of them."""
        now_ns = self.clock.local_ns()
        selection = self.selection
        chosen = ((), (), ()) if selection is None else (selection.survivors, selection.outliers, selection.liars)
        survivors, outliers, liars = (tuple(candidate.server for candidate in group) for group in chosen)
        return NTPPoolStatistics(
            synchronised=self.synchronised,
            quorum=self.quorum,
            survivors=survivors,
            outliers=outliers,
            liars=liars,
            lost=self.lost,
            clock=self.clock.statistics(),
            servers=tuple(association.statistics(now_ns) for association in self.associations.values()),
        )

    async def attend(self, name: str) -> None:
        """Ask one server again and again, until it wants to be asked no more."""
        association, client = self.associations[name], self.clients[name]

        while True:
            try:
                association.answered(await client.query())
            except KissOfDeath as exc:
                association.kissed(exc.kiss, exc.poll)
            except (NTPError, DeadlineExceeded) as exc:
                association.failed(str(exc))

            self.decide()

            if (seconds := association.pause(self.random())) is None:
                return

            await asyncio.sleep(seconds)

    def decide(self) -> None:
        """Go by what all servers say now."""
        now_ns = self.clock.local_ns()
        said = [association.candidate(now_ns) for association in self.associations.values()]
        candidates = [candidate for candidate in said if candidate is not None]
        selection = select(candidates, quorum=self.quorum, total=len(said))

        if selection is not None and not self.clock.correct(selection.offset, selection.error):
            selection = None

        if selection is None:
            self.lost += self.selection is not None
            self.clock.lose()

        self.selection = selection
        self.announce()

    def announce(self) -> None:
        self.decided.set()
        self.decided = asyncio.Event()

    def require(self) -> None:
        if not self.synchronised:
            raise NotSynchronised(self.describe())

    def describe(self) -> str:
        """Return why nobody knows what time it is, server by server."""
        now_ns = self.clock.local_ns()
        said = []

        for association in self.associations.values():
            if (candidate := association.candidate(now_ns)) is not None:
                said.append(f"{association.server} says {candidate.offset:+.6f} s ± {candidate.distance:.6f} s")
            else:
                said.append(
                    f"{association.server} is {association.state}{': ' * bool(association.last_error)}"
                    f"{association.last_error}"
                )

        return f"fewer than {self.quorum} servers agree: {'; '.join(said)}"


def is_ours(host: str) -> bool:
    """Whether a server is on this machine, or on a private network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"
