"""Spans: how long a piece of work took, what it belonged to, and how it ended."""

import inspect
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar, cast

from hagworm.extend.config.secret import is_secret_name, mask
from hagworm.extend.error import DefinitionError
from hagworm.extend.trace.context import CURRENT, TraceContext, continue_trace

__all__ = ("Ended", "on_span", "span", "traced")

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("hagworm.trace")


@dataclass(frozen=True, slots=True)
class Ended:
    """A span that is over, as listeners get it."""

    name: str
    context: TraceContext
    parent_id: str | None
    """The span that it is part of, here or in the process that asked; None for the first of a trace."""
    began: float
    """Seconds of the wall clock, to find it again; not to compute with."""
    seconds: float
    """How long it took, by a clock that nobody sets."""
    attributes: Mapping[str, Any]
    """Secrets are masked, by name and by type."""
    error: str | None
    """The type of the exception that ended it."""


LISTENERS: list[Callable[[Ended], None]] = []


def on_span(listener: Callable[[Ended], None]) -> Callable[[], None]:
    """Call `listener` with every span of this process that ends, where it ends; return what stops that.

    It should be quick. What it raises is logged.
    """
    LISTENERS.append(listener)

    def stop() -> None:
        if listener in LISTENERS:
            LISTENERS.remove(listener)

    return stop


class span:
    """Measure the block: `with span("charge", order=7) as it: it.set(card="visa")`; in coroutines as in functions.

    It is part of the span around it, or goes on with `parent` (`continue_trace(header)`), or begins a trace. Tasks that
    are started inside belong to it. The arguments of whatever is measured are nobody's business: it carries only what
    it is given.
    """

    __slots__ = ("attributes", "began", "before", "clock", "context", "name", "parent", "parent_id", "start")

    def __init__(
        self,
        name: str,
        /,
        *,
        parent: TraceContext | None = None,
        clock: Callable[[], float] = time.perf_counter,
        **attributes: Any,
    ) -> None:
        self.name = name
        self.parent = parent
        self.clock = clock
        self.attributes = attributes
        self.context: TraceContext | None = None
        self.before: TraceContext | None = None
        self.parent_id: str | None = None
        self.began = self.start = 0.0

    def __repr__(self) -> str:
        place = "not entered" if self.context is None else self.context.traceparent
        return f"<span {self.name!r} {place}>"

    def set(self, **attributes: Any) -> None:
        """Add attributes, or replace them."""
        self.attributes.update(attributes)

    def __enter__(self) -> Self:
        self.before = CURRENT.get()
        above = self.parent or self.before
        self.parent_id = None if above is None else above.span_id
        self.context = continue_trace() if above is None else above.child()
        CURRENT.set(self.context)
        self.began = time.time()
        self.start = self.clock()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        seconds = self.clock() - self.start
        # Not by a token: a generator may be ended in another context than the one it began in.
        CURRENT.set(self.before)

        if LISTENERS and self.context is not None:
            shown = {name: mask(value, secret=is_secret_name(name)) for name, value in self.attributes.items()}
            error = None if kind is None else kind.__qualname__
            tell(Ended(self.name, self.context, self.parent_id, self.began, seconds, shown, error))


def tell(ended: Ended) -> None:
    for listener in [*LISTENERS]:
        try:
            listener(ended)
        except Exception:
            logger.exception("a listener of spans has failed at %r", ended.name)


def traced(name: str = "", /, **attributes: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make each call of a function a span, named like the function unless told otherwise.

    Of a coroutine function it is the time until its result is there, not until it was called. Raises `DefinitionError`
    for generators, which may be left in the middle: use `span` inside.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        title = name or function.__qualname__

        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise DefinitionError(f"{title} is a generator: its time is that of whoever iterates; use span() inside")

        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def run_later(*args: P.args, **kwargs: P.kwargs) -> Any:
                with span(title, **attributes):
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", run_later)

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            with span(title, **attributes):
                return function(*args, **kwargs)

        return run

    return wrap
