"""What the main process does: its hooks, the work it hands out, and the children it can call."""

from typing import TYPE_CHECKING, Any

from hagworm.extend.asyncio.command.peer import Peer
from hagworm.extend.asyncio.command.work import WorkQueue

if TYPE_CHECKING:
    from hagworm.extend.asyncio.process.supervisor import ProcessSupervisor

__all__ = ("MainProcess",)


class MainProcess:
    """The process that a `Launcher` is run in. Subclass it.

    `await self.submit(item)` has a child do it, see `ChildProcess.handle`; `self.children[slot].call(…)` calls one
    child. Methods that are marked with `rpc` can be called by the children.
    """

    work: WorkQueue
    """What is handed out; there from `on_start` on."""
    children: dict[int, Peer]
    """The children that are up, by slot; there from `on_start` on."""
    supervisor: "ProcessSupervisor"

    async def on_start(self) -> None:
        """Prepare; no child runs yet."""

    async def run(self) -> int | None:
        """Run as soon as the children are up; when this returns, all stop, and it is the exit code.

        By default it waits until the children are done, or all are to stop.
        """
        await self.supervisor.wait()
        return None

    async def on_stop(self) -> None:
        """Clean up; no child runs any more."""

    async def submit(self, item: Any) -> Any:
        """Have a child do it, and return what comes of it. See `WorkQueue.submit`."""
        return await self.work.submit(item)

    async def put(self, item: Any) -> None:
        """Have a child do it some time. See `WorkQueue.put`."""
        await self.work.put(item)

    async def join(self) -> None:
        """Wait until all work is done."""
        await self.work.join()
