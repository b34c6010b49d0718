"""A main process and its children as one program: started, connected, stopped, with one exit code."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import Context
from typing import Any

from hagworm.extend.asyncio.base.cancel import cancel_tasks
from hagworm.extend.asyncio.base.loop import run
from hagworm.extend.asyncio.command.child_process import VARIABLE, ChildProcess, FunctionChild
from hagworm.extend.asyncio.command.endpoint import endpoints
from hagworm.extend.asyncio.command.main_process import MainProcess
from hagworm.extend.asyncio.command.peer import Peer, Say
from hagworm.extend.asyncio.command.transport import open_host
from hagworm.extend.asyncio.command.work import WorkQueue
from hagworm.extend.asyncio.process.charge import Charge
from hagworm.extend.asyncio.process.supervisor import ProcessSupervisor
from hagworm.extend.error import DefinitionError, ProcessError, SupervisionFailed
from hagworm.extend.process.cpu import cpu_count
from hagworm.extend.process.interpreter import command_line
from hagworm.extend.process.reference import reference
from hagworm.extend.process.restart import Restart, RestartPolicy

__all__ = ("Launcher",)

logger = logging.getLogger("hagworm")

LAST_WORDS = 0.05
"""Seconds within which a message of a process that has ended arrives where links do not tell their end."""


class Launcher:
    """Runs `subprocess` children (None: as many as there are processors to use) beside the main process `daemon`.

    `url` says how they speak: `unix:`, a socket with a random name in a folder of this user alone, whose peers the
    kernel vouches for; `zmq+ipc:` the same by ZeroMQ; `zmq+tcp://127.0.0.1` with CURVE keys that are made for this run.
    A child is let in with a secret of this run, and by no pickle. Children are supervised, see `ProcessSupervisor`:
    by default those that fail are started again, and those that return 0 are done.
    """

    def __init__(
        self,
        subprocess: int | None = None,
        *,
        daemon: MainProcess | None = None,
        url: str = "unix:",
        policy: RestartPolicy | None = None,
        ready_timeout: float | None = 60.0,
        beat_timeout: float | None = None,
        stop_timeout: float = 10.0,
        affinity: bool = False,
        maxsize: int = 1024,
        per_child: int = 1,
        deliveries: int = 3,
        loop: str = "auto",
    ) -> None:
        self.subprocess = cpu_count() if subprocess is None else subprocess
        self.daemon = MainProcess() if daemon is None else daemon
        self.url = url
        self.loop = loop
        self.work: dict[str, int] = {"maxsize": maxsize, "per_hand": per_child, "deliveries": deliveries}
        self.options: dict[str, Any] = {
            "policy": RestartPolicy(Restart.TRANSIENT) if policy is None else policy,
            "ready_timeout": ready_timeout,
            "beat_timeout": beat_timeout,
            "stop_timeout": stop_timeout,
            "affinity": affinity,
        }

    def __repr__(self) -> str:
        return f"<Launcher of {self.subprocess} children at {self.url}>"

    def run(self, child: ChildProcess | Callable[..., Any], *args: Any) -> int:
        """Run main process and children until their end, or a stop signal; return the exit code for this process.

        `child` is a `ChildProcess`, or a function at the top level of a module, which is called with the slot and
        `args`. 0: all is done, or was stopped and ended well; 75: children failed too often; 70: some had to be killed;
        else what `MainProcess.run` returned, 1 where it raised, or the code of the first child that failed. Blocks;
        needs the main thread. Raises `DefinitionError` for a child that another process cannot make.
        """
        return run(self.serve(child, *args), loop=self.loop)

    async def serve(self, child: ChildProcess | Callable[..., Any], *args: Any, signals: bool = True) -> int:
        """Do what `run` does, inside of a loop. Cancelled, it stops the children; cancelled again, it kills them."""
        made = child if isinstance(child, ChildProcess) else FunctionChild(reference(child), *args)
        return await Session(self, made).run(signals=signals)


class Session:
    """One run of a launcher."""

    def __init__(self, launcher: Launcher, child: ChildProcess) -> None:
        from secrets import token_urlsafe

        from msgspec import msgpack

        positional, named = child.arguments

        try:
            self.welcome = msgpack.encode((Say.WELCOME, reference(type(child)), positional, named))
        except (TypeError, NotImplementedError) as exc:
            raise DefinitionError(f"{type(child).__name__} cannot be made in a child: {exc}") from exc

        self.decode = msgpack.Decoder().decode
        self.token = token_urlsafe(32)
        self.main = launcher.daemon
        self.peers: dict[Any, Peer] = {}
        self.farewells: set[asyncio.Task[None]] = set()
        self.refused = 0
        self.host = open_host(launcher.url, lambda pid: self.charge_of(pid) is not None, self.take, self.lose)
        given = {**self.host.given, "token": self.token, "loop": launcher.loop}
        self.supervisor = ProcessSupervisor(
            *command_line("hagworm.extend.asyncio.command.child_process:main"),
            workers=launcher.subprocess,
            env={**os.environ, VARIABLE: json.dumps(given)},
            **launcher.options,
        )
        self.main.work = self.queue = WorkQueue(**launcher.work)
        self.main.children = {}
        self.main.supervisor = self.supervisor
        self.table = endpoints(self.main)

    def __repr__(self) -> str:
        return f"<Session {self.supervisor!r}, {self.queue!r}>"

    async def run(self, *, signals: bool) -> int:
        code = 0

        try:
            with self.supervisor.signals() if signals else nullcontext():
                try:
                    await self.host.open()
                    code = await self.work()
                except SupervisionFailed:
                    # It is logged where it is found, and is the exit code.
                    pass
                except Exception:
                    logger.exception("%s has failed", type(self.main).__name__)
                    code = 1
                finally:
                    await self.stop()
        finally:
            await self.host.aclose()

        return self.supervisor.exit_code or code

    async def work(self) -> int:
        await self.main.on_start()

        try:
            await self.supervisor.start()
            body = asyncio.ensure_future(self.main.run())
            over = asyncio.ensure_future(self.supervisor.wait())

            try:
                await asyncio.wait((body, over), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.queue.close()
                await cancel_tasks([body, over])

            return 0 if body.cancelled() else body.result() or 0
        finally:
            try:
                await self.stop()
            finally:
                await self.main.on_stop()

    async def stop(self) -> None:
        """End the children; what they are doing they finish."""
        self.queue.close()

        if not self.supervisor.is_over:
            self.supervisor.request_stop()

        try:
            await self.supervisor.aclose()
            await asyncio.gather(*self.farewells)
        finally:
            await cancel_tasks(self.farewells)
            await self.queue.aclose()

            for peer in [*self.peers.values()]:
                await peer.aclose()

    # Links ------------------------------------------------------------------------------------------------------------

    def take(self, link: Any, message: bytes) -> None:
        peer = self.peers.get(link)

        try:
            content = self.decode(message)

            match content:
                case [Say.HELLO, int(slot), int(pid), str(token)] if peer is None:
                    self.greet(link, slot, pid, token)
                case _ if peer is None:
                    raise ProcessError("it has not said who it is")
                case [Say.UP] if peer not in self.queue.hands:
                    self.main.children[peer.slot] = peer
                    self.queue.attach(peer)
                case _:
                    peer.take(content)
        except (ProcessError, ValueError) as exc:
            # msgspec's errors are ValueErrors.
            self.refused += 1
            logger.warning("%r is not listened to: %s", link, exc)
            link.close()
            self.lose(link)

    def greet(self, link: Any, slot: int, pid: int, token: str) -> None:
        """Let a child in that knows the secret and is the process that it says."""
        from secrets import compare_digest

        charge = self.charge_of(pid)
        known = getattr(link, "pid", None)

        if not compare_digest(token, self.token) or charge is None or charge.slot != slot or known not in (None, pid):
            raise ProcessError(f"it says it is child {slot}, process {pid}, and is not")

        peer = self.peers[link] = Peer(link, self.table, slot=slot, pid=pid)
        peer.write(self.welcome)

        if not self.host.tells_loss:
            charge.child.ended.add_done_callback(lambda _: self.lose(link), context=Context())

    def lose(self, link: Any) -> None:
        if (peer := self.peers.pop(link, None)) is not None:
            task = asyncio.get_running_loop().create_task(self.part(peer), context=Context())
            self.farewells.add(task)
            task.add_done_callback(self.farewells.discard, context=Context())

    async def part(self, peer: Peer) -> None:
        """Give the work of a child that is gone to others, once it is known how it ended."""
        if self.main.children.get(peer.slot) is peer:
            del self.main.children[peer.slot]

        if not self.host.tells_loss:
            await asyncio.sleep(LAST_WORDS)

        returncode = None

        if (charge := self.charge_of(peer.pid)) is not None:
            # Nobody can speak with it any more; it may still be on its way out.
            await asyncio.wait((charge.child.ended,), timeout=self.supervisor.stop_timeout)
            charge.kill("it has ended its link")
            await asyncio.wait((charge.child.ended,))
            returncode = charge.returncode

        peer.lose(returncode)
        await self.queue.detach(peer, peer.loss("handle"))
        await peer.aclose()

    def charge_of(self, pid: int) -> Charge | None:
        """Return the child of that process id that has not been forgotten."""
        for charge in (*self.supervisor.charges, *(slot.charge for slot in self.supervisor.slots)):
            if charge is not None and charge.child.pid == pid:
                return charge

        return None
