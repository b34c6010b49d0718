"""The majority of the servers keeps the clock right; a minority may be dead, wrong or lying."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from hagworm.extend.asyncio.ntp.pool import NTPPool
from hagworm.extend.error import Closed, NotSynchronised
from hagworm.extend.ntp.association import PollPlan
from hagworm.extend.ntp.clock import DisciplinedClock
from hagworm.extend.ntp.timestamp import NANO
from hagworm.testing import cancel_sweep, run_virtual
from hagworm.testing.virtual_time import VirtualClock
from tests.chrony_server import CHRONYD, run_chrony
from tests.ntp_server import Conduct, Rogue, run_rogue

HOST = "127.0.0.1"
FAST = PollPlan(poll=0.05, max_poll=0.4, burst=2, spacing=0.01)
HONEST = Conduct()
SILENT = Conduct(silent=True)


@asynccontextmanager
async def servers(*conducts: Conduct) -> AsyncIterator[list[Rogue]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(run_rogue(time.time_ns, conduct)) for conduct in conducts]


def names(rogues: list[Rogue]) -> list[str]:
    return [f"{HOST}:{rogue.port}" for rogue in rogues]


def behind(seconds: float) -> DisciplinedClock:
    """Return a clock that is wrong from the start."""
    return DisciplinedClock(start_ns=time.time_ns() - round(seconds * NANO))


def assert_right(pool: NTPPool) -> None:
    before = time.time()
    reading = pool.now()
    after = time.time()

    assert before - reading.error - 1e-6 <= reading.time <= after + reading.error + 1e-6


@pytest.mark.skipif(CHRONYD is None, reason="chronyd is not installed: apt-get install chrony")
async def test_real_servers_set_a_clock_that_was_wrong(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    with run_chrony(tmp_path / "a") as one, run_chrony(tmp_path / "b") as two:
        async with NTPPool([f"{HOST}:{one}", f"{HOST}:{two}"], plan=FAST, clock=behind(7200)) as pool:
            reading = await pool.synchronise(10)
            assert_right(pool)

            assert reading.synchronised
            assert reading.error < 0.1
            assert pool.offset == pytest.approx(7200, abs=0.1)


@pytest.mark.parametrize("lie", [3600.0, -3600.0])
async def test_two_liars_of_five_change_nothing(lie: float) -> None:
    wrong = Conduct(offset=lie)

    async with servers(HONEST, wrong, HONEST, wrong, HONEST) as rogues:
        async with NTPPool(names(rogues), plan=FAST, clock=behind(5)) as pool:
            await pool.synchronise(10)

            while len(pool.statistics().liars) < 2:
                await pool.decided.wait()

            assert_right(pool)
            assert set(pool.statistics().liars) == {f"{HOST}:{rogues[1].port}", f"{HOST}:{rogues[3].port}"}


async def test_x15_a_server_that_has_not_answered_does_not_count_as_0() -> None:
    """One server says +10 s, two are dead: that is no time, and not 0.0."""
    async with servers(Conduct(offset=10.0), SILENT, SILENT) as rogues:
        async with NTPPool(names(rogues), plan=FAST, timeout=0.02) as pool:
            while pool.statistics().servers[0].answers < 5:
                await pool.decided.wait()

            assert not pool.synchronised

            with pytest.raises(NotSynchronised, match=r"says \+(10\.0|9\.99)\d+ s ± 0\.0.*not done within"):
                _ = pool.offset

            with pytest.raises(NotSynchronised):
                pool.time()

        async with NTPPool(names(rogues), plan=FAST, timeout=0.02, quorum=1) as pool:
            await pool.synchronise(10)
            assert pool.offset == pytest.approx(10.0, abs=0.1)


def test_x15_a_pool_of_nothing_is_refused() -> None:
    for nothing in ([], ["a", "a"], [str(number) for number in range(65)]):
        with pytest.raises(ValueError, match="1 to 64 servers"):
            NTPPool(nothing)


async def test_x16_a_minority_that_is_dead_does_not_matter() -> None:
    async with servers(HONEST, HONEST, HONEST, SILENT) as rogues, run_rogue(time.time_ns) as gone:
        port = gone.port

    async with servers(HONEST, HONEST, HONEST, SILENT) as rogues:
        async with NTPPool([*names(rogues), f"{HOST}:{port}"], plan=FAST, timeout=0.05) as pool:
            await pool.synchronise(10)
            assert_right(pool)


@pytest.mark.parametrize("kiss", ["DENY", "RSTR"])
async def test_x17_who_sends_us_away_is_not_asked_again(kiss: str) -> None:
    async with servers(HONEST, HONEST, Conduct(kiss=kiss)) as rogues:
        async with NTPPool(names(rogues), plan=FAST) as pool:
            await pool.synchronise(10)

            while rogues[0].requests < 6:
                await pool.decided.wait()

            assert rogues[2].requests == 1
            assert pool.statistics().servers[2].state == "refused"
            assert_right(pool)


async def test_where_too_few_are_left_to_ask_nobody_waits() -> None:
    async with servers(HONEST, Conduct(kiss="DENY"), Conduct(kiss="RSTR")) as rogues:
        async with NTPPool(names(rogues), plan=FAST) as pool:
            with pytest.raises(NotSynchronised, match="fewer than 2 servers agree.*refused: kiss of death 'DENY'"):
                await pool.synchronise()


async def test_when_the_majority_is_lost_the_clock_says_so_and_runs_on() -> None:
    async with servers(HONEST, HONEST, HONEST) as rogues:
        async with NTPPool(names(rogues), plan=FAST, timeout=0.02) as pool:
            await pool.synchronise(10)
            before, error = pool.time(), pool.error_bound

            for rogue in rogues[1:]:
                rogue.behave(silent=True)

            while pool.synchronised:
                await pool.decided.wait()

            with pytest.raises(NotSynchronised, match="not done within 0.02 s"):
                pool.now()

            guess = pool.clock.now()
            assert guess.time > before
            assert guess.error > 0 and error > 0
            assert not guess.synchronised
            assert pool.statistics().lost == 1
            assert abs(guess.time - time.time()) <= guess.error + 0.01

            for rogue in rogues[1:]:
                rogue.behave(silent=False)

            await pool.synchronise(10)
            assert_right(pool)


async def test_servers_that_disagree_are_no_majority() -> None:
    async with servers(HONEST, Conduct(offset=10.0), Conduct(offset=20.0), Conduct(offset=30.0)) as rogues:
        async with NTPPool(names(rogues), plan=FAST) as pool:
            with pytest.raises(NotSynchronised, match=r"not within 0.2 s: fewer than 3 servers agree"):
                await pool.synchronise(0.2)


async def test_a_reading_may_be_asked_to_be_exact() -> None:
    async with servers(Conduct(root_dispersion=0.5)) as rogues, NTPPool(names(rogues), plan=FAST) as pool:
        await pool.synchronise(10)

        assert pool.now(error=0.9).error < 0.9

        with pytest.raises(NotSynchronised, match="more than 0.1 s"):
            pool.now(error=0.1)


def test_a_server_that_is_not_ours_is_not_asked_too_often() -> None:
    with pytest.raises(ValueError, match=r"ntp\.example\.com is asked at most every 15 s, not every 1 s"):
        NTPPool(["ntp.example.com"], plan=PollPlan(poll=1))

    NTPPool(["ntp.example.com", "192.168.0.1"], plan=PollPlan(poll=15))
    NTPPool(["192.168.0.1", "localhost", "[::1]:5"], plan=PollPlan(poll=0.1))


@pytest.mark.parametrize("quorum", [0, 3, -1])
def test_a_quorum_is_some_of_the_servers(quorum: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 2 servers, not {quorum}"):
        NTPPool(["a", "b"], quorum=quorum)


async def test_a_pool_is_closed_once_and_for_all() -> None:
    async with servers(HONEST) as rogues:
        pool = NTPPool(names(rogues), plan=FAST)
        pool.start()
        pool.start()
        await pool.synchronise(10)
        assert repr(pool) == "<NTPPool synchronised, 1 of 1 servers, quorum 1>"

        await pool.aclose()
        await pool.aclose()
        asked = rogues[0].requests

        assert repr(pool) == "<NTPPool closed, 1 of 1 servers, quorum 1>"
        assert not pool.synchronised

        with pytest.raises(Closed, match="asks nobody any more"):
            pool.start()

        with pytest.raises(NotSynchronised):
            pool.time()

        assert rogues[0].requests == asked


async def test_who_waits_for_a_pool_that_is_closed_is_told() -> None:
    async with servers(SILENT) as rogues:
        pool = NTPPool(names(rogues), plan=FAST)
        waiting = asyncio.create_task(pool.synchronise())

        while not rogues[0].requests:
            await asyncio.sleep(0)

        await pool.aclose()

        with pytest.raises(Closed):
            await waiting


async def test_a_cancelled_call_leaves_nothing_behind() -> None:
    async with servers(HONEST, HONEST) as rogues:

        async def life() -> None:
            async with NTPPool(names(rogues), plan=FAST) as pool:
                await pool.synchronise(10)
                assert pool.background is not None

        sweep = await cancel_sweep(life)

        assert sweep.suspensions >= 2


def test_x17_two_hours_of_polls_in_virtual_time() -> None:
    """Four servers, of which one drifts away, one asks for less; our own quartz gains 10 µs a second."""
    clock = VirtualClock()
    hours = 2

    def true_ns() -> int:
        return round(clock.time() * NANO)

    def quartz() -> int:
        return round(clock() * NANO * (1 + 10e-6))

    async def life() -> None:
        conducts = [HONEST, HONEST, Conduct(drift=50e-6), HONEST]

        async with AsyncExitStack() as stack:
            rogues = [await stack.enter_async_context(run_rogue(true_ns, conduct)) for conduct in conducts]
            disciplined = DisciplinedClock(monotonic=quartz, start_ns=true_ns() - 3 * NANO)
            pool = NTPPool(names(rogues), clock=disciplined, random=lambda: 0.5)
            await stack.enter_async_context(pool)
            await pool.synchronise(30)
            last = pool.time()

            for minute in range(hours * 60):
                if minute == 60:
                    rogues[3].behave(kiss="RATE", poll=9)

                await asyncio.sleep(60)
                reading = pool.now()
                assert abs(reading.time - clock.time()) <= reading.error
                assert reading.time > last
                last = reading.time

            statistics = pool.statistics()
            assert statistics.liars == (f"{HOST}:{rogues[2].port}",)
            assert reading.error < 0.01
            # Of a request every 64 s, besides the burst, and one every 512 s and less after the kiss.
            assert 100 <= rogues[0].requests <= 120
            assert sum(moment > 3700 for moment in rogues[3].moments) <= 7

    run_virtual(life(), clock=clock)
