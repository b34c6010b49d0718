"""Virtual time jumps, keeps the order of timers, and waits for what is real."""

import asyncio
import socket
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from hagworm.testing.virtual_time import Stuck, VirtualClock, VirtualLoop, run_virtual


def loop() -> VirtualLoop:
    running = asyncio.get_running_loop()
    assert isinstance(running, VirtualLoop)
    return running


def test_a_year_of_sleep_costs_no_time() -> None:
    async def main() -> float:
        await asyncio.sleep(365 * 86400)
        return asyncio.get_running_loop().time()

    start = time.monotonic()

    assert run_virtual(main()) == 365 * 86400
    assert time.monotonic() - start < 5


def test_timers_run_in_their_order_and_exactly_when_they_are_due() -> None:
    seen: list[tuple[str, float]] = []

    async def note(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, loop().time()))

    async def main() -> None:
        await asyncio.gather(note("c", 3.1), note("a", 0.1), note("b", 0.1 + 0.2))

    run_virtual(main())

    assert seen == [("a", 0.1), ("b", 0.1 + 0.2), ("c", 3.1)]


def test_two_runs_are_alike() -> None:
    async def main() -> list[float]:
        moments = []

        for seconds in (0.3, 0.7, 1e-7, 1e5, 1 / 3):
            await asyncio.sleep(seconds)
            moments.append(loop().time())

        return moments

    assert run_virtual(main()) == run_virtual(main())


def test_a_timeout_ends_what_would_hang() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()

        return loop().time()

    assert run_virtual(main()) == 3600


def test_the_clock_that_is_passed_is_the_one_of_the_loop() -> None:
    clock = VirtualClock(start=datetime(2030, 5, 6, tzinfo=UTC))

    async def main() -> None:
        await asyncio.sleep(90)

    run_virtual(main(), clock=clock)

    assert clock() == 90
    assert clock.now() == datetime(2030, 5, 6, 0, 1, 30, tzinfo=UTC)
    assert clock.time() == clock.now().timestamp()
    assert repr(clock) == "<VirtualClock 90 s, 2030-05-06T00:01:30+00:00>"


def test_a_clock_that_is_put_forward_makes_timers_due() -> None:
    async def main() -> float:
        task = asyncio.create_task(asyncio.sleep(10))
        await asyncio.sleep(0)
        loop().clock.advance(25)
        await task
        return loop().time()

    assert run_virtual(main()) == 25


def test_a_clock_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="go back"):
        VirtualClock().advance(-1)

    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(start=datetime(2024, 1, 1))


def test_what_can_only_hang_is_told_with_the_tasks_that_wait() -> None:
    async def forgotten() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match=r"forgotten\(\)"):
        run_virtual(forgotten())


def test_a_thread_that_was_there_before_does_not_hide_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hagworm.testing.virtual_time.LAST_CALL", 0.01)
    end = threading.Event()
    elder = threading.Thread(target=end.wait)
    elder.start()

    async def main() -> None:
        await asyncio.to_thread(int)
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run_virtual(main())

    end.set()
    elder.join()


def test_time_stands_while_a_thread_of_the_executor_works() -> None:
    release = threading.Event()

    async def main() -> tuple[str, float]:
        asyncio.get_running_loop().call_soon(threading.Timer(0.05, release.set).start)

        async with asyncio.timeout(0.001):
            done = await asyncio.to_thread(lambda: release.wait(10) and "done")

        return str(done), loop().time()

    assert run_virtual(main()) == ("done", 0)


def test_time_stands_inside_of_a_hold() -> None:
    async def main() -> tuple[int, float]:
        future = loop().create_future()
        thread = threading.Timer(0.05, lambda: at.call_soon_threadsafe(future.set_result, 7))
        at = loop()
        thread.start()

        with at.hold():
            async with asyncio.timeout(0.001):
                result = await future

        await asyncio.to_thread(thread.join)
        return result, at.time()

    assert run_virtual(main()) == (7, 0)


def test_sockets_are_real_and_time_jumps_beside_them() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        await asyncio.sleep(30)
        writer.write(line.upper())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def main() -> tuple[bytes, float]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)

        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            answered = await reader.read()
            writer.close()
            await writer.wait_closed()

        return answered, loop().time()

    assert run_virtual(main()) == (b"HELLO\n", 30)


def test_a_socket_that_another_thread_writes_to_wakes_a_loop_without_timers() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def main() -> bytes:
        threading.Timer(0.05, theirs.send, (b"x",)).start()
        return await asyncio.get_running_loop().sock_recv(ours, 1)

    with ours, theirs:
        assert run_virtual(main()) == b"x"


def test_a_child_process_is_refused_outside_of_a_hold() -> None:
    async def main() -> tuple[bytes, float]:
        with pytest.raises(RuntimeError, match=r"hold\(\)"):
            await asyncio.create_subprocess_exec(sys.executable, "-c", "")

        with loop().hold():
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-S", "-c", "print(7)", stdout=asyncio.subprocess.PIPE
            )
            output, _ = await child.communicate()

        return output, loop().time()

    assert run_virtual(main()) == (b"7\n", 0)
