"""NTP servers that lie, break the protocol, or stay silent, on a port of the loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from typing import cast

from hagworm.extend.ntp.packet import SERVER, Packet
from hagworm.extend.ntp.timestamp import NANO, from_unix_ns

__all__ = ("Conduct", "Rogue", "answer", "run_rogue")

JUNK = 50
"""How many forged packets are sent in one turn of the loop."""


@dataclass(frozen=True, slots=True)
class Conduct:
    """How a server behaves; one that says nothing else tells the truth."""

    offset: float = 0.0
    """Seconds by which its clock is ahead."""
    drift: float = 0.0
    """Seconds by which its clock gains in each second."""
    stratum: int = 2
    leap: int = 0
    kiss: str = ""
    poll: int = 6
    origin: str = "right"
    """`right`, `zero`, `wrong`, or `replayed`: the one of the request before."""
    mode: int = SERVER
    version: int = 4
    lag: float = 0.0
    """Seconds that an answer waits on its way back."""
    silent: bool = False
    other_port: bool = False
    """Whether the answer comes from a port that was not asked."""
    backwards: bool = False
    """Whether it says that it answered before it was asked."""
    timeless: bool = False
    """Whether it leaves out its time."""
    forged: int = 0
    """How many forged packets come before each answer."""
    size: int = 48
    root_delay: float = 0.0
    root_dispersion: float = 0.0

    def __str__(self) -> str:
        said = {item.name: getattr(self, item.name) for item in fields(self)}
        return " ".join(f"{item.name}={said[item.name]}" for item in fields(self) if said[item.name] != item.default)


def answer(request: Packet, conduct: Conduct, now_ns: int, began_ns: int, last_origin: int = 0) -> Packet:
    """Return what a server of that conduct answers at `now_ns`; `began_ns` is when its clock was right."""
    wrong = conduct.offset + conduct.drift * (now_ns - began_ns) / NANO
    shown_ns = now_ns + round(wrong * NANO)
    origins = {
        "right": request.transmit,
        "zero": 0,
        "wrong": request.transmit ^ 1,
        "replayed": last_origin,
    }
    packet = Packet(
        flags=conduct.leap << 6 | conduct.version << 3 | conduct.mode,
        stratum=conduct.stratum,
        poll=conduct.poll,
        precision=-20,
        root_delay_raw=round(conduct.root_delay * 65536),
        root_dispersion_raw=round(conduct.root_dispersion * 65536),
        reference_id=b"TEST",
        reference=from_unix_ns(shown_ns - NANO),
        origin=origins[conduct.origin],
        receive=from_unix_ns(shown_ns + (NANO if conduct.backwards else 0)),
        transmit=from_unix_ns(shown_ns),
    )

    if conduct.kiss:
        packet = packet._replace(flags=packet.flags | 0xC0, stratum=0, reference_id=conduct.kiss.encode())

    return packet._replace(receive=0, transmit=0) if conduct.timeless else packet


class Rogue(asyncio.DatagramProtocol):
    """A server whose conduct can be changed at any time; `requests` counts what it was asked."""

    def __init__(self, conduct: Conduct, now_ns: Callable[[], int]) -> None:
        self.conduct = conduct
        self.now_ns = now_ns
        self.began_ns = now_ns()
        self.requests = 0
        self.moments: list[float] = []
        """When it was asked, by the loop's time."""
        self.last_origin = 0
        self.port = 0
        self.forgers: set[asyncio.Task[None]] = set()
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def behave(self, **conduct: object) -> None:
        """Change what the server does, from now on."""
        self.conduct = replace(self.conduct, **conduct)  # type: ignore[arg-type]  # names as in Conduct
        self.began_ns = self.now_ns()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.requests += 1
        loop = asyncio.get_running_loop()
        self.moments.append(loop.time())
        request = Packet.parse(data)
        conduct = self.conduct

        if conduct.silent:
            return

        reply = answer(request, conduct, self.now_ns(), self.began_ns, self.last_origin).build()
        reply = reply[: conduct.size] + bytes(max(0, conduct.size - len(reply)))
        self.last_origin = request.transmit

        if conduct.forged:
            forger = loop.create_task(self.forge(request, conduct, reply, addr))
            self.forgers.add(forger)
            forger.add_done_callback(self.forgers.discard)
        elif conduct.lag:
            loop.call_later(conduct.lag, self.send, reply, addr)
        else:
            self.send(reply, addr)

    async def forge(self, request: Packet, conduct: Conduct, reply: bytes, addr: tuple[str, int]) -> None:
        """Send what somebody forges who knows address and port and not the request; then the answer."""
        lie = answer(request, replace(conduct, offset=3600.0), self.now_ns(), self.began_ns)

        for number in range(conduct.forged):
            self.send(lie._replace(origin=(request.transmit + 1 + number) % (1 << 64)).build(), addr)

            if number % JUNK == JUNK - 1:
                await asyncio.sleep(0)

        self.send(reply, addr)

    def send(self, reply: bytes, addr: tuple[str, int]) -> None:
        if self.conduct.other_port:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
                elsewhere.sendto(reply, addr)
        elif not self.transport.is_closing():
            self.transport.sendto(reply, addr)


@asynccontextmanager
async def run_rogue(now_ns: Callable[[], int], conduct: Conduct | None = None) -> AsyncIterator[Rogue]:
    """Run a server of that conduct, whose clock is `now_ns`, on the running loop."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setblocking(False)
    udp.bind(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()
    transport, rogue = await loop.create_datagram_endpoint(lambda: Rogue(conduct or Conduct(), now_ns), sock=udp)

    try:
        yield rogue
    finally:
        for forger in list(rogue.forgers):
            forger.cancel()

        await asyncio.gather(*rogue.forgers, return_exceptions=True)
        transport.abort()
        await rogue.closed.wait()
