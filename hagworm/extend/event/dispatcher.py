"""Tells those who want to know that something has happened, at once and in order."""

import logging
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal, TypeVar, get_args

from hagworm.extend.error import ListenersFailed
from hagworm.extend.event.listener import Listener, identify, make_caller
from hagworm.extend.event.topic import is_pattern, matches

__all__ = ("DispatcherStatistics", "EventDispatcher", "OnError")

logger = logging.getLogger("hagworm")

F = TypeVar("F", bound=Callable[..., object])

OnError = Literal["raise", "stop", "log"]
"""What becomes of a listener's error: all others are told first, and then `ListenersFailed` is raised; or the error is
raised at once, and the others are not told; or it is logged."""

KNOWN_TOPICS = 1024
"""For how many topics it is remembered which patterns stand for them."""


@dataclass(frozen=True, slots=True)
class DispatcherStatistics:
    """Who listens to what."""

    listeners: int
    topics: int
    """How many topics and patterns are listened to."""


class EventDispatcher:
    """A bus inside one process: listeners are called in the thread of the one who dispatches, before that returns.

        bus = EventDispatcher()

        @bus.on("order.created")
        def count(order):
            ...

        bus.dispatch("order.created", order)

    A topic is anything that can be hashed, a class for example; in a text, `*` stands for one part between dots and
    `**` for any number of them. The most urgent ones (`priority`) are told first, and among equals those that were
    added first. Listeners may come and go while something is dispatched: who is told was decided before. Safe under
    threads.
    """

    def __init__(self, *, on_error: OnError = "raise") -> None:
        if on_error not in get_args(OnError):
            raise ValueError(f"an error can 'raise', 'stop' or be put into the 'log', not {on_error!r}")

        self.on_error = on_error
        self.lock = threading.RLock()  # the garbage collector may let go of a listener in the middle of a change
        self.numbers = count()
        self.kept: dict[Hashable, dict[Hashable, Listener]] = {}
        self.patterns: tuple[str, ...] = ()
        # Replaced as a whole, so that a dispatch needs no lock.
        self.calls: dict[Hashable, tuple[Callable[..., object], ...]] = {}
        self.called: dict[Hashable, tuple[Callable[..., object], ...]] = {}

    def __repr__(self) -> str:
        seen = self.statistics()
        return f"<EventDispatcher {seen.listeners} listeners to {seen.topics} topics>"

    def add_listener(
        self,
        topic: Hashable,
        listener: Callable[..., object],
        *,
        priority: int = 0,
        once: bool = False,
        when: Callable[..., object] | None = None,
        weak: bool = False,
    ) -> None:
        """Call `listener` with what is dispatched for `topic`; added again, it listens with what is said now.

        `once`: only the next time. `when`, called with the same, says whether it wants to be told. `weak`: as long as
        somebody else keeps it (a bound method: its object). Raises TypeError for a coroutine function.
        """
        identity = identify(listener)
        call = make_caller(
            listener, when=when, weak=weak, once=once, leave=lambda: self.remove_identity(topic, identity)
        )

        with self.lock:
            self.kept.setdefault(topic, {})[identity] = Listener(topic, identity, call, priority, next(self.numbers))
            self.changed(topic)

    def on(
        self,
        topic: Hashable,
        *,
        priority: int = 0,
        once: bool = False,
        when: Callable[..., object] | None = None,
    ) -> Callable[[F], F]:
        """Decorate a function that listens to `topic`; see `add_listener`."""

        def add(listener: F) -> F:
            self.add_listener(topic, listener, priority=priority, once=once, when=when)
            return listener

        return add

    def remove_listener(self, topic: Hashable, listener: Callable[..., object]) -> bool:
        """Call it no more; returns whether it did listen to `topic`."""
        return self.remove_identity(topic, identify(listener))

    @contextmanager
    def listening(self, topic: Hashable, listener: F, *, priority: int = 0) -> Iterator[F]:
        """Listen for the length of a block."""
        self.add_listener(topic, listener, priority=priority)

        try:
            yield listener
        finally:
            self.remove_listener(topic, listener)

    def dispatch(self, topic: Hashable, /, *args: Any, **kwargs: Any) -> int:
        """Call who listens to `topic` with these arguments; returns how many that are.

        Raises `ListenersFailed`, or what a listener raises, as `on_error` says. What is no `Exception`, an interrupt
        for example, is raised at once.
        """
        calls = self.called.get(topic) if self.patterns else self.calls.get(topic, ())

        if calls is None:
            calls = self.find(topic)

        rest = iter(calls)
        errors: list[Exception] | None = None

        while True:
            try:
                # One value is the rule, and handed on by itself twice as fast as in a tuple and a mapping.
                if len(args) == 1 and not kwargs:
                    value = args[0]

                    for call in rest:
                        call(value)
                else:
                    for call in rest:
                        call(*args, **kwargs)

                break
            except Exception as exc:
                if self.on_error == "stop":
                    raise

                if self.on_error == "log":
                    logger.exception("a listener to %r failed", topic)
                else:
                    errors = [*(errors or ()), exc]

        if errors is not None:
            raise ListenersFailed(f"{len(errors)} of {len(calls)} listeners to {topic!r} failed", errors)

        return len(calls)

    def has_listeners(self, topic: Hashable) -> bool:
        """Whether anybody would be told."""
        return bool(self.find(topic))

    def clear(self, topic: Hashable | None = None) -> None:
        """Let go of all who listen to `topic`, or to anything."""
        with self.lock:
            for one in [topic] if topic is not None else [*self.kept]:
                self.kept.pop(one, None)
                self.changed(one)

    def statistics(self) -> DispatcherStatistics:
        """Return who listens to what."""
        with self.lock:
            return DispatcherStatistics(sum(map(len, self.kept.values())), len(self.kept))

    def remove_identity(self, topic: Hashable, identity: Hashable) -> bool:
        with self.lock:
            listeners = self.kept.get(topic, {})

            if listeners.pop(identity, None) is None:
                return False

            if not listeners:
                del self.kept[topic]

            self.changed(topic)
            return True

    def changed(self, topic: Hashable) -> None:
        calls = {**self.calls, topic: self.order([topic])}

        if topic not in self.kept:
            del calls[topic]

        self.calls = calls
        self.called = {}
        self.patterns = tuple(one for one in self.kept if isinstance(one, str) and is_pattern(one))

    def order(self, topics: list[Hashable]) -> tuple[Callable[..., object], ...]:
        found = [listener for topic in topics for listener in self.kept.get(topic, {}).values()]
        return tuple(listener.call for listener in sorted(found, key=lambda listener: listener.order))

    def find(self, topic: Hashable) -> tuple[Callable[..., object], ...]:
        """Return whom `topic` is told, patterns looked at too."""
        with self.lock:
            calls = self.order([topic, *(one for one in self.patterns if one != topic and matches(one, topic))])

            if len(self.called) >= KNOWN_TOPICS:
                self.called = {}

            self.called[topic] = calls

        return calls
