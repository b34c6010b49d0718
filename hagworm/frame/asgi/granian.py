"""granian as a listener inside a running loop: its embedded server, on sockets of ours."""

import asyncio
import os
import socket
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from hagworm.extend.error import extra
from hagworm.facade.engine import Listener
from hagworm.frame.asgi.entrance import Entrance
from hagworm.frame.asgi.ports import ports_of
from hagworm.frame.asgi.protocol import AsgiApp, Receive, Scope, Send
from hagworm.frame.asgi.signature import sign

with extra("granian"):
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.net import SocketHolder  # type: ignore[attr-defined]  # imported there, and public enough
    from granian.server import embed

__all__ = ("GranianListener", "listen")

HEAD_BYTES = 256 * 1024


class Counted:
    """The callable, and the tasks that are inside it: granian itself tells nobody what it is doing."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app
        self.tasks: set[asyncio.Task[Any]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI 3."""
        task = asyncio.current_task()
        assert task is not None, "granian calls from a task"
        self.tasks.add(task)

        try:
            await self.app(scope, receive, send)
        finally:
            self.tasks.discard(task)


class BoundServer(embed.Server):
    """granian's embedded server on a socket that is bound already."""

    def __init__(self, app: Counted, sock: socket.socket, options: Any) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            backlog=options.backlog,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(max_buffer_size=HEAD_BYTES),
            log_enabled=False,
        )
        self.sock = sock

    def _init_shared_socket(self) -> None:
        # granian closes the descriptor it is given.
        self._sfd: Any = os.dup(self.sock.fileno())
        is_path = self.sock.family == getattr(socket, "AF_UNIX", None)
        self._shd: Any = SocketHolder(self._sfd, is_path, self.backlog)  # type: ignore[call-arg]  # not in its stub


class GranianListener:
    """granian's embedded servers, one for each socket.

    Its connections live in threads of its own: told to stop, it closes the idle ones by itself and finishes the others.
    """

    server_name = f"granian {version('granian')}"

    def __init__(self, entrance: Entrance, sockets: Sequence[socket.socket], options: Any) -> None:
        self.app = Counted(sign(entrance, options.server_header))
        self.sockets = tuple(sockets)
        self.ports: Sequence[int] = ports_of(sockets)
        self.servers = [BoundServer(self.app, sock, options) for sock in sockets]
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(server.serve()) for server in self.servers]

    def __repr__(self) -> str:
        return f"<GranianListener {self.ports}, {self.connections} requests>"

    @property
    def connections(self) -> int:
        """How many requests and WebSockets are being served: the connections are known to granian only."""
        return len(self.app.tasks)

    def stop_accepting(self) -> None:
        """Close the listening sockets, and the connections that are idle; granian does both or neither."""
        for server in self.servers:
            server.signal_handler_interrupt()  # type: ignore[no-untyped-call]  # granian ships no annotations here

        for sock in self.sockets:
            sock.close()

    def close_idle(self) -> None:
        """Nothing: that has been done."""

    async def kill(self) -> None:
        """Cancel whatever is left, and return when nothing of it remains in this loop."""
        self.stop_accepting()

        for task in (tasks := (*self.app.tasks, *self.tasks)):
            if task not in self.tasks:
                task.cancel()

        await asyncio.wait(tasks)


async def listen(entrance: Entrance, sockets: Sequence[socket.socket], options: Any) -> Listener:
    """Serve `entrance` on `sockets` in the running loop. Its application is started and stopped by the caller."""
    return GranianListener(entrance, sockets, options)
