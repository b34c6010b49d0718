"""Something else is answered for the errors that are meant, and for no others."""

import asyncio
from typing import Any

import pytest

from hagworm.extend.asyncio.resilience.fallback import Fallback
from hagworm.extend.error import DefinitionError


async def fails(*_: Any) -> str:
    raise ConnectionError("down")


async def test_a_value_stands_in() -> None:
    fallback = Fallback(value=[])

    assert await fallback.call(fails) == []
    assert fallback.statistics() == {"used": 1}
    assert repr(fallback) == "<Fallback [], used 1 times>"
    assert await Fallback().call(fails) is None


async def test_a_function_sees_the_error_and_the_arguments() -> None:
    async def later(error: Exception, *args: Any) -> Any:
        await asyncio.sleep(0)
        return (str(error), args)

    assert await Fallback(lambda error, *args: (str(error), args)).call(fails, 1, 2) == ("down", (1, 2))
    assert await Fallback(later).call(fails, 3) == ("down", (3,))


async def test_what_succeeds_and_what_is_not_meant_stays_as_it_is() -> None:
    async def works() -> str:
        return "done"

    assert await Fallback(value="else").call(works) == "done"

    for on in (KeyError, (KeyError, ValueError), lambda error: False):
        with pytest.raises(ConnectionError):
            await Fallback(value="else", on=on).call(fails)


async def test_a_cancellation_is_never_covered() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Fallback(value="else").call(cancelled)


async def test_an_error_of_the_fallback_has_the_first_one_as_context() -> None:
    def also_fails(error: Exception) -> None:
        raise KeyError("cache")

    with pytest.raises(KeyError) as caught:
        await Fallback(also_fails).call(fails)

    assert isinstance(caught.value.__context__, ConnectionError)


def test_plain_functions_too() -> None:
    @Fallback(value=0, on=ZeroDivisionError)
    def divide(by: float) -> float:
        return 1 / by

    assert (divide(2), divide(0)) == (0.5, 0)
    assert Fallback(lambda error, text: len(text), on=ValueError).call_sync(int, "xyz") == 3

    with pytest.raises(DefinitionError, match="awaited"):
        Fallback(fails)(int)


def test_either_a_function_or_a_value() -> None:
    with pytest.raises(ValueError, match="either"):
        Fallback(fails, value=1)
