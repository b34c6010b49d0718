"""uvicorn as a listener inside a running loop: its protocols, without its signals, lifespan, logging and opinions."""

import asyncio
import select
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn import Server

from hagworm.facade.engine import Listener
from hagworm.frame.asgi.entrance import Entrance
from hagworm.frame.asgi.http1 import FacadeConfig, Http1Protocol
from hagworm.frame.asgi.ports import ports_of

__all__ = ("UvicornListener", "configure", "listen")

HEAD_BYTES = 256 * 1024


class UvicornListener:
    """uvicorn's server, and our protocol or one of its own, on sockets of ours."""

    server_name = f"uvicorn {uvicorn.__version__}"

    def __init__(self, server: Server, sockets: Sequence[socket.socket]) -> None:
        self.server = server
        self.sockets = tuple(sockets)
        self.ports: Sequence[int] = ports_of(sockets)
        # Writes the `date` header once a second; it ends by itself when the server is told to exit.
        self.clock = asyncio.get_running_loop().create_task(server.main_loop())

    def __repr__(self) -> str:
        return f"<UvicornListener {self.ports}, {len(self.server.server_state.connections)} connections>"

    @property
    def connections(self) -> int:
        """How many connections are open; uvicorn forgets one when its last byte has been sent."""
        return len(self.server.server_state.connections)

    def stop_accepting(self) -> None:
        """Close the listening sockets; connections that are open live on."""
        for server in self.server.servers:
            server.close()

        for sock in self.sockets:
            sock.close()

    def close_idle(self) -> None:
        """Close every connection between two requests; a response that still waits in its buffer is sent before."""
        for connection in tuple(self.server.server_state.connections):
            # A WebSocket is closed by the facade, with the code that says why.
            if isinstance(connection, self.server.config.http_protocol_class) and not is_receiving(connection):
                connection.shutdown()

    async def kill(self) -> None:
        """Close whatever is left, at once, and return when nothing of the server remains."""
        self.stop_accepting()
        self.server.should_exit = True
        self.clock.cancel()
        state = self.server.server_state

        for connection in tuple(state.connections):
            connection.transport.abort()

        tasks = {*state.tasks, self.clock}

        for task in tasks:
            task.cancel()

        await asyncio.wait(tasks)

        for server in self.server.servers:
            await server.wait_closed()


def is_receiving(connection: Any) -> bool:
    """Whether a part of a request has arrived on `connection`, parsed or still in the socket."""
    sock = connection.transport.get_extra_info("socket")
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)

    if poll.poll(0):
        return True

    if isinstance(connection, Http1Protocol):
        return connection.current is None and not connection.is_idle

    if hasattr(connection, "conn"):
        return bool(connection.conn.trailing_data[0])

    return connection.scope is not None and "method" not in connection.scope


def configure(entrance: Entrance, options: Any, **changes: Any) -> FacadeConfig:
    """Return the profile: everything that the facade does itself is off."""
    settings: dict[str, Any] = {
        "loop": "none",
        "http": choose_http(options.http),
        "interface": "asgi3",
        "lifespan": "off",
        "ws_max_size": entrance.runtime.limits.ws_message,
        "ws_per_message_deflate": False,
        "log_config": None,
        "log_level": "warning",
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "headers": [("server", options.server_header)] if options.server_header else [],
        "backlog": options.backlog,
        "timeout_keep_alive": options.keep_alive,
        "h11_max_incomplete_event_size": HEAD_BYTES,
        "reset_contextvars": True,
    }
    profile = FacadeConfig(entrance, **{**settings, **changes})
    profile.entrance = entrance
    profile.header_timeout = options.header_timeout
    return profile


def choose_http(name: str) -> Any:
    """Return our own protocol on the parser httptools, or what uvicorn knows under `name`."""
    return Http1Protocol if name in ("auto", "httptools", "tornado") else name


async def listen(entrance: Entrance, sockets: Sequence[socket.socket], options: Any) -> Listener:
    """Serve `entrance` on `sockets` in the running loop. Its application is started and stopped by the caller."""
    config = configure(entrance, options)
    config.load()
    server = Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=list(sockets))
    return UvicornListener(server, sockets)
