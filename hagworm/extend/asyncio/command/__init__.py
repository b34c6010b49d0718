"""A main process and its children: work handed out, calls in both directions, one end for all."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, HOMES)
