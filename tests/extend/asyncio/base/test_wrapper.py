"""Functions that wait and functions that do not can stand in for each other."""

import asyncio
import functools
from typing import Any

import pytest

from hagworm.extend.asyncio.base.wrapper import (
    AsyncConstructor,
    AsyncContextManager,
    AsyncFuncWrapper,
    FuncWrapper,
    async_adapter,
    awaitable,
    is_async,
    maybe_await,
    yield_now,
)
from hagworm.testing.sweep import cancel_sweep


async def double(number: int) -> int:
    """Double it."""
    await asyncio.sleep(0)
    return number * 2


def triple(number: int) -> int:
    """Triple it."""
    return number * 3


class Doubler:
    """An object that is called, and is async."""

    async def __call__(self, number: int) -> int:
        return await double(number)

    async def method(self) -> None: ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (double, True),
        (triple, False),
        (functools.partial(functools.partial(double, 1)), True),
        (functools.partial(triple, 1), False),
        (Doubler(), True),
        (functools.partial(Doubler()), True),
        (Doubler().method, True),
        (Doubler, False),
        (len, False),
        (7, False),
    ],
)
def test_what_is_async_is_known(function: Any, expected: bool) -> None:
    assert is_async(function) is expected


async def test_what_can_be_awaited_is() -> None:
    assert await maybe_await(double(2)) == 4
    assert await maybe_await(7) == 7
    assert await awaitable(triple)(2) == 6
    assert await awaitable(Doubler())(2) == 4
    assert awaitable(double) is double
    assert awaitable(triple).__name__ == "triple"
    later: Any = awaitable(lambda: double(3))
    assert await later() == 6


async def test_plain_code_calls_async_code_and_gets_its_task() -> None:
    task = async_adapter(double)(2)
    assert isinstance(task, asyncio.Task)
    assert await task == 4
    assert async_adapter(triple)(2) == 6
    assert async_adapter(double).__name__ == "double"


async def test_an_error_of_what_plain_code_started_is_told() -> None:
    told: list[str] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: told.append(str(context["exception"])))

    async def fail() -> None:
        raise OSError("no")

    async_adapter(fail)()
    await yield_now(3)
    loop.set_exception_handler(before)
    assert told == ["no"]


async def test_a_turn_of_the_loop_lets_others_run() -> None:
    seen: list[int] = []
    asyncio.get_running_loop().call_soon(seen.append, 1)
    await yield_now()
    assert seen == [1]


async def test_functions_are_called_by_priority_and_then_in_the_order_they_came() -> None:
    calls: list[str] = []
    wrapper = AsyncFuncWrapper()

    for name, priority in [("b", 0), ("c", 0), ("d", 5), ("a", -1)]:
        wrapper.add(functools.partial(calls.append, name), priority=priority)

    assert await wrapper() == [None] * 4
    assert calls == ["a", "b", "c", "d"]
    assert repr(wrapper) == "<AsyncFuncWrapper 4 functions>"


async def test_p19_a_function_may_remove_itself_or_others_while_all_are_called() -> None:
    """P19: `RuntimeError: Set changed size during iteration`."""
    calls: list[str] = []

    async def first() -> None:
        wrapper.remove(first)
        wrapper.remove(second)
        wrapper.add(third)
        calls.append("first")
        await asyncio.sleep(0)

    def second() -> None:
        calls.append("second")

    def third() -> None:
        calls.append("third")

    wrapper = AsyncFuncWrapper(first, second)
    await wrapper()
    assert calls == ["first", "second"]
    await wrapper()
    assert calls == ["first", "second", "third"]
    assert not wrapper.remove(first)


async def test_p19_a_function_is_there_once_and_that_is_told() -> None:
    """P19: duplicates were dropped silently."""
    wrapper = FuncWrapper(triple)
    assert not wrapper.add(triple)
    assert len(wrapper) == 1 and triple in wrapper and double not in wrapper
    wrong: Any = 7

    with pytest.raises(TypeError, match="7"):
        wrapper.add(wrong)


