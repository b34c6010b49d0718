"""A result is shared by those who may have it, for as long as it is good, and by nobody else."""

import asyncio
import copy
import functools
import gc
import inspect
import pickle
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hagworm.extend.asyncio.base.flight import Flights, ThreadFlights
from hagworm.extend.asyncio.base.share import FuncCache, ShareFuture, cache_of, flights_of
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.testing.sweep import cancel_sweep


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_calls_at_the_same_time_share_one_run_for_each_set_of_arguments() -> None:
    calls: list[tuple[int, int]] = []

    @ShareFuture()
    async def subtract(a: int, b: int) -> int:
        """Take one from the other."""
        calls.append((a, b))
        await asyncio.sleep(0)
        return a - b

    results = await asyncio.gather(subtract(5, 3), subtract(3, 5), subtract(b=3, a=5), subtract(5, b=3))
    assert results == [2, -2, 2, 2]
    assert calls == [(5, 3), (3, 5)]
    assert await subtract(5, 3) == 2
    assert len(calls) == 3
    assert isinstance(flights_of(subtract), Flights)
    assert flights_of(subtract).statistics().shared == 2
    assert (subtract.__name__, subtract.__doc__) == ("subtract", "Take one from the other.")
    assert inspect.iscoroutinefunction(subtract)


async def test_each_caller_may_have_a_copy_of_its_own() -> None:
    @ShareFuture(copy=copy.deepcopy)
    async def load() -> list[int]:
        await asyncio.sleep(0)
        return [1]

    one, two = await asyncio.gather(load(), load())
    one.append(2)
    assert two == [1]


async def test_detached_and_timeout_are_handed_on() -> None:
    started = asyncio.Event()

    @ShareFuture(detached=True, timeout=60)
    async def load() -> asyncio.Task[Any] | None:
        started.set()
        await asyncio.sleep(0)
        return asyncio.current_task()

    first = asyncio.create_task(load())
    second = asyncio.create_task(load())
    await started.wait()
    first.cancel()
    assert await second not in (None, first, second)


async def test_a_key_of_one_s_own_decides_who_shares() -> None:
    calls: list[str] = []

    @ShareFuture(key=lambda session, user: user)
    async def load(session: object, user: str) -> str:
        calls.append(user)
        await asyncio.sleep(0)
        return user

    assert await asyncio.gather(load([], "a"), load({}, "a"), load([], "b")) == ["a", "a", "b"]
    assert calls == ["a", "b"]


@pytest.mark.parametrize("decorator", [ShareFuture(), FuncCache()])
def test_p5_what_cannot_be_shared_is_refused_when_it_is_decorated(decorator: Callable[[Any], Any]) -> None:
    """P5: a TypeError was made, and not raised."""

    def generate() -> Any:
        yield 1

    async def agenerate() -> Any:
        yield 1

    for wrong in (7, "name", int, generate, agenerate):
        with pytest.raises(TypeError):
            decorator(wrong)


def test_what_only_coroutine_functions_can_do_is_refused_for_others() -> None:
    def plain() -> None: ...

    for decorator in (ShareFuture(detached=True), FuncCache(detached=True), FuncCache(late=1)):
        with pytest.raises(TypeError, match="only a coroutine function"):
            decorator(plain)


def test_numbers_that_make_no_sense_are_refused() -> None:
    wrong: list[dict[str, Any]] = [
        {"maxsize": 0},
        {"ttl": 0},
        {"ttl": -1},
        {"late": -1},
        {"jitter": 1.1},
        {"negative_ttl": 0},
    ]

    for arguments in wrong:
        with pytest.raises(ValueError):
            FuncCache(**arguments)


async def test_a_result_is_given_again_until_it_is_too_old() -> None:
    clock, calls = Clock(), [0]

    @FuncCache(ttl=10, clock=clock)
    async def load(number: int) -> int:
        calls[0] += 1
        return number + calls[0]

    assert await load(10) == await load(10) == await load(number=10) == 11
    clock.now += 9.9
    assert await load(10) == 11
    clock.now += 0.1
    assert await load(10) == 12
    statistics = cache_of(load).statistics()
    assert (statistics.hits, statistics.misses, statistics.size) == (3, 2, 1)
    assert repr(cache_of(load)) == "<Memo 1 of 255 results, 3 hits, 2 misses>"


