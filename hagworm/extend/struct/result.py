"""What a call came to: a value or an error, as a value; and the one thing that stands for nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, NoReturn, ParamSpec, TypeVar, final

from hagworm.extend.error import BadValue, ResultError

__all__ = ("Err", "Null", "NullData", "Ok", "Result", "attempt")

P = ParamSpec("P")
T = TypeVar("T")
U = TypeVar("U")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


@final
@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """It went well, and this is what came of it."""

    value: T

    def __bool__(self) -> bool:
        return True

    @property
    def is_ok(self) -> bool:
        return True

    def unwrap(self) -> T:
        """Return the value."""
        return self.value

    def unwrap_or(self, default: object) -> T:
        """Return the value."""
        return self.value

    def unwrap_error(self) -> NoReturn:
        """Raise `ResultError`: there is no error."""
        raise ResultError(f"it went well, and has no error: {self!r}")

    def map(self, function: Callable[[T], U]) -> "Ok[U]":
        """Return what `function` makes of the value."""
        return Ok(function(self.value))

    def map_error(self, function: Callable[[Any], object]) -> "Ok[T]":
        """Return this as it is."""
        return self

    def and_then(self, function: "Callable[[T], Result[U, F]]") -> "Result[U, F]":
        """Go on with the value: return the result that `function` gives for it."""
        return function(self.value)


@final
@dataclass(frozen=True, slots=True)
class Err(Generic[E]):
    """It failed, and this is what with."""

    error: E

    def __bool__(self) -> bool:
        return False

    @property
    def is_ok(self) -> bool:
        return False

    def unwrap(self) -> NoReturn:
        """Raise the error, where it is an exception, or else `ResultError`, which has it as `error`."""
        if isinstance(self.error, BaseException):
            raise self.error

        raise ResultError(f"it failed: {self.error!r}", self.error)

    def unwrap_or(self, default: D) -> D:
        """Return `default`."""
        return default

    def unwrap_error(self) -> E:
        """Return the error."""
        return self.error

    def map(self, function: Callable[[Any], object]) -> "Err[E]":
        """Return this as it is."""
        return self

    def map_error(self, function: Callable[[E], F]) -> "Err[F]":
        """Return what `function` makes of the error."""
        return Err(function(self.error))

    def and_then(self, function: Callable[[Any], object]) -> "Err[E]":
        """Return this as it is."""
        return self


Result = Ok[T] | Err[E]
"""A success, which is true, or a failure, which is false: `match result: case Ok(value): … case Err(error): …`."""


def attempt(
    kinds: tuple[type[Exception], ...], function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> "Result[T, Exception]":
    """Return what `function(*args, **kwargs)` came to; errors of `kinds` become an `Err`, others are raised.

    Raises `BadValue` where the kinds are not named: not even `Exception` is a name for what is expected.
    """
    if not kinds or Exception in kinds:
        raise BadValue("the kinds of errors that are expected, each by its name", kinds)

    try:
        return Ok(function(*args, **kwargs))
    except kinds as error:
        return Err(error)


@final
class NullData:
    """The type of `Null`, which stands for nothing where None is a value: false, empty, equal to itself only.

    There is one, also after it has been copied, or pickled in another process.
    """

    __slots__ = ()

    def __new__(cls) -> "NullData":
        return NULL if "NULL" in globals() else super().__new__(cls)

    def __repr__(self) -> str:
        return "Null"

    def __bool__(self) -> bool:
        return False

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Any:
        return iter(())

    def __reduce__(self) -> str:
        return "Null"


NULL: Final = NullData()
Null: Final = NULL