async def test_a_function_may_be_called_once_only() -> None:
    calls: list[int] = []
    wrapper = FuncWrapper()
    wrapper.add(calls.append, once=True)
    wrapper(1)
    wrapper(2)
    assert calls == [1]
    assert not len(wrapper) and bool(wrapper)


async def test_errors_of_some_do_not_keep_others_from_being_called() -> None:
    async def fail(name: str) -> None:
        raise OSError(name)

    calls: list[str] = []
    one = AsyncFuncWrapper(fail, calls.append)

    with pytest.raises(OSError, match="x"):
        await one("x")

    assert calls == ["x"]
    one.add(lambda name: [][1])

    with pytest.raises(ExceptionGroup, match="2 functions failed") as caught:
        await one("x")

    assert [type(error) for error in caught.value.exceptions] == [OSError, IndexError]


async def test_errors_may_end_the_call_or_be_results() -> None:
    async def fail() -> None:
        raise OSError

    calls: list[str] = []

    def note() -> str:
        calls.append("called")
        return "noted"

    with pytest.raises(OSError):
        await AsyncFuncWrapper(fail, note, on_error="raise")()

    assert calls == []
    results = await AsyncFuncWrapper(fail, note, on_error="return")()
    assert [type(result) for result in results] == [OSError, str]
    wrong: Any = "ignore"

    with pytest.raises(ValueError, match="ignore"):
        AsyncFuncWrapper(on_error=wrong)


async def test_p11_calling_without_waiting_hands_on_all_arguments() -> None:
    """P11: keyword arguments were a TypeError."""
    done = asyncio.Event()
    seen: list[Any] = []

    async def listen(*args: Any, **kwargs: Any) -> None:
        await asyncio.sleep(0)
        seen.append((args, kwargs))
        done.set()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError

    with pytest.raises(OSError):
        FuncWrapper(fail, listen)(1, a=2)

    await done.wait()
    assert seen == [((1,), {"a": 2})]


class Connection(AsyncConstructor):
    """Something whose making waits."""

    async def __ainit__(self, host: str, *, port: int = 80) -> None:
        await asyncio.sleep(0)

        if port < 0:
            raise OSError("no such port")

        self.address = f"{host}:{port}"


class Legacy(AsyncConstructor):
    """The same with the old name."""

    async def __async_init__(self, host: str) -> None:
        self.host = host


async def test_making_may_wait() -> None:
    connection = await Connection("db", port=1)
    assert connection.address == "db:1"
    assert await connection is connection
    assert (await Legacy("old")).host == "old"
    assert isinstance(await AsyncConstructor(), AsyncConstructor)


async def test_what_could_not_be_made_cannot_be_awaited_again() -> None:
    half = Connection("db", port=-1)

    with pytest.raises(OSError):
        await half

    with pytest.raises(RuntimeError, match="Connection"):
        await half


class Block(AsyncContextManager):
    """Notes how it is entered and left."""

    def __init__(self) -> None:
        self.log: list[str] = []

    async def _context_initialize(self) -> None:
        self.log.append("in")

    async def _context_release(self) -> None:
        await asyncio.sleep(0)
        self.log.append("out")


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit])
async def test_p1_a_context_manager_swallows_nothing(kind: type[BaseException]) -> None:
    """P1: it swallowed CancelledError, SystemExit and everything else."""
    block = Block()

    with pytest.raises(kind):
        async with block as entered:
            assert entered is block
            raise kind

    assert block.log == ["in", "out"]


async def test_no_cancellation_is_swallowed() -> None:
    async def scene() -> None:
        async with Block():
            await Connection("db")
            await AsyncFuncWrapper(double, triple)(1)
            await maybe_await(double(1))
            await awaitable(lambda: double(1))()

    assert (await cancel_sweep(scene)).suspensions == 5
