"""Who listens is told, once, in order, whatever others do."""

import asyncio
import functools
import gc
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import ListenersFailed
from hagworm.extend.event import EventDispatcher, is_pattern, matches
from hagworm.extend.event.dispatcher import KNOWN_TOPICS


class Seen(list[Any]):
    def take(self, *args: Any, **kwargs: Any) -> None:
        self.append((*args, *kwargs.values()))


def test_listeners_are_told_in_order_the_urgent_ones_first() -> None:
    bus, seen = EventDispatcher(), []
    bus.add_listener("a", lambda: seen.append("first"))
    bus.add_listener("a", lambda: seen.append("second"))
    bus.add_listener("a", lambda: seen.append("urgent"), priority=5)
    bus.add_listener("b", lambda: seen.append("other"))
    assert bus.dispatch("a") == 3
    assert seen == ["urgent", "first", "second"]
    assert bus.dispatch("nobody") == 0
    assert repr(bus) == "<EventDispatcher 4 listeners to 2 topics>"


def test_arguments_are_handed_on_and_topics_may_be_anything() -> None:
    bus, seen = EventDispatcher(), Seen()

    @bus.on(LookupError)
    def listen(error: object, *, topic: int) -> None:
        seen.take(error, topic)

    assert listen.__name__ == "listen"
    bus.dispatch(LookupError, 1, topic=2)
    assert seen == [(1, 2)]


def test_one_that_is_added_again_is_told_once() -> None:
    bus, seen = EventDispatcher(), Seen()
    bus.add_listener("a", seen.take)
    bus.add_listener("a", seen.take, priority=1)
    bus.add_listener("a", seen.append)
    bus.add_listener("a", seen.append)
    assert bus.dispatch("a", 1) == 2
    assert seen == [(1,), 1]
    assert bus.remove_listener("a", seen.take)
    assert bus.remove_listener("a", seen.append)
    assert not bus.remove_listener("a", seen.append)
    assert bus.dispatch("a", 1) == 0
    assert bus.statistics().topics == 0


def test_p19_listeners_come_and_go_while_they_are_told() -> None:
    bus, seen = EventDispatcher(), []

    def leave() -> None:
        seen.append("leave")
        bus.remove_listener("a", leave)
        bus.remove_listener("a", last)
        bus.add_listener("a", new)

    def last() -> None:
        seen.append("last")

    def new() -> None:
        seen.append("new")

    bus.add_listener("a", leave)
    bus.add_listener("a", last)
    assert bus.dispatch("a") == 2
    assert seen == ["leave", "last"], "who is told was decided before"
    assert bus.dispatch("a") == 1
    assert seen[2:] == ["new"]


def test_no_error_keeps_others_from_being_told() -> None:
    bus, seen = EventDispatcher(), []
    bus.add_listener("a", lambda: 1 / 0)
    bus.add_listener("a", lambda: seen.append(1))
    bus.add_listener("a", lambda: int("x"))

    with pytest.raises(ListenersFailed, match="2 of 3 listeners to 'a' failed") as caught:
        bus.dispatch("a")

    assert [type(error) for error in caught.value.exceptions] == [ZeroDivisionError, ValueError]
    assert isinstance(caught.value.split(ValueError)[0], ListenersFailed)
    assert seen == [1]


def test_errors_may_end_it_or_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    for policy in ("stop", "log"):
        bus = EventDispatcher(on_error=policy)  # type: ignore[arg-type]  # a loop over its values
        bus.add_listener("a", lambda: 1 / 0)
        bus.add_listener("a", lambda: seen.append(1))

        if policy == "stop":
            with pytest.raises(ZeroDivisionError):
                bus.dispatch("a")
        else:
            assert bus.dispatch("a") == 2

    assert seen == [1]
    assert "a listener to 'a' failed" in caplog.text

    with pytest.raises(ValueError, match="not 'ignore'"):
        EventDispatcher(on_error="ignore")  # type: ignore[arg-type]  # that is what is wrong


def test_an_interrupt_is_raised_at_once() -> None:
    bus, seen = EventDispatcher(), []

    def interrupt() -> None:
        raise KeyboardInterrupt

    bus.add_listener("a", interrupt)
    bus.add_listener("a", lambda: seen.append(1))

    with pytest.raises(KeyboardInterrupt):
        bus.dispatch("a")

    assert seen == []


