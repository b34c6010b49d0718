"""hypercorn as a listener inside a running loop: its connections, without its workers, lifespan and signals."""

import asyncio
import socket
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, cast

from hagworm.extend.error import extra
from hagworm.facade.engine import Listener
from hagworm.frame.asgi.entrance import Entrance
from hagworm.frame.asgi.ports import ports_of
from hagworm.frame.asgi.protocol import AsgiApp
from hagworm.frame.asgi.signature import sign

with extra("hypercorn"):
    from hypercorn.app_wrappers import ASGIWrapper
    from hypercorn.asyncio.tcp_server import TCPServer
    from hypercorn.asyncio.worker_context import WorkerContext
    from hypercorn.config import Config
    from hypercorn.typing import ConnectionState

__all__ = ("HypercornListener", "configure", "listen")

HEAD_BYTES = 256 * 1024


class HypercornListener:
    """hypercorn's connections on sockets of ours."""

    server_name = f"hypercorn {version('hypercorn')}"

    def __init__(self, app: AsgiApp, sockets: Sequence[socket.socket], config: Config) -> None:
        self.app = ASGIWrapper(cast(Any, app))
        self.sockets = tuple(sockets)
        self.ports: Sequence[int] = ports_of(sockets)
        self.config = config
        self.context = WorkerContext(None)
        self.servers: list[asyncio.Server] = []
        self.tasks: set[asyncio.Task[Any]] = set()
        self.closing: asyncio.Task[None] | None = None
        self.killed = False

    def __repr__(self) -> str:
        return f"<HypercornListener {self.ports}, {self.connections} connections>"

    async def start(self) -> None:
        """Accept connections from now on."""
        for sock in self.sockets:
            self.servers.append(await asyncio.start_server(self.serve, sock=sock, backlog=self.config.backlog))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "called by the stream protocol in a task of its own"
        self.tasks.add(task)

        try:
            loop = asyncio.get_running_loop()
            await TCPServer(self.app, loop, self.config, self.context, ConnectionState({}), reader, writer)
        except asyncio.CancelledError:
            # asyncio's stream protocol takes a cancelled task for an error of its own (cpython#110894).
            if not self.killed:
                raise
        finally:
            self.tasks.discard(task)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self.tasks)

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections that are open live on."""
        for server in self.servers:
            server.close()

        for sock in self.sockets:
            sock.close()

    def close_idle(self) -> None:
        """Close every connection that waits between two requests, and from now on each that comes to wait."""
        self.closing = asyncio.get_running_loop().create_task(self.context.terminated.set())

    async def kill(self) -> None:
        """Close whatever is left, at once, and return when nothing of the server remains."""
        self.stop_accepting()
        self.killed = True

        for task in (tasks := tuple(self.tasks)):
            task.cancel()

        if self.closing is not None:
            await self.closing

        if tasks:
            await asyncio.wait(tasks)

        for server in self.servers:
            await server.wait_closed()


def configure(entrance: Entrance, options: Any) -> Config:
    """Return the profile: everything that the facade does itself is off."""
    limits = entrance.runtime.limits
    config = Config()
    config.backlog = options.backlog
    config.keep_alive_timeout = options.keep_alive
    config.keep_alive_max_requests = 2**31
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = None
    config.h11_max_incomplete_size = HEAD_BYTES
    config.h2_max_header_list_size = HEAD_BYTES
    config.websocket_max_message_size = limits.ws_message
    return config


async def listen(entrance: Entrance, sockets: Sequence[socket.socket], options: Any) -> Listener:
    """Serve `entrance` on `sockets` in the running loop. Its application is started and stopped by the caller."""
    listener = HypercornListener(sign(entrance, options.server_header), sockets, configure(entrance, options))
    await listener.start()
    return listener
