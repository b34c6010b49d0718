"""R43: a pool of NTP servers of which a minority lies, breaks the protocol or dies tells the time within its bound."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hagworm.extend.asyncio.ntp import NTPPool
from hagworm.extend.error import NotSynchronised
from hagworm.extend.ntp import DisciplinedClock, PollPlan
from tests.chaos.bar import Bar, Trial, main, need
from tests.chrony_server import CHRONYD, run_chrony
from tests.ntp_server import Conduct, Rogue, run_rogue

__all__ = ("PROMISE", "run")

PROMISE = (
    "of five NTP servers two may lie, break the protocol or be dead: the offset is wrong by no more than the pool says,"
    " time never goes back, and without a majority nobody pretends to know it"
)

HOST = "127.0.0.1"
NANO = 1_000_000_000
PLAN = PollPlan(poll=0.05, max_poll=0.4, burst=4, spacing=0.01)
READINGS = 0.005
"""Seconds between two looks at the clock."""

EXCLUDED: dict[str, Conduct] = {
    "two liars of +3600 s": Conduct(offset=3600.0),
    "two liars of -3600 s": Conduct(offset=-3600.0),
    "two liars of 20 ms": Conduct(offset=0.02),
    "two fast liars": Conduct(drift=0.1),
    "leap indicator 3": Conduct(leap=3),
    "stratum 0": Conduct(stratum=0),
    "stratum 16": Conduct(stratum=16),
    "origin 0": Conduct(origin="zero", offset=3600.0),
    "origin replayed": Conduct(origin="replayed", offset=3600.0),
    "origin wrong": Conduct(origin="wrong", offset=3600.0),
    "wrong port": Conduct(other_port=True, offset=3600.0),
    "answers before it is asked": Conduct(backwards=True),
    "silence": Conduct(silent=True),
}
"""Conducts of two servers of five that never have a say in the end."""


@dataclass(slots=True)
class Desk:
    """Three honest servers and what a trial needs besides."""

    bar: Bar
    honest: list[str]
    seconds: float
    """How long the clock is looked at."""


@dataclass(slots=True)
class Watch:
    """What was seen of a clock that was read again and again."""

    readings: int = 0
    worst: float = 0.0
    """By how much it was more wrong than it said."""
    error: float = 0.0
    """The largest error that it said."""
    backwards: int = 0
    last: float = field(default=0.0)

    def look(self, clock: DisciplinedClock) -> None:
        before = time.time_ns()
        reading = clock.now()
        after = time.time_ns()
        self.readings += 1
        self.backwards += reading.time < self.last
        self.last = reading.time

        if reading.error < float("inf"):
            early = before / NANO - reading.latest
            late = reading.earliest - after / NANO
            self.worst = max(self.worst, early, late)
            self.error = max(self.error, reading.error)

    async def look_for(self, pool: NTPPool, seconds: float) -> None:
        end = time.monotonic() + seconds

        while time.monotonic() < end:
            self.look(pool.clock)
            await asyncio.sleep(READINGS)

    def judge(self, trial: Trial) -> None:
        trial.note(readings=self.readings, worst=self.worst, error=self.error)
        trial.expect(self.readings > 0, "the clock was read")
        trial.expect(self.worst <= 1e-6, f"right within its bound, not {self.worst:.9f} s beyond it")
        trial.expect(self.backwards == 0, f"never back, not {self.backwards} times")


def new_pool(bar: Bar, servers: list[str], *, timeout: float = 0.1, plan: PollPlan = PLAN) -> NTPPool:
    wrong = bar.random.uniform(-5.0, 5.0)
    clock = DisciplinedClock(start_ns=time.time_ns() + round(wrong * NANO), holdover=5.0)
    return NTPPool(servers, plan=plan, timeout=timeout, clock=clock, random=bar.random.random)


def settled_error(pool: NTPPool) -> float:
    """Return the bound without what the clock is still making up, which shrinks as it does."""
    clock = pool.statistics().clock
    return clock.error - abs(clock.remaining)


def address(rogue: Rogue) -> str:
    return f"{HOST}:{rogue.port}"


async def mixed(trial: Trial, desk: Desk, conduct: Conduct, *, are_excluded: bool = True, timeout: float = 0.1) -> None:
    """Three honest servers and two of that conduct."""
    async with AsyncExitStack() as stack:
        rogues = [await stack.enter_async_context(run_rogue(time.time_ns, conduct)) for _ in range(2)]
        names = [address(rogue) for rogue in rogues]
        servers = [*desk.honest, *names]
        desk.bar.random.shuffle(servers)
        pool = await stack.enter_async_context(new_pool(desk.bar, servers, timeout=timeout))
        await pool.synchronise(10)
        watch = Watch()
        await watch.look_for(pool, desk.seconds)
        watch.judge(trial)
        statistics = pool.statistics()
        trial.note(survivors=statistics.survivors, liars=statistics.liars, asked=[rogue.requests for rogue in rogues])
        trial.expect(pool.synchronised, "synchronised by three honest servers")
        trial.expect(all(rogue.requests for rogue in rogues), "the others were asked, too")

        if are_excluded:
            trial.expect(not set(statistics.survivors) & set(names), "who is wrong has no say")


async def kisses(trial: Trial, desk: Desk, kiss: str) -> None:
    """Two servers send us away, or say that they are asked too often."""
    async with AsyncExitStack() as stack:
        conduct = Conduct(kiss=kiss, poll=0)
        rogues = [await stack.enter_async_context(run_rogue(time.time_ns, conduct)) for _ in range(2)]
        pool = await stack.enter_async_context(
            new_pool(desk.bar, [*desk.honest, *(address(rogue) for rogue in rogues)])
        )
        await pool.synchronise(10)
        watch = Watch()
        seconds = max(desk.seconds, 1.0)
        await watch.look_for(pool, seconds)
        watch.judge(trial)
        asked = [rogue.requests for rogue in rogues]
        trial.note(asked=asked)
        trial.expect(pool.synchronised, "synchronised by three honest servers")

        if kiss == "RATE":
            pauses = [
                later - earlier
                for rogue in rogues
                for earlier, later in zip(rogue.moments, rogue.moments[1:], strict=False)
            ]
            trial.note(pauses=pauses)
            most = 8 + seconds / (PLAN.max_poll * (1 - PLAN.jitter))
            trial.expect(all(asked) and max(asked) <= most, f"asked less and less often, not {asked} times")
            trial.expect(min(pauses) >= 2 * PLAN.poll * (1 - PLAN.jitter) * 0.9, "each pause at least twice as long")
        else:
            trial.expect(asked == [1, 1], f"not asked again, but {asked} times")


async def slow_drift(trial: Trial, desk: Desk) -> None:
    """Two liars leave the truth together, so slowly that for a while nobody can tell."""
    drift = desk.bar.random.choice((-1, 1)) * desk.bar.random.uniform(1e-4, 1e-3)
    trial.note(drift=drift)
    await mixed(trial, desk, Conduct(drift=drift), are_excluded=False)


async def late_answers(trial: Trial, desk: Desk) -> None:
    """The way back takes two seconds longer than the way there: the offset is wrong by one, and the bound says so."""
    honest, slow = desk.honest, Conduct(lag=2.0)

    async with AsyncExitStack() as stack:
        rogues = [await stack.enter_async_context(run_rogue(time.time_ns, slow)) for _ in range(2)]
        alone = await stack.enter_async_context(new_pool(desk.bar, [address(rogues[0])], timeout=5.0))
        pool = await stack.enter_async_context(
            new_pool(desk.bar, [*honest, *(address(rogue) for rogue in rogues)], timeout=5.0)
        )
        await alone.synchronise(10)
        watch, lonely = Watch(), Watch()

        for _ in range(20):
            await watch.look_for(pool, desk.seconds / 20)
            lonely.look(alone.clock)

        watch.judge(trial)
        lonely.judge(trial)
        trial.expect(lonely.error >= 1.0, "who knows only a slow server says that it may be wrong by a second")
        trial.expect(pool.error_bound < 0.5, "who knows others does not go by it")


async def flood(trial: Trial, desk: Desk) -> None:
    """Before each answer of four of five servers come packets forged by somebody who has not seen the request."""
    conduct = Conduct(forged=500)

    async with AsyncExitStack() as stack:
        rogues = [await stack.enter_async_context(run_rogue(time.time_ns, conduct)) for _ in range(4)]
        pool = await stack.enter_async_context(
            new_pool(desk.bar, [desk.honest[0], *(address(rogue) for rogue in rogues)], timeout=2.0)
        )
        began = time.monotonic()
        await pool.synchronise(10)
        watch = Watch()
        await watch.look_for(pool, desk.seconds)
        watch.judge(trial)
        forged = sum(rogue.requests for rogue in rogues) * conduct.forged
        ignored = sum(client.ignored for client in pool.clients.values())
        trial.note(forged=forged, ignored=ignored, per_second=round(forged / (time.monotonic() - began)))
        trial.expect(ignored > 0, "forged packets have come, and were ignored")
        trial.expect(pool.synchronised and not pool.statistics().liars, "forged packets change nothing")


async def no_majority(trial: Trial, desk: Desk) -> None:
    """Three of five lie, each in its own way: two honest ones are no majority."""
    async with AsyncExitStack() as stack:
        lies = [Conduct(offset=lie) for lie in (100.0, -200.0, 300.0)]
        rogues = [await stack.enter_async_context(run_rogue(time.time_ns, lie)) for lie in lies]
        pool = await stack.enter_async_context(
            new_pool(desk.bar, [*desk.honest[:2], *(address(rogue) for rogue in rogues)])
        )

        try:
            await pool.synchronise(desk.seconds)
        except NotSynchronised as exc:
            trial.note(error=str(exc))
        else:
            trial.expect(False, "two of five are no majority")

        trial.expect(not pool.synchronised, "not synchronised")


async def all_die(trial: Trial, desk: Desk) -> None:
    """Five servers that were right die, one way or another: the clock runs on and says that nobody knows."""
    async with AsyncExitStack() as stack:
        servers = ExitStack()
        stack.push(servers)
        folder = Path(servers.enter_context(TemporaryDirectory()))
        port = servers.enter_context(run_chrony(folder))
        rogues = [await stack.enter_async_context(run_rogue(time.time_ns)) for _ in range(4)]
        plan = PollPlan(poll=0.05, max_poll=0.1, burst=4, spacing=0.01)
        names = [f"{HOST}:{port}", *(address(rogue) for rogue in rogues)]
        pool = await stack.enter_async_context(new_pool(desk.bar, names, timeout=0.05, plan=plan))
        await pool.synchronise(10)
        watch = Watch()
        await watch.look_for(pool, 0.2)
        servers.close()

        for rogue in rogues:
            rogue.behave(silent=True)

        died = time.monotonic()

        while pool.synchronised and time.monotonic() < died + 10:
            watch.look(pool.clock)
            await asyncio.sleep(READINGS)

        trial.note(noticed=round(time.monotonic() - died, 3))
        trial.expect(not pool.synchronised, "not synchronised once all are dead")
        error = settled_error(pool)
        await watch.look_for(pool, 0.2)
        watch.judge(trial)
        trial.expect(settled_error(pool) > error, "the bound grows")

        try:
            pool.time()
        except NotSynchronised:
            trial.note(refuses=True)
        else:
            trial.expect(False, "a pool that does not know the time does not tell one")

        for rogue in rogues:
            rogue.behave(silent=False)

        await pool.synchronise(10)
        await watch.look_for(pool, 0.2)
        watch.judge(trial)


TRIALS: dict[str, Callable[[Trial, Desk], Awaitable[None]]] = {
    "slow drift": slow_drift,
    "late answers": late_answers,
    "spoof flood": flood,
    "no majority": no_majority,
    "all dead": all_die,
}


async def all_trials(bar: Bar, honest: list[str]) -> None:
    desk = Desk(bar, honest, seconds=10.0 if bar.is_long else 0.4)

    for name, conduct in EXCLUDED.items():
        with bar.trial(name) as trial:
            await mixed(trial, desk, conduct)

    for kiss in ("DENY", "RSTR", "RATE"):
        with bar.trial(f"kiss of death {kiss}") as trial:
            await kisses(trial, desk, kiss)

    for name, perform in TRIALS.items():
        with bar.trial(name) as trial:
            await perform(trial, desk)


def run(bar: Bar) -> None:
    """Make the trials, with three real servers that are honest."""
    need(CHRONYD, "chronyd is not installed: apt-get install chrony")

    with ExitStack() as stack:
        folders = [Path(stack.enter_context(TemporaryDirectory())) for _ in range(3)]
        honest = [f"{HOST}:{stack.enter_context(run_chrony(folder))}" for folder in folders]
        asyncio.run(all_trials(bar, honest))


if __name__ == "__main__":
    main(__file__, PROMISE, run)
