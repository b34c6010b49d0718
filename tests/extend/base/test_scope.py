"""What a block of code changes is put back, and only errors that are named are suppressed."""

import logging
import os
from types import SimpleNamespace

import pytest

from hagworm.extend.base.scope import suppress_logged, swapped
from hagworm.extend.error import BadValue


def test_p20_an_expected_error_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    with suppress_logged(KeyError, text="no such order") as outcome:
        {}["order"]

    assert isinstance(outcome.error, KeyError)
    assert outcome
    assert "no such order: KeyError('order')" in caplog.text
    assert "Traceback" in caplog.text

    with suppress_logged(KeyError, logger=logging.getLogger("other")) as outcome:
        pass

    assert not outcome


def test_p20_no_other_error_is_swallowed() -> None:
    with pytest.raises(ValueError, match="x"), suppress_logged(KeyError):
        raise ValueError("x")


@pytest.mark.parametrize(
    "kinds", [(), (Exception,), (BaseException,), (KeyboardInterrupt,), (ValueError, Exception)], ids=str
)
def test_p20_everything_at_once_cannot_be_suppressed(kinds: tuple[type[Exception], ...]) -> None:
    with pytest.raises(BadValue, match="each by its name"), suppress_logged(*kinds):
        pass


def test_values_come_back() -> None:
    owner, table = SimpleNamespace(a=1), {"a": 1}

    with pytest.raises(KeyError), swapped(owner, "a", 2), swapped(owner, "b", 3), swapped(table, "a", 2):
        assert (owner.a, owner.b, table) == (2, 3, {"a": 2})
        raise KeyError

    assert vars(owner) == table == {"a": 1}

    with swapped(os.environ, "HAGWORM_TEST_SWAPPED", "1"):
        assert os.environ["HAGWORM_TEST_SWAPPED"] == "1"

    assert "HAGWORM_TEST_SWAPPED" not in os.environ
