"""What runs later does not hold on to the request that scheduled it, and what belongs to a scope is gone with it."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any

import pytest

from hagworm.extend.asyncio.base.background import Background, add_done_callback, call_at, call_later, call_soon, spawn
from hagworm.extend.asyncio.base.context import (
    Scope,
    Scoped,
    WeakContextVar,
    WeakScoped,
    carry,
    context_for,
    current_scope,
    light,
)
from hagworm.extend.asyncio.base.flight import Flights
from hagworm.extend.asyncio.base.job import FutureWithTimeout
from hagworm.extend.asyncio.base.portal import Portal
from hagworm.extend.asyncio.base.share import FuncCache
from hagworm.extend.asyncio.base.wrapper import yield_now
from hagworm.extend.error import NoScope, ScopeClosed

request: ContextVar[object] = ContextVar("request")
trace: ContextVar[str] = ContextVar("trace", default="none")
client: Scoped[str] = Scoped("client")


class Client:
    """What somebody owns, and others borrow through their scope."""

    is_open = True


borrowed: WeakScoped[Client] = WeakScoped("borrowed", is_usable=lambda client: client.is_open)


async def test_a_detached_context_has_only_what_is_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(light, trace, None)
    request.set("big")
    trace.set("abc")
    context = context_for("detached")
    assert request not in context
    assert context[trace] == "abc"
    assert context_for("inherit")[request] == "big"
    assert len(context_for("fresh")) == 0


async def test_a_detached_context_starts_from_the_root_that_is_named() -> None:
    request.set("application")
    root = copy_context()
    request.set("request")
    assert context_for("detached", root)[request] == "application"


def test_carrying_twice_is_carrying_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[ContextVar[Any], object] = {}
    monkeypatch.setattr("hagworm.extend.asyncio.base.context.light", known)
    carry(trace)
    carry(trace)
    assert list(known) == [trace]


def test_an_unknown_policy_is_refused() -> None:
    policy: Any = "forever"

    with pytest.raises(ValueError, match="forever"):
        context_for(policy)


class Payload:
    """A request, as large as it likes."""


async def run_forever() -> None:
    await asyncio.Event().wait()


def by_call_later(cleanup: list[Callable[[], object]]) -> None:
    cleanup.append(call_later(3600, print).cancel)


def by_call_at(cleanup: list[Callable[[], object]]) -> None:
    cleanup.append(call_at(asyncio.get_running_loop().time() + 3600, print).cancel)


def by_spawn(cleanup: list[Callable[[], object]]) -> None:
    cleanup.append(spawn(run_forever()).cancel)


def by_done_callback(cleanup: list[Callable[[], object]]) -> None:
    future = asyncio.get_running_loop().create_future()
    add_done_callback(future, lambda done: None)
    cleanup.append(lambda: future.set_result(None))


def by_future_with_timeout(cleanup: list[Callable[[], object]]) -> None:
    cleanup.append(FutureWithTimeout[int](3600).cancel)


def by_background(cleanup: list[Callable[[], object]]) -> None:
    background = Background()
    background.spawn(run_forever())
    cleanup.append(next(iter(background.tasks)).cancel)


def by_detached_flight(cleanup: list[Callable[[], object]]) -> None:
    flights = Flights[None](detached=True)
    outer: asyncio.Task[None] = asyncio.get_running_loop().create_task(
        flights.run("key", run_forever), context=context_for("fresh")
    )
    cleanup.append(outer.cancel)


def by_renewal(cleanup: list[Callable[[], object]]) -> None:
    time = [0.0]
    renewals: list[asyncio.Task[Any] | None] = []

    @FuncCache(ttl=1, late=10, clock=lambda: time[0])
    async def load() -> None:
        if time[0]:
            renewals.append(asyncio.current_task())
            await run_forever()

    for moment in (0.0, 5.0):
        time[0] = moment

        with pytest.raises(StopIteration):
            load().send(None)

    cleanup.append(lambda: [task.cancel() for task in renewals if task is not None])


CAPTURES = [
    by_call_later,
    by_call_at,
    by_spawn,
    by_done_callback,
    by_future_with_timeout,
    by_background,
    by_detached_flight,
    by_renewal,
]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture.__name__)
async def test_no_request_outlives_itself_by_what_it_has_scheduled(
    capture: Callable[[list[Callable[[], object]]], None],
) -> None:
    """Section 4.2: after 50 requests that had each started a timer, 50 of 50 requests were still alive."""
    cleanup: list[Callable[[], object]] = []
    alive: list[weakref.ref[Payload]] = []

    async def handle() -> None:
        payload = Payload()
        request.set(payload)
        alive.append(weakref.ref(payload))
        capture(cleanup)
        await asyncio.sleep(0)

    for _ in range(20):
        await asyncio.create_task(handle())

    await yield_now(3)
    gc.collect()
    left = sum(reference() is not None for reference in alive)

    for clean in cleanup:
        clean()

    await yield_now(5)
    assert left == 0


async def test_what_is_scheduled_runs_with_its_arguments_in_a_context_of_its_own() -> None:
    """P11: the original lost keyword arguments."""
    seen: list[Any] = []
    request.set("mine")

    def note(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs, request.get(None)))
        request.set("changed")

    loop = asyncio.get_running_loop()
    call_soon(note, 1, a=2)
    call_later(0, note, 3, policy="inherit", b=4)
    call_at(loop.time(), note, 5, policy="fresh")
    future = loop.create_future()
    add_done_callback(future, note, policy="inherit")
    future.set_result(None)

    while len(seen) < 4:
        await asyncio.sleep(0)

    expected = [((1,), {"a": 2}, None), ((3,), {"b": 4}, "mine"), ((5,), {}, None), ((future,), {}, "mine")]
    assert sorted(seen, key=repr) == sorted(expected, key=repr)
    assert request.get() == "mine"


class Caller:
    """An object that is called, and is async."""

    def __init__(self, done: asyncio.Event) -> None:
        self.done = done

    async def __call__(self) -> None:
        self.done.set()


async def test_p10_an_async_callback_is_awaited_whatever_kind_of_callable_it_is() -> None:
    """P10: an async callable object that was given to `call_soon` was never awaited, and nobody said so."""
    done = asyncio.Event()
    call_soon(Caller(done))
    await done.wait()

    lazy = asyncio.Event()
    call_soon(lambda: Caller(lazy)())
    await lazy.wait()


async def test_a_callback_can_be_taken_back() -> None:
    call_soon(pytest.fail, "called").cancel()
    await yield_now(3)


async def test_p23_an_async_callback_that_is_taken_back_leaves_no_coroutine_behind() -> None:
    """P23: what was to be delayed was a coroutine object, which nobody awaited where it was cancelled first."""

    async def work() -> None:
        pytest.fail("called")

    call_later(0, work).cancel()
    call_soon(work).cancel()
    await yield_now(3)
    gc.collect()


def test_outside_of_a_loop_scheduling_is_refused() -> None:
    for schedule in (call_soon, lambda callback: call_later(1, callback), lambda callback: call_at(1, callback)):
        with pytest.raises(RuntimeError):
            schedule(print)


async def test_a_scope_holds_values_until_it_is_left() -> None:
    with Scope("request") as scope:
        client.set("connection")
        assert client.get() == "connection"
        assert current_scope() is scope
        assert "1 values" in repr(scope)

    assert repr(scope) == "<Scope 'request' closed>"
    assert client.get("default") == "default"

    with pytest.raises(NoScope):
        current_scope()

    with pytest.raises(NoScope):
        client.set("late")

    with pytest.raises(RuntimeError, match="second time"), scope:
        pytest.fail("entered")


async def test_scopes_nest() -> None:
    other: Scoped[int] = Scoped("client")

    with Scope("application"):
        client.set("outer")
        other.set(1)

        with Scope("request"):
            assert client.get() == "outer"
            client.set("inner")
            assert (client.get(), other.get()) == ("inner", 1)

        assert client.get() == "outer"

    with Scope(), pytest.raises(NoScope, match="'client'"):
        client.get()


async def test_code_that_comes_too_late_is_told_and_pins_nothing() -> None:
    reached = asyncio.Event()
    seen: list[BaseException] = []
    payload = Payload()
    big: Scoped[Payload] = Scoped("payload")

    async def straggler() -> None:
        await reached.wait()

        for look in (big.get, current_scope, lambda: big.set(Payload()), lambda: big.get(None)):
            with pytest.raises(ScopeClosed) as caught:
                look()

            seen.append(caught.value)

    with Scope("request"):
        big.set(payload)
        task = asyncio.create_task(straggler())
        await asyncio.sleep(0)

    gone = weakref.ref(payload)
    del payload
    gc.collect()
    assert gone() is None
    reached.set()
    await task
    assert len(seen) == 4


async def test_a_scope_that_is_left_in_another_context_leaves_that_one_alone() -> None:
    scope = Scope("generator")
    copy_context().run(scope.__enter__)

    with Scope("mine") as mine:
        scope.__exit__(None, None, None)
        assert current_scope() is mine

    assert not scope.is_open


async def test_what_somebody_else_owns_is_gone_with_its_owner() -> None:
    with Scope():
        owner = Client()
        borrowed.set(owner)
        assert borrowed.get() is owner
        owner.is_open = False
        assert borrowed.get(None) is None
        owner.is_open = True
        assert borrowed.get() is owner
        del owner
        gc.collect()

        with pytest.raises(NoScope, match="'borrowed'"):
            borrowed.get()


async def test_p17_two_keys_of_one_name_are_two_keys_and_none_is_remembered() -> None:
    """P17: constructing the variable again reset it, and a registry of names grew for ever."""
    first: WeakContextVar[Client] = WeakContextVar("client")
    owner = Client()

    with Scope():
        first.set(owner)
        second: WeakContextVar[Client] = WeakContextVar("client")
        assert second.get() is None
        assert first.get() is owner

    gone = weakref.ref(second)
    del second
    gc.collect()
    assert gone() is None
    assert first.get() is None


async def test_children_see_the_scope_of_their_parent_and_a_portal_that_of_its_caller() -> None:
    async def look() -> str:
        return client.get("none")

    def look_here() -> str:
        return client.get("none")

    async with Portal() as portal:
        with Scope():
            client.set("connection")

            async with asyncio.TaskGroup() as group:
                child = group.create_task(look())

            outsider = spawn(look())
            assert await asyncio.to_thread(portal.call, look) == "connection"
            assert await asyncio.to_thread(portal.call, look_here) == "connection"
            assert (await child, await outsider) == ("connection", "none")


async def test_repr_of_what_has_not_begun() -> None:
    assert repr(Scope("x")) == "<Scope 'x' not entered>"
    assert repr(borrowed) == "<WeakScoped 'borrowed'>"
