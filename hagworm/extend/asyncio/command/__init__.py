"""A main process and its children: work handed out, calls in both directions, one end for all."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.asyncio.command.child_process import ChildProcess as ChildProcess
    from hagworm.extend.asyncio.command.endpoint import rpc as rpc
    from hagworm.extend.asyncio.command.launcher import Launcher as Launcher
    from hagworm.extend.asyncio.command.main_process import MainProcess as MainProcess
    from hagworm.extend.asyncio.command.peer import Peer as Peer
    from hagworm.extend.asyncio.command.work import WorkQueue as WorkQueue

HOMES = {
    "ChildProcess": "child_process",
    "Launcher": "launcher",
    "MainProcess": "main_process",
    "Peer": "peer",
    "WorkQueue": "work",
    "rpc": "endpoint",
}

__all__ = (*HOMES,)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
