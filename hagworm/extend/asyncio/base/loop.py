"""Which event loop runs the code, chosen by name and without touching anything global."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

from hagworm.extend.error import ConfigError, nearest

__all__ = ("LOOPS", "LoopFactory", "loop_factory", "run")

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]

LOOPS = ("auto", "asyncio", "uvloop")


def loop_factory(name: str = "auto") -> LoopFactory:
    """Return what makes an event loop: `auto` is uvloop where it is installed, else asyncio's own.

    Raises `ConfigError` for a name that is none of `LOOPS`, and for `uvloop` where it is not installed.
    """
    if name not in LOOPS:
        raise ConfigError(f"unknown event loop {name!r}{nearest(name, LOOPS)}; known loops: {', '.join(LOOPS)}")

    if name == "asyncio" or (name == "auto" and not has_uvloop()):
        return asyncio.new_event_loop

    try:
        import uvloop
    except ImportError as exc:
        raise ConfigError("the event loop 'uvloop' is not installed: pip install uvloop") from exc

    return uvloop.new_event_loop


def run(main: Coroutine[Any, Any, T], *, loop: str = "auto", debug: bool | None = None) -> T:
    """Run a coroutine on a loop of its own and return its result; the loop is closed afterwards.

    What is still running then is cancelled and awaited. Raises RuntimeError inside a running loop.
    """
    try:
        factory = loop_factory(loop)
    except ConfigError:
        main.close()
        raise

    with asyncio.Runner(loop_factory=factory, debug=debug) as runner:
        return runner.run(main)


def has_uvloop() -> bool:
    return sys.platform != "win32" and find_spec("uvloop") is not None
