"""Who listens, in which order, and how a listener that is only lent is let go."""

import inspect
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any
from weakref import WeakMethod, ref

__all__ = ("Listener", "identify", "make_caller")


@dataclass(frozen=True, slots=True)
class Listener:
    """A function that wants to be told, and when."""

    topic: Hashable
    """What it listens to; a text with `*` stands for many topics."""
    identity: Hashable
    """What it is known by: it is told once, however often it is added."""
    call: Callable[..., object]
    """What is called: the function itself where nothing else has to be looked at."""
    priority: int
    number: int
    """Its place among those of the same priority."""

    @property
    def order(self) -> tuple[int, int]:
        """The urgent ones first, among equals the older ones."""
        return -self.priority, self.number


def identify(function: Callable[..., object]) -> Hashable:
    """Return what a function is known by, alike for a bound method however often it is looked up."""
    owner = getattr(function, "__self__", None)

    if owner is None or inspect.ismodule(owner):
        return id(function)

    return id(owner), id(getattr(function, "__func__", None)), getattr(function, "__name__", "")


def check_plain(function: Callable[..., object]) -> None:
    """Raise TypeError for what would return something to be awaited, which nobody here does."""
    # An object that can be called is asked about its class's call, a partial one about what it stands for.
    forms = (function, type(function).__call__) if not inspect.isroutine(function) else (function,)

    if any(inspect.iscoroutinefunction(form) or inspect.isasyncgenfunction(form) for form in forms):
        raise TypeError(f"{function!r} is a coroutine function: a plain bus would never await it")


def make_caller(
    function: Callable[..., object],
    *,
    when: Callable[..., object] | None,
    weak: bool,
    leave: Callable[[], bool],
    once: bool,
) -> Callable[..., object]:
    """Return what is called instead of `function`: that itself, if nothing is asked besides.

    `leave` lets go of the listener and tells whether it was there. Raises TypeError for a coroutine function.
    """
    check_plain(function)
    call = borrow(function, leave) if weak else function

    if once:
        call = call_once(call, when, leave)
    elif when is not None:
        call = call_when(call, when)

    return call


def borrow(function: Callable[..., object], leave: Callable[[], bool]) -> Callable[..., object]:
    """Return a call that does not keep `function` alive; when that is gone, it leaves.

    Raises TypeError for what nobody else could keep.
    """
    if inspect.isbuiltin(function) and not inspect.ismodule(getattr(function, "__self__", None)):
        raise TypeError(f"{function!r} cannot be listened with weakly: it is made anew each time it is looked up")

    kind: Any = WeakMethod if inspect.ismethod(function) else ref
    found: Callable[[], Callable[..., object] | None] = kind(function, lambda _: leave())

    def call(*args: Any, **kwargs: Any) -> object:
        alive = found()
        return alive(*args, **kwargs) if alive is not None else None

    return call


def call_once(
    function: Callable[..., object], when: Callable[..., object] | None, leave: Callable[[], bool]
) -> Callable[..., object]:
    def call(*args: Any, **kwargs: Any) -> object:
        # Of many threads one is told that it has been there.
        if (when is None or when(*args, **kwargs)) and leave():
            return function(*args, **kwargs)

        return None

    return call


def call_when(function: Callable[..., object], when: Callable[..., object]) -> Callable[..., object]:
    def call(*args: Any, **kwargs: Any) -> object:
        return function(*args, **kwargs) if when(*args, **kwargs) else None

    return call