def test_once_means_once_and_only_when_it_wants_to() -> None:
    bus, seen = EventDispatcher(), Seen()
    bus.add_listener("a", seen.take, once=True, when=lambda number: number > 1)
    bus.add_listener("b", seen.take, when=lambda number: number > 1)

    for number in range(4):
        bus.dispatch("a", number)
        bus.dispatch("b", number)

    assert seen == [(2,), (2,), (3,)]


def test_once_means_once_among_threads() -> None:
    bus, seen = EventDispatcher(), Seen()
    gate = threading.Barrier(8)

    def run() -> None:
        for number in range(200):
            gate.wait()
            bus.add_listener("a", seen.take, once=True)
            gate.wait()
            bus.dispatch("a", number)

    threads = [threading.Thread(target=run) for _ in range(8)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert seen == [(number,) for number in range(200)]


def test_a_borrowed_listener_is_told_as_long_as_it_lives() -> None:
    bus, seen = EventDispatcher(), []

    class Owner:
        def listen(self) -> None:
            seen.append("method")

    def function() -> None:
        seen.append("function")

    owner = Owner()
    bus.add_listener("a", owner.listen, weak=True)
    bus.add_listener("a", function, weak=True)
    bus.dispatch("a")
    assert seen == ["method", "function"]
    del owner, function
    gc.collect()
    assert bus.dispatch("a") == 0
    assert bus.statistics().listeners == 0

    with pytest.raises(TypeError, match="cannot be listened with weakly"):
        bus.add_listener("a", seen.append, weak=True)


def test_listening_ends_with_its_block() -> None:
    bus, seen = EventDispatcher(), Seen()

    with bus.listening("a", seen.take):
        bus.dispatch("a")

    bus.dispatch("a")
    assert seen == [()]


def test_a_coroutine_function_is_refused() -> None:
    async def listen() -> None: ...

    class Listen:
        async def __call__(self) -> None: ...

    for wrong in (listen, Listen(), functools.partial(listen), asyncio.sleep):
        with pytest.raises(TypeError, match="would never await it"):
            EventDispatcher().add_listener("a", wrong)


def test_patterns_stand_for_many_topics() -> None:
    bus, seen = EventDispatcher(), []
    bus.add_listener("order.*", lambda: seen.append("one"))
    bus.add_listener("order.**", lambda: seen.append("any"), priority=1)
    bus.add_listener("order.created", lambda: seen.append("exact"))
    assert bus.dispatch("order.created") == 3
    assert seen == ["any", "one", "exact"]
    assert bus.dispatch("order.created.late") == 1
    assert bus.dispatch("order") == 1
    assert bus.dispatch("invoice.created") == 0
    assert bus.has_listeners("order.paid")
    assert not bus.has_listeners(5)
    bus.clear("order.**")
    assert bus.dispatch("order") == 0
    bus.clear()
    assert bus.statistics().listeners == 0


def test_topics_that_nobody_listens_to_are_not_kept() -> None:
    """With many thousand senders or topics the table stays as it is."""
    bus = EventDispatcher()

    for number in range(KNOWN_TOPICS * 3):
        bus.dispatch(f"a.{number}")

    assert not bus.calls
    assert not bus.called
    bus.add_listener("a.*", lambda: None)

    for number in range(KNOWN_TOPICS * 3):
        assert bus.dispatch(f"a.{number}") == 1

    assert len(bus.called) <= KNOWN_TOPICS


def naive(pattern: list[str], parts: list[str]) -> bool:
    if not pattern:
        return not parts

    if pattern[0] == "**":
        return any(naive(pattern[1:], parts[taken:]) for taken in range(len(parts) + 1))

    return bool(parts) and pattern[0] in ("*", parts[0]) and naive(pattern[1:], parts[1:])


words = st.sampled_from(["a", "b", "*", "**"])


@given(st.lists(words, min_size=1, max_size=6), st.lists(st.sampled_from("abc"), min_size=1, max_size=6))
def test_a_pattern_matches_as_its_definition_says(pattern: list[str], parts: list[str]) -> None:
    assert matches(".".join(pattern), ".".join(parts)) == naive(pattern, parts)
    assert is_pattern(".".join(pattern)) == ("*" in pattern or "**" in pattern)
    assert not matches(".".join(pattern), len(parts))


def test_a_pattern_of_many_stars_is_no_trap() -> None:
    assert not matches(".".join(["**", "a"] * 200), ".".join("b" * 5000))
