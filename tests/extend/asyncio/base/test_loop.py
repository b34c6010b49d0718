"""The loop is chosen by name, and nothing global changes."""

import asyncio
import sys
from typing import Any

import pytest
import uvloop

from hagworm.extend.asyncio.base.loop import loop_factory, run
from hagworm.extend.error import ConfigError


async def kind() -> type[Any]:
    return type(asyncio.get_running_loop())


@pytest.mark.parametrize(
    ("name", "expected"), [("asyncio", asyncio.SelectorEventLoop), ("uvloop", uvloop.Loop), ("auto", uvloop.Loop)]
)
def test_the_name_decides_which_loop_runs(name: str, expected: type[Any]) -> None:
    assert issubclass(run(kind(), loop=name), expected)


def test_auto_falls_back_to_asyncio_where_uvloop_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hagworm.extend.asyncio.base.loop.find_spec", lambda name: None)

    assert loop_factory("auto") is asyncio.new_event_loop


def test_a_loop_that_is_not_installed_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)

    with pytest.raises(ConfigError, match="pip install uvloop"):
        loop_factory("uvloop")


def test_an_unknown_name_is_refused_and_its_coroutine_is_closed() -> None:
    # A coroutine that is never awaited would fail this test by its warning.
    with pytest.raises(ConfigError, match="did you mean 'uvloop'"):
        run(kind(), loop="uvlop")


def test_running_leaves_no_policy_and_no_current_loop_behind() -> None:
    policy = asyncio.get_event_loop_policy()
    run(kind(), loop="uvloop")

    assert asyncio.get_event_loop_policy() is policy
    assert asyncio._get_running_loop() is None
