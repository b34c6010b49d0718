"""Which context code gets that runs later, and where the values of a request live."""

import time
import weakref
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, overload

from hagworm.extend.error import NoScope, ScopeClosed

__all__ = (
    "Policy",
    "Scope",
    "Scoped",
    "WeakContextVar",
    "WeakScoped",
    "carry",
    "context_for",
    "current_scope",
)

T = TypeVar("T")
D = TypeVar("D")

Policy = Literal["detached", "inherit", "fresh"]
"""Which context code gets that is scheduled here and runs later:

`detached`: none of the values that are set here but those named with `carry`; for whatever outlives its caller.
`inherit`: a copy of the caller's; for children that end before it does.
`fresh`: an empty one.
"""

EMPTY = Context()
current: ContextVar["Scope | None"] = ContextVar("hagworm.scope", default=None)
light: dict[ContextVar[Any], object] = {}
MISSING: Any = object()


def carry(variable: ContextVar[Any]) -> None:
    """Let `variable` follow into detached contexts: for values as light as a trace id, never for a request."""
    light[variable] = None


def context_for(policy: Policy = "detached", root: Context | None = None) -> Context:
    """Return a new context for code that is scheduled now and runs later.

    `root` is what a detached context starts from, in place of an empty one: that of an application for example.
    """
    if policy == "inherit":
        return copy_context()

    if policy == "fresh":
        return Context()

    if policy != "detached":
        raise ValueError(f"a policy is 'detached', 'inherit' or 'fresh', not {policy!r}")

    context = (EMPTY if root is None else root).copy()

    for variable in light:
        if (value := variable.get(MISSING)) is not MISSING:
            context.run(variable.set, value)

    return context


class Scope:
    """A cell for the values of one request, job or application, which are gone when it is left: `with Scope():`.

    A context that somebody has captured by accident, and that lives on, holds the empty cell and not what was in it;
    code that comes too late gets `ScopeClosed` instead of a connection that is somebody else's by now. Scopes nest: a
    value that an inner one does not have is looked up in the outer one.
    """

    __slots__ = ("__weakref__", "entered", "is_open", "name", "outer", "values")

    def __init__(self, name: str = "scope") -> None:
        self.name = name
        self.entered: float | None = None
        self.is_open = False
        self.outer: Scope | None = None
        self.values: dict[object, Any] = {}

    def __repr__(self) -> str:
        if self.entered is None:
            return f"<Scope {self.name!r} not entered>"

        if not self.is_open:
            return f"<Scope {self.name!r} closed>"

        return f"<Scope {self.name!r} {len(self.values)} values, {time.monotonic() - self.entered:.3f} s old>"

    def __enter__(self) -> Self:
        if self.entered is not None:
            raise RuntimeError(f"{self!r} is entered a second time")

        self.entered = time.monotonic()
        self.is_open = True
        self.outer = current.get()
        current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # A generator may be left in another context than it was entered in: there is nothing to restore then.
        if current.get() is self:
            current.set(self.outer)

        self.is_open = False
        self.outer = None
        self.values.clear()


def current_scope() -> Scope:
    """Return the scope that the running code is in.

    Raises `NoScope` outside of any, and `ScopeClosed` in code that runs later than the scope it belongs to.
    """
    if (scope := current.get()) is None:
        raise NoScope("no scope has been entered here: `with Scope():` opens one")

    if not scope.is_open:
        raise ScopeClosed(f"{scope!r}: this code runs later than what it belongs to")

    return scope


class Scoped(Generic[T]):
    """The key to one value per scope; make it once, at module level. Two of the same name are two."""

    __slots__ = ("__weakref__", "name")

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def set(self, value: T) -> None:
        """Put `value` into the current scope. Raises `NoScope` and `ScopeClosed`."""
        current_scope().values[self] = value

    @overload
    def get(self) -> T: ...

    @overload
    def get(self, default: D) -> T | D: ...

    def get(self, default: Any = MISSING) -> Any:
        """Return the value of the current scope, or of the nearest one around it that has it.

        Without one: `default` if given, else `NoScope`. Raises `ScopeClosed` in any case when the scope has ended.
        """
        scope = current.get()

        if scope is not None:
            current_scope()

        while scope is not None:
            if (value := self.look(scope)) is not MISSING:
                return value

            scope = scope.outer

        if default is MISSING:
            raise NoScope(f"{self!r} has no value here")

        return default

    def look(self, scope: Scope) -> Any:
        return scope.values.get(self, MISSING)


class WeakScoped(Scoped[T]):
    """The key to one value per scope that somebody else owns: it is gone with its owner, or with the scope.

    `is_usable` is asked before the value is handed out, so that nobody gets a client that is being closed.
    """

    __slots__ = ("is_usable",)

    def __init__(self, name: str, *, is_usable: Callable[[T], bool] | None = None) -> None:
        super().__init__(name)
        self.is_usable = is_usable

    def set(self, value: T) -> None:
        """Put a weak reference to `value` into the current scope. Raises `NoScope` and `ScopeClosed`."""
        current_scope().values[self] = weakref.ref(value)

    def look(self, scope: Scope) -> Any:
        if (reference := scope.values.get(self)) is None or (value := reference()) is None:
            return MISSING

        return value if self.is_usable is None or self.is_usable(value) else MISSING


class WeakContextVar(WeakScoped[T]):
    """`WeakScoped` as hagworm 5 spelt it: without a value `get()` returns None."""

    __slots__ = ()

    def get(self, default: Any = None) -> Any:
        """Return the value of the current scope, or `default`."""
        return super().get(default)
