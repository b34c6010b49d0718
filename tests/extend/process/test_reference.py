"""A name leads to the same function in another process, or is refused here."""

import functools
import os
from typing import Any

import pytest

from hagworm.extend.error import DefinitionError
from hagworm.extend.process.reference import reference, resolve


class Outer:
    class Inner:
        pass

    @staticmethod
    def plain() -> None: ...

    @classmethod
    def of(cls) -> None: ...

    def method(self) -> None: ...


def function() -> None: ...


@functools.wraps(function)
def wrapping() -> None: ...


@pytest.mark.parametrize(
    "named",
    [function, Outer, Outer.Inner, Outer.plain, Outer.of, Outer.method, len, os.getpid, functools.reduce],
    ids=lambda named: str(named.__qualname__),
)
def test_resolve_is_the_inverse_of_reference(named: Any) -> None:
    assert resolve(reference(named)) == named


def inner() -> Any:
    def inside() -> None: ...

    return inside


@pytest.mark.parametrize(
    "named",
    [lambda: None, inner(), Outer().method, [].append, functools.partial(function), wrapping, 3],
    ids=["lambda", "inside", "bound", "builtin method", "partial", "hidden by another", "number"],
)
def test_what_no_name_leads_to_is_refused(named: Any) -> None:
    with pytest.raises(DefinitionError):
        reference(named)


@pytest.mark.parametrize(("name", "error"), [("no.such:thing", ImportError), ("os:no_such", AttributeError)])
def test_a_name_that_leads_nowhere_is_an_error(name: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        resolve(name)