async def test_p6_none_is_a_result_and_misses_at_the_same_time_are_one_call() -> None:
    """P6: ten concurrent misses were ten calls, and None was never kept."""
    calls = [0]

    @FuncCache()
    async def load() -> None:
        calls[0] += 1
        await asyncio.sleep(0)

    assert await asyncio.gather(*(load() for _ in range(10))) == [None] * 10
    assert await load() is None
    assert calls == [1]


async def test_p6_what_a_caller_does_with_its_copy_does_not_reach_others() -> None:
    """P6: callers changed the result that all of them shared."""

    @FuncCache(copy=copy.deepcopy)
    async def load() -> list[int]:
        return []

    for _ in range(3):
        result = await load()
        assert result == []
        result.append(1)


async def test_b5_calls_with_other_arguments_never_get_this_result() -> None:
    """B5: `sub(3, 5)` was answered with `sub(5, 3)`, and `f("1")` with `f(1)`."""

    @FuncCache()
    async def subtract(a: Any, b: Any) -> Any:
        return f"{a!r}-{b!r}"

    for a in (1, True, 1.0, "1", 5, 3):
        for b in (1, True, 1.0, "1", 5, 3):
            assert await subtract(a, b) == f"{a!r}-{b!r}"


class Repository:
    """Something with cached and shared methods."""

    made = 0

    def __init__(self) -> None:
        Repository.made += 1
        self.number = Repository.made
        self.calls = 0

    @FuncCache()
    async def load(self, key: str) -> str:
        """Load it."""
        self.calls += 1
        await asyncio.sleep(0)
        return f"{self.number} {key}"

    @FuncCache()
    def read(self, key: str) -> str:
        self.calls += 1
        return f"{self.number} {key}"

    @ShareFuture()
    async def fetch(self, key: str) -> str:
        self.calls += 1
        await asyncio.sleep(0)
        return f"{self.number} {key}"

    @staticmethod
    @FuncCache()
    async def add(a: int, b: int) -> int:
        return a + b

    @classmethod
    @FuncCache()
    async def name(cls, suffix: str) -> str:
        return cls.__name__ + suffix


class Archive(Repository):
    """A class of its own."""


async def test_b6_a_method_is_cached_for_its_object_only() -> None:
    """B6: 199 of 200 short-lived objects got the result of another one."""
    for _ in range(200):
        repository = Repository()
        assert await repository.load("x") == f"{repository.number} x"
        assert await repository.load("x") == f"{repository.number} x"
        assert repository.read("x") == repository.read(key="x") == f"{repository.number} x"
        assert await asyncio.gather(repository.fetch("x"), repository.fetch("x")) == [f"{repository.number} x"] * 2
        assert repository.calls == 3


async def test_what_an_object_has_cached_is_gone_with_it() -> None:
    repository = Repository()
    await repository.load("x")
    gone = weakref.ref(repository)
    del repository
    assert gone() is None


async def test_a_copy_of_an_object_has_a_cache_of_its_own() -> None:
    repository = Repository()
    await repository.load("x")

    for twin in (copy.copy(repository), copy.deepcopy(repository), pickle.loads(pickle.dumps(repository))):
        twin.number = 99
        assert await twin.load("x") == "99 x"

    assert await repository.load("x") == f"{repository.number} x"
    assert cache_of(repository.load).statistics().hits == 1


async def test_static_and_class_methods_are_cached_for_all() -> None:
    cache_of(Repository.add).clear()
    before = cache_of(Repository.add).statistics()
    assert await Repository.add(1, 2) == await Repository().add(1, 2) == 3
    assert cache_of(Repository.add).statistics().hits == before.hits + 1
    assert await Repository.name("!") == "Repository!"
    assert await Archive.name("!") == "Archive!"


