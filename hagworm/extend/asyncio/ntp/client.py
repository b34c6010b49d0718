"""Asking one NTP server what time it is, over UDP."""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from hagworm.extend.asyncio.base.deadline import within
from hagworm.extend.error import DeadlineExceeded, KissOfDeath, NTPError
from hagworm.extend.ntp.packet import LONGEST, ORIGIN, Packet, build_request
from hagworm.extend.ntp.sample import DRIFT, Sample, check_reply, measure

__all__ = ("PORT", "NTPClient", "NTPClientStatistics", "read_server")

PORT = 123
BATCH = 64
"""How many packets are taken in one turn of the loop; a flood leaves room for others."""

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Address = tuple[socket.AddressFamily, SocketAddress]


@dataclass(frozen=True, slots=True)
class NTPClientStatistics:
    """What a client has asked, and got."""

    sent: int
    answers: int
    ignored: int
    """How many packets came that do not repeat what the request said: late ones, and forged ones."""
    timeouts: int
    kisses: int
    refused: int
    """How many answers, and errors of the network, were of no use."""


class NTPClient:
    """A client of one NTP server: `host`, a name or an address, and its UDP port.

    Each request goes out from a port of its own that is connected to the server's address, so that the system hands
    over nothing from elsewhere, and bears 64 random bits that the answer must repeat: forged packets change nothing,
    however many they are. The address of a name is looked up once, and again after a failure.

    `local_ns` is the local clock that is measured against, Unix time in nanoseconds; unless given, the system's time at
    the beginning of each request, so that nobody who sets the clock meanwhile spoils the measurement.
    """

    def __init__(
        self,
        host: str,
        port: int = PORT,
        *,
        version: int = 4,
        timeout: float = 5.0,
        local_ns: Callable[[], int] | None = None,
        drift: float = DRIFT,
    ) -> None:
        if not host or not 0 < port < 1 << 16:
            raise ValueError(
                f"a server has a name or an address, and a port from 1 to 65535, unlike {host!r}, {port!r}"
            )

        if version not in (3, 4):
            raise ValueError(f"a version of NTP is 3 or 4, not {version!r}")

        if not timeout > 0:
            raise ValueError(f"a timeout is a positive number of seconds, not {timeout!r}")

        self.host = host
        self.port = port
        self.version = version
        self.timeout = timeout
        self.local_ns = local_ns
        self.drift = drift
        self.addresses: list[Address] = []
        """Where the server is, the one that is used first; empty: not looked up yet."""
        self.sent = 0
        self.answers = 0
        self.ignored = 0
        self.timeouts = 0
        self.kisses = 0
        self.refused = 0

    def __repr__(self) -> str:
        return f"<NTPClient {self.server}, {self.answers} answers of {self.sent} requests>"

    @property
    def server(self) -> str:
        """Host and port, as `read_server` reads them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORT else f"{host}:{self.port}"

    async def query(self, *, timeout: float | None = None) -> Sample:
        """Ask once, and return what was measured; `timeout` seconds, those of the client unless given.

        Raises `DeadlineExceeded` where nothing comes that answers the request, `KissOfDeath` where the server sends us
        away, `NTPReplyError` where its answer is of no use and `NTPError` where it cannot be reached. A cancellation
        leaves nothing behind.
        """
        try:
            async with within(self.timeout if timeout is None else timeout):
                try:
                    return await self.exchange(*await self.resolve())
                except OSError as exc:
                    raise NTPError(f"{self.server} cannot be asked: {exc.strerror or exc}") from exc
        except DeadlineExceeded:
            self.timeouts += 1
            self.forget()
            raise
        except KissOfDeath:
            self.kisses += 1
            raise
        except NTPError:
            self.refused += 1
            self.forget()
            raise

    async def sample(self, count: int = 4, *, spacing: float = 2.0) -> Sample:
        """Ask `count` times, `spacing` seconds apart, and return the best: the one that can be wrong by the least.

        Requests that fail are left out, unless all do: then the last error is raised. `KissOfDeath` is raised at once.
        """
        if count < 1:
            raise ValueError(f"a measurement takes at least one request, not {count!r}")

        samples: list[Sample] = []
        error: NTPError | DeadlineExceeded | None = None

        for number in range(count):
            if number:
                await asyncio.sleep(spacing)

            try:
                samples.append(await self.query())
            except KissOfDeath:
                raise
            except (NTPError, DeadlineExceeded) as exc:
                error = exc

        if not samples and error is not None:
            raise error

        last_ns = samples[-1].moment_ns
        return min(samples, key=lambda sample: sample.distance(last_ns, drift=self.drift))

    def statistics(self) -> NTPClientStatistics:
        """Return what has been asked, and answered."""
        return NTPClientStatistics(self.sent, self.answers, self.ignored, self.timeouts, self.kisses, self.refused)

    async def resolve(self) -> Address:
        if not self.addresses:
            self.addresses = await look_up(self.host, self.port)

        return self.addresses[0]

    def forget(self) -> None:
        """Try the next address next time; look the name up again when there is none left."""
        del self.addresses[:1]

    async def exchange(self, family: socket.AddressFamily, address: SocketAddress) -> Sample:
        import secrets

        loop = asyncio.get_running_loop()
        local_ns = self.local_ns or steady_clock()
        nonce = secrets.randbits(64) or 1

        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.setblocking(False)
            udp.connect(address)
            exchange = Exchange(udp, nonce, local_ns, loop.create_future())
            loop.add_reader(udp, exchange.read)

            try:
                self.sent += 1
                sent_ns = local_ns()
                udp.send(build_request(nonce, version=self.version))
                data, came_ns = await exchange.reply
            finally:
                loop.remove_reader(udp)
                self.ignored += exchange.ignored

        packet = Packet.parse(data)
        check_reply(packet, nonce)
        sample = measure(packet, sent_ns, came_ns, drift=self.drift)
        self.answers += 1
        return sample


class Exchange:
    """The reading side of one request: takes the packet that repeats the nonce, and no other."""

    __slots__ = ("ignored", "local_ns", "origin", "reply", "udp")

    def __init__(
        self,
        udp: socket.socket,
        nonce: int,
        local_ns: Callable[[], int],
        reply: "asyncio.Future[tuple[bytes, int]]",
    ) -> None:
        self.udp = udp
        self.origin = nonce.to_bytes(8, "big")
        self.local_ns = local_ns
        self.reply = reply
        self.ignored = 0

    def read(self) -> None:
        for _ in range(BATCH):
            if self.reply.done():
                return

            try:
                data = self.udp.recv(LONGEST + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as exc:
                self.reply.set_exception(exc)
                return

            came_ns = self.local_ns()

            if data[ORIGIN] == self.origin:
                self.reply.set_result((data, came_ns))
            else:
                self.ignored += 1


def steady_clock() -> Callable[[], int]:
    """Return a clock that shows the system's time now and goes on from there, whoever sets the system's clock."""
    anchor_ns = time.time_ns() - time.monotonic_ns()
    return lambda: anchor_ns + time.monotonic_ns()


def read_server(text: str) -> tuple[str, int]:
    """Return the host and the port of `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address.

    Raises ValueError for anything else.
    """
    host, port = text, ""

    if text.startswith("["):
        host, closed, port = text[1:].partition("]")

        if not closed or (port and not port.startswith(":")):
            raise ValueError(f"an address in brackets ends with ] or ]:port, unlike {text!r}")

        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")

    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 1 << 16)):
        raise ValueError(f"a server is host, host:port or [IPv6]:port, unlike {text!r}")

    return host, int(port) if port else PORT


async def look_up(host: str, port: int) -> list[Address]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        return [(family, where) for family, _, _, _, where in found]

    return [(socket.AF_INET if address.version == 4 else socket.AF_INET6, (host, port))]
