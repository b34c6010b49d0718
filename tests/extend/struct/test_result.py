"""A result is a success or a failure, and nothing in between."""

import copy
import pickle

import pytest

from hagworm.extend.error import BadValue, ResultError
from hagworm.extend.struct import Err, Null, NullData, Ok, Result, attempt


def half(number: int) -> Result[int, str]:
    return Err(f"{number} is odd") if number % 2 else Ok(number // 2)


def test_a_success_gives_its_value() -> None:
    result = half(4)

    assert result and result.is_ok
    assert (result.unwrap(), result.unwrap_or(0)) == (2, 2)
    assert result.map(str) == Ok("2")
    assert result.map_error(len) == Ok(2)
    assert result.and_then(half) == Ok(1)

    with pytest.raises(ResultError, match="has no error"):
        result.unwrap_error()


def test_a_failure_gives_its_error() -> None:
    result = half(3)

    assert not result and not result.is_ok
    assert (result.unwrap_or(0), result.unwrap_error()) == (0, "3 is odd")
    assert result.map(str) == result.and_then(half) == Err("3 is odd")
    assert result.map_error(len) == Err(8)

    with pytest.raises(ResultError, match="it failed: '3 is odd'") as error:
        result.unwrap()

    assert error.value.error == "3 is odd"

    with pytest.raises(KeyError, match="x"):
        Err(KeyError("x")).unwrap()


def test_results_are_matched_and_copied() -> None:
    match half(4):
        case Ok(value):
            assert value == 2
        case Err():
            pytest.fail("it went well")

    for result in (Ok([1]), Err("x")):
        assert pickle.loads(pickle.dumps(result)) == copy.deepcopy(result) == result


def test_p20_only_errors_that_are_named_become_results() -> None:
    assert attempt((ValueError,), int, "7", base=10) == Ok(7)
    assert isinstance(attempt((ValueError, KeyError), int, "x").unwrap_error(), ValueError)

    with pytest.raises(TypeError):
        attempt((ValueError,), int, None)  # type: ignore[arg-type]  # the error is the point

    for kinds in ((), (Exception,), (ValueError, Exception)):
        with pytest.raises(BadValue, match="each by its name"):
            attempt(kinds, int, "7")


def test_there_is_one_null() -> None:
    assert NullData() is Null is copy.deepcopy(Null) is pickle.loads(pickle.dumps(Null))
    assert not Null and Null is not None and Null != None  # noqa: E711
    assert (list(Null), len(Null), repr(Null)) == ([], 0, "Null")