async def test_an_object_that_cannot_keep_results_says_so() -> None:
    class Slim:
        __slots__ = ()

        @FuncCache()
        async def load(self) -> int:
            return 1

        @FuncCache(key=lambda self: "all")
        async def load_for_all(self) -> int:
            return 2

    # Defined in a function, the name of the class tells that it is one all the same.
    with pytest.raises(TypeError, match="say with `key=`"):
        await Slim().load()

    assert await Slim().load_for_all() == 2


async def test_a_method_without_its_object_is_refused() -> None:
    unbound: Any = Repository.load

    with pytest.raises(TypeError, match="without its object"):
        await unbound()

    with pytest.raises(TypeError, match="say of which object"):
        cache_of(Repository.load)


async def test_what_was_asked_for_longest_ago_makes_room() -> None:
    calls: list[int] = []

    @FuncCache(maxsize=2)
    async def load(number: int) -> int:
        calls.append(number)
        return number

    for number in (1, 2, 1, 3, 1, 2):
        await load(number)

    assert calls == [1, 2, 3, 2]
    assert cache_of(load).statistics().evicted == 2
    assert len(cache_of(load)) == 2


async def test_results_can_be_forgotten_one_by_one_or_all() -> None:
    calls: list[int] = []

    @FuncCache()
    async def load(number: int) -> int:
        calls.append(number)
        return number

    for number in (1, 2):
        await load(number)

    assert cache_of(load).invalidate(number=1)
    assert not cache_of(load).invalidate(1)
    await load(1)
    await load(2)
    cache_of(load).clear()
    await load(2)
    assert calls == [1, 2, 1, 2]


async def test_a_result_on_its_way_when_it_is_invalidated_is_not_kept() -> None:
    version = ["old"]
    go = asyncio.Event()

    @FuncCache()
    async def load() -> str:
        seen = version[0]
        await go.wait()
        return seen

    waiting = asyncio.create_task(load())
    await yield_now()
    version[0] = "new"
    cache_of(load).invalidate()
    late = asyncio.create_task(load())
    await yield_now()
    go.set()
    assert (await waiting, await late, await load()) == ("old", "new", "new")


async def test_an_error_is_not_kept_unless_it_is_named() -> None:
    clock, calls = Clock(), [0]

    @FuncCache(ttl=100, negative=KeyError, negative_ttl=5, clock=clock)
    async def load(error: type[Exception]) -> None:
        calls[0] += 1
        raise error("no")

    for _ in range(2):
        with pytest.raises(OSError):
            await load(OSError)

    assert calls == [2]
    seen: list[KeyError] = []

    for _ in range(3):
        with pytest.raises(KeyError) as caught:
            await load(KeyError)

        seen.append(caught.value)

    assert calls == [3]
    assert len({id(error) for error in seen}) == 3
    clock.now += 5

    with pytest.raises(KeyError):
        await load(KeyError)

    assert calls == [4]


async def test_a_result_that_is_not_to_be_kept_is_not() -> None:
    calls = [0]

    @FuncCache(keep=lambda result: result > 1)
    async def load() -> int:
        calls[0] += 1
        return calls[0]

    assert [await load() for _ in range(4)] == [1, 2, 2, 2]


async def test_results_do_not_all_grow_old_at_once() -> None:
    clock, chances = Clock(), iter([0.0, 0.5, 1.0])

    @FuncCache(ttl=100, jitter=0.2, clock=clock, random=lambda: next(chances))
    async def load(number: int) -> int:
        return number

    for number in range(3):
        await load(number)

    assert [entry.fresh_until - clock.now for entry in cache_of(load).entries.values()] == [100, 90, 80]


async def test_an_old_result_is_given_while_it_is_renewed_once() -> None:
    clock, calls, go = Clock(), [0], asyncio.Event()

    @FuncCache(ttl=10, late=20, clock=clock)
    async def load() -> int:
        calls[0] += 1

        if calls[0] > 1:
            await go.wait()

        return calls[0]

    assert await load() == 1
    clock.now += 10
    assert [await load() for _ in range(3)] == [1, 1, 1]
    await yield_now(2)
    assert [await load() for _ in range(3)] == [1, 1, 1]
    assert calls == [2]
    go.set()
    await yield_now(3)
    assert await load() == 2
    clock.now += 30
    assert await load() == 3
    statistics = cache_of(load).statistics()
    assert (statistics.hits, statistics.late) == (7, 6)


