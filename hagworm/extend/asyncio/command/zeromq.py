"""Links over ZeroMQ: a socket file in a folder of this user alone, or TCP with CURVE."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from pathlib import Path
from typing import Any

from hagworm.extend.asyncio.command.meeting import make_folder, remove_folder
from hagworm.extend.error import ConfigError

__all__ = ("LONGEST", "ZmqHost", "ZmqLink", "connect_zmq")

LONGEST = 64 * 1024 * 1024
"""Bytes of a message; who sends more is disconnected."""
LAST_WORDS = 1000
"""Milliseconds that a child waits at its end for what it has sent to go out."""

Take = Callable[[Any, bytes], None]


class Wire:
    """A ZeroMQ socket on the loop. How much is on its way is bounded by the calls that are."""

    def __init__(self, kind: int, linger: int) -> None:
        import zmq

        self.zmq = zmq
        self.context = zmq.Context()
        self.socket = self.context.socket(kind)
        self.socket.set(zmq.LINGER, linger)
        self.socket.set(zmq.SNDHWM, 0)
        self.socket.set(zmq.RCVHWM, 0)
        self.socket.set(zmq.MAXMSGSIZE, LONGEST)
        self.descriptor = int(self.socket.get(zmq.FD))
        self.loop: asyncio.AbstractEventLoop | None = None
        self.soon: asyncio.Handle | None = None
        self.take: Callable[[list[bytes]], None] = ignore

    def __repr__(self) -> str:
        return f"<Wire {'closed' if self.socket.closed else 'open'}>"

    def listen(self, take: Callable[[list[bytes]], None]) -> None:
        """Hand over each message that comes."""
        self.take = take
        self.loop = asyncio.get_running_loop()
        Context().run(self.loop.add_reader, self.descriptor, self.drain)
        self.drain_soon()

    def drain_soon(self) -> None:
        # The descriptor tells of changes only, and any use of the socket may take one away.
        if self.loop is not None and self.soon is None:
            self.soon = self.loop.call_soon(self.drain, context=Context())

    def drain(self) -> None:
        self.soon = None

        while not self.socket.closed:
            try:
                message = self.socket.recv_multipart(self.zmq.NOBLOCK)
            except self.zmq.Again:
                return

            self.take(message)

    def send(self, *frames: bytes) -> None:
        """Send a message. Raises ConnectionError where nobody is there for it."""
        if self.socket.closed:
            raise ConnectionResetError("the link is closed")

        try:
            self.socket.send_multipart(frames, self.zmq.NOBLOCK)
        except self.zmq.ZMQError as exc:
            raise ConnectionResetError(f"the other process is gone: {exc}") from exc

        self.drain_soon()

    def close(self) -> None:
        """Give everything back; waits for what is to go out as long as it may linger."""
        if self.socket.closed:
            return

        if self.loop is not None:
            self.loop.remove_reader(self.descriptor)

        if self.soon is not None:
            self.soon.cancel()

        self.socket.close()
        self.context.term()


class ZmqLink:
    """One child, by the name that the socket has given it."""

    __slots__ = ("host", "identity", "is_full")

    def __init__(self, host: "ZmqHost", identity: bytes) -> None:
        self.is_full = False
        self.host = host
        self.identity = identity

    def __repr__(self) -> str:
        return f"<ZmqLink {self.identity.hex()}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ZmqLink) and self.identity == other.identity

    def __hash__(self) -> int:
        return hash(self.identity)

    def write(self, message: bytes) -> None:
        """Send a message. Raises ConnectionError where the other side is gone."""
        self.host.wire.send(self.identity, message)

    async def drain(self) -> None:
        """Return at once."""

    def close(self) -> None:
        """Do nothing: there is no connection of one's own to be closed."""


class ZmqHost:
    """Where children connect. Whoever is let in knows a secret of this run, besides the key of CURVE over TCP."""

    tells_loss = False

    def __init__(self, url: str, take: Take) -> None:
        import zmq

        self.wire = Wire(zmq.ROUTER, 0)
        self.take = take
        self.folder: Path | None = None
        self.given: dict[str, Any] = {}

        try:
            self.bind(url)
        except BaseException:
            self.wire.close()
            raise

    def __repr__(self) -> str:
        return f"<ZmqHost {self.given['url']}>"

    def bind(self, url: str) -> None:
        import zmq

        # Who is gone is an error, not silence.
        self.wire.socket.set(zmq.ROUTER_MANDATORY, 1)

        if url == "zmq+ipc:":
            from secrets import token_hex

            self.folder = make_folder()
            self.given["url"] = f"ipc://{self.folder / token_hex(8)}"
            self.wire.socket.bind(self.given["url"])
            return

        server, secret = zmq.curve_keypair()
        public, private = zmq.curve_keypair()
        self.wire.socket.set(zmq.CURVE_SERVER, 1)
        self.wire.socket.set(zmq.CURVE_SECRETKEY, secret)
        address = url.removeprefix("zmq+")
        whole = address if address.rpartition(":")[2].isdigit() else f"{address}:*"

        try:
            self.wire.socket.bind(whole)
        except zmq.ZMQError as exc:
            raise ConfigError(f"{url!r} cannot be bound: {exc}") from exc

        self.given = {
            "url": self.wire.socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0"),
            "server": server.decode(),
            "public": public.decode(),
            "private": private.decode(),
        }

    async def open(self) -> None:
        """Let children in."""
        self.wire.listen(self.receive)

    def receive(self, frames: list[bytes]) -> None:
        # What is put together otherwise comes from none of ours.
        if len(frames) == 2:
            self.take(ZmqLink(self, frames[0]), frames[1])

    async def aclose(self) -> None:
        """End all links, and remove the folder."""
        self.wire.close()

        if self.folder is not None:
            remove_folder(self.folder)


class ZmqClient:
    """A child's link to the main process."""

    def __init__(self, given: dict[str, Any], take: Take) -> None:
        import zmq

        self.is_full = False
        self.wire = Wire(zmq.DEALER, LAST_WORDS)

        if "server" in given:
            self.wire.socket.set(zmq.CURVE_SERVERKEY, given["server"].encode())
            self.wire.socket.set(zmq.CURVE_PUBLICKEY, given["public"].encode())
            self.wire.socket.set(zmq.CURVE_SECRETKEY, given["private"].encode())

        self.wire.socket.connect(given["url"])
        self.wire.listen(lambda frames: take(self, frames[-1]))

    def __repr__(self) -> str:
        return f"<ZmqClient {self.wire!r}>"

    def write(self, message: bytes) -> None:
        """Send a message; it goes out when it can."""
        self.wire.send(message)

    async def drain(self) -> None:
        """Return at once."""

    def close(self) -> None:
        """Carry nothing any more, once what was sent has gone out."""
        self.wire.close()


def connect_zmq(given: dict[str, Any], take: Take) -> ZmqClient:
    """Connect to a host."""
    return ZmqClient(given, take)


def ignore(_: list[bytes]) -> None:
    """Take what comes before anybody listens, which nothing does."""
