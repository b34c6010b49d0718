"""Sockets of ZeroMQ between machines: with CURVE, for those who have the key of the run, and bounded (X1, X2)."""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Self

from hagworm.extend.error import PortInUse, StressError
from hagworm.frame.stress_tests.post import PART, WINDOW

__all__ = ("Key", "Wire")

PREFIX = "stress-"
KEY_BYTES = 32
CHECK_BYTES = 4
LARGEST = 2 * PART
"""Bytes of what is sent in one piece, with room to spare; who announces more is disconnected before it is sent."""
DEPTH = 4 * WINDOW
"""So many pieces wait in a socket for each of the others; what comes beyond is dropped, and sent again."""
LAST_WORDS = 500
"""Milliseconds that a socket has at its end for what is to go out."""
HANDSHAKE = 5000
"""Milliseconds in which somebody who connects must have shown the key."""

ZAP = "inproc://zeromq.zap.01"


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """What an agent has to know: the public key of the coordinator, and the secret one that it lets in."""

    coordinator: bytes
    agent: bytes

    def __repr__(self) -> str:
        return "<Key>"

    def dump(self) -> str:
        """Return it as text for a command line, with a checksum."""
        raw = z85_decode(self.coordinator) + z85_decode(self.agent)
        return PREFIX + base64.urlsafe_b64encode(raw + check(raw)).decode().rstrip("=")

    @classmethod
    def load(cls, text: str) -> Self:
        """Return what `dump` wrote. Raises `StressError` for anything else, without telling it."""
        from zmq.utils import z85

        try:
            body = text.strip().removeprefix(PREFIX)
            raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as exc:
            raise StressError("not a key: expected the one that the coordinator has printed") from exc

        if len(raw) != 2 * KEY_BYTES + CHECK_BYTES or check(raw[: 2 * KEY_BYTES]) != raw[2 * KEY_BYTES :]:
            raise StressError("not a key: expected the whole one that the coordinator has printed")

        return cls(z85.encode(raw[:KEY_BYTES]), z85.encode(raw[KEY_BYTES : 2 * KEY_BYTES]))


class Tap:
    """One socket on the loop; each message that comes is handed over."""

    def __init__(self, socket: Any, take: Callable[[list[bytes]], None]) -> None:
        import zmq

        self.zmq = zmq
        self.socket = socket
        self.take = take
        self.loop = asyncio.get_running_loop()
        self.soon: asyncio.Handle | None = None
        self.descriptor = int(socket.get(zmq.FD))
        socket.set(zmq.LINGER, LAST_WORDS)
        socket.set(zmq.SNDHWM, DEPTH)
        socket.set(zmq.RCVHWM, DEPTH)
        socket.set(zmq.MAXMSGSIZE, LARGEST)
        socket.set(zmq.HANDSHAKE_IVL, HANDSHAKE)
        Context().run(self.loop.add_reader, self.descriptor, self.drain)

    def __repr__(self) -> str:
        return f"<Tap {'closed' if self.socket.closed else 'open'}>"

    def drain(self) -> None:
        self.soon = None

        while not self.socket.closed:
            try:
                frames = self.socket.recv_multipart(self.zmq.NOBLOCK)
            except self.zmq.Again:
                return

            self.take(frames)

    def send(self, *frames: bytes) -> None:
        """Send a message, or drop it where there is no room for it."""
        if self.socket.closed:
            return

        with suppress(self.zmq.Again):
            self.socket.send_multipart(frames, self.zmq.NOBLOCK)

        # The descriptor tells of changes only, and any use of the socket may take one away.
        if self.soon is None:
            self.soon = self.loop.call_soon(self.drain, context=Context())

    def close(self) -> None:
        """Hang up; what is to go out still does."""
        self.loop.remove_reader(self.descriptor)

        if self.soon is not None:
            self.soon.cancel()

        self.socket.close()


class Wire:
    """One end of the link; `take` is given the name of who sent a message, and its one frame.

    A stranger's bytes get as far as the handshake: nobody is let in but who has the secret key of an agent (ZAP,
    https://rfc.zeromq.org/spec/27/).
    """

    def __init__(self, take: Callable[[bytes, bytes], None]) -> None:
        import zmq

        self.zmq = zmq
        self.context = zmq.Context()
        self.take = take
        self.taps: list[Tap] = []
        self.allowed = b""
        self.refused = 0
        """How often somebody came with another key."""

    def __repr__(self) -> str:
        return f"<Wire {'open' if self.taps else 'closed'}, {self.refused} refused>"

    def listen(self, url: str) -> tuple[str, Key]:
        """Let agents connect to `tcp://address:port`; return the URL with the port, and their key.

        Raises `PortInUse`, or `StressError` for an address that is none of ours.
        """
        zmq = self.zmq
        server, secret = zmq.curve_keypair()
        allowed, agent = zmq.curve_keypair()
        self.allowed = z85_decode(allowed)
        gate = self.context.socket(zmq.REP)
        self.taps.append(Tap(gate, self.judge))
        gate.bind(ZAP)
        socket = self.context.socket(zmq.ROUTER)
        self.taps.append(Tap(socket, self.on_frames))
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, secret)
        socket.set(zmq.ZAP_DOMAIN, b"stress")
        # Who comes back after its connection broke goes by the same name.
        socket.set(zmq.ROUTER_HANDOVER, 1)
        socket.set(zmq.IPV6, "[" in url)

        try:
            socket.bind(url)
        except zmq.ZMQError as exc:
            if exc.errno == zmq.EADDRINUSE:
                raise PortInUse(f"{url} is in use: is another coordinator running?") from exc

            raise StressError(f"cannot listen at {url!r} ({exc}); expected one like tcp://0.0.0.0:5555") from exc

        return socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0"), Key(server, agent)

    def connect(self, url: str, key: Key, name: bytes) -> None:
        """Connect to a coordinator under a name; goes on trying while nobody listens."""
        zmq = self.zmq
        socket = self.context.socket(zmq.DEALER)
        self.taps.append(Tap(socket, self.on_frames))
        socket.set(zmq.ROUTING_ID, name)
        socket.set(zmq.IPV6, "[" in url)
        socket.set(zmq.CURVE_SERVERKEY, key.coordinator)
        socket.set(zmq.CURVE_SECRETKEY, key.agent)
        socket.set(zmq.CURVE_PUBLICKEY, zmq.curve_public(key.agent))

        try:
            socket.connect(url)
        except zmq.ZMQError as exc:
            raise StressError(f"cannot connect to {url!r} ({exc}); expected one like tcp://host:5555") from exc

    def on_frames(self, frames: list[bytes]) -> None:
        # What is put together otherwise comes from none of ours.
        if len(frames) <= 2:
            self.take(frames[0] if len(frames) == 2 else b"", frames[-1])

    def judge(self, frames: list[bytes]) -> None:
        """Answer who asks for somebody with that key (ZAP)."""
        version, number, *_, mechanism, shown = frames
        known = mechanism == b"CURVE" and hmac.compare_digest(shown, self.allowed)
        self.refused += not known
        self.taps[0].send(version, number, b"200" if known else b"400", b"", b"", b"")

    def send(self, *frames: bytes) -> None:
        """Send a message: its one frame, after the name of whom it is for if this listens."""
        if self.taps:
            self.taps[-1].send(*frames)

    def close(self) -> None:
        """Give everything back; what is to go out has half a second. May be called again."""
        taps, self.taps = self.taps, []

        for tap in taps:
            tap.close()

        self.context.term()


def check(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()[:CHECK_BYTES]


def z85_decode(text: bytes) -> bytes:
    from zmq.utils import z85

    return z85.decode(text)