async def test_what_is_too_old_for_anybody_can_be_thrown_away() -> None:
    clock = Clock()

    @FuncCache(ttl=10, late=10, clock=clock)
    async def load(number: int) -> int:
        return number

    await load(1)
    clock.now += 15
    await load(2)
    clock.now += 5
    assert cache_of(load).purge() == 1
    assert len(cache_of(load)) == 1


def test_p7_plain_functions_are_cached_for_all_threads() -> None:
    """P7: a plain function was a TypeError when it was called."""
    calls: list[int] = []
    inside = threading.Event()
    go = threading.Event()

    @FuncCache(maxsize=3, copy=copy.copy)
    def load(number: int) -> list[int]:
        calls.append(number)
        inside.set()
        assert go.wait(5)
        return [number]

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(load, 1) for _ in range(4)]
        assert inside.wait(5)
        go.set()
        assert [future.result(5) for future in futures] == [[1]] * 4

    assert calls == [1]
    assert [load(number) for number in (1, 2, 3, 4, 1)] == [[1], [2], [3], [4], [1]]
    assert cache_of(load).statistics().evicted == 2
    assert isinstance(flights_of(load), ThreadFlights)


def test_a_plain_function_forgets_and_keeps_errors_like_others() -> None:
    clock, calls = Clock(), [0]

    @FuncCache(ttl=10, negative=(KeyError,), clock=clock)
    def load(fail: bool) -> int:
        calls[0] += 1

        if fail:
            raise KeyError("no")

        return calls[0]

    assert load(False) == load(False) == 1
    cache_of(load).invalidate(False)
    assert load(False) == 2

    for _ in range(2):
        with pytest.raises(KeyError):
            load(True)

    assert calls == [3]

    @ShareFuture(copy=copy.copy)
    def share() -> list[int]:
        return []

    assert share() == []
    assert isinstance(flights_of(share), ThreadFlights)


def test_only_what_is_cached_has_a_cache() -> None:
    with pytest.raises(TypeError, match="not cached"):
        cache_of(len)

    with pytest.raises(TypeError, match="not shared"):
        flights_of(len)


async def test_another_decorator_around_it_does_not_hide_the_cache() -> None:
    @FuncCache()
    async def load() -> int:
        return 1

    @functools.wraps(load)
    async def outer() -> int:
        return await load()

    assert cache_of(outer) is cache_of(load)
    assert flights_of(load) is cache_of(load).flights


async def test_an_error_that_is_kept_keeps_no_frames_alive() -> None:
    @FuncCache(negative=KeyError)
    async def load() -> None:
        big = Clock()
        alive.append(weakref.ref(big))
        raise KeyError("no")

    alive: list[weakref.ref[Clock]] = []

    for _ in range(2):
        with pytest.raises(KeyError):
            await load()

    gc.collect()
    assert [reference() for reference in alive] == [None]


async def test_no_cancellation_keeps_anything_but_a_whole_result() -> None:
    calls = [0]

    @FuncCache()
    async def load() -> list[int]:
        calls[0] += 1
        result = []

        for number in range(3):
            result.append(number)
            await asyncio.sleep(0)

        return result

    async def scene() -> None:
        cache_of(load).clear()
        other = asyncio.create_task(load())

        try:
            assert await load() == [0, 1, 2]
        finally:
            other.cancel()
            await asyncio.wait([other])

    async def check() -> None:
        assert not cache_of(load).flights.flights
        assert await load() == [0, 1, 2]

    await cancel_sweep(scene, check)


async def test_an_invalidated_result_that_comes_last_does_not_replace_the_new_one() -> None:
    gates = {"old": asyncio.Event(), "new": asyncio.Event()}
    version = "old"

    @FuncCache()
    async def load() -> str:
        seen = version
        await gates[seen].wait()
        return seen

    old = asyncio.create_task(load())
    await yield_now()
    version = "new"
    cache_of(load).invalidate()
    gates["new"].set()
    assert await load() == "new"
    gates["old"].set()
    assert await old == "old"
    assert await load() == "new"
