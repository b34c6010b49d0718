"""From names to addresses, and no connection to an address that nobody has looked at."""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hagworm.extend.error import URLRefused
from hagworm.extend.net.policy import URLPolicy

__all__ = ("Lookup", "Resolver", "lookup")

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host."""

LONGEST = 1000


async def lookup(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system knows them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Looks up hosts, and remembers what it found for `ttl` seconds.

    With a `policy` a host is refused as a whole when one of its addresses is, and `make_socket` is asked right before
    a connection is made: where what was looked up is no longer what is connected to, nothing is.
    """

    def __init__(self, policy: URLPolicy | None, *, lookup: Lookup = lookup, ttl: float = 10.0) -> None:
        self.policy = policy
        self.lookup = lookup
        self.ttl = ttl
        self.known: OrderedDict[tuple[str, int], tuple[float, list[str]]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Resolver {len(self.known)} hosts, {self.policy!r}>"

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host that may be connected to. Raises OSError and `URLRefused`."""
        now = asyncio.get_running_loop().time()
        end, found = self.known.get((host, port), (0.0, []))

        if end <= now:
            found = list(await self.lookup(host, port))

            if not found:
                raise OSError(socket.EAI_NONAME, f"{host} has no address")

            if self.policy is not None:
                for address in found:
                    self.policy.check_address(host, address)

            self.known[host, port] = now + self.ttl, found
            self.known.move_to_end((host, port))

            while len(self.known) > LONGEST:
                self.known.popitem(last=False)

        return found

    # The two methods that aiohttp asks for.

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[dict[str, Any]]:
        """Return the addresses of a host as aiohttp wants them."""
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": socket.IPPROTO_TCP,
                "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            }
            for address in await self.addresses(host, port)
            if family in (socket.AF_UNSPEC, socket.AF_INET6 if ":" in address else socket.AF_INET)
        ]

    async def close(self) -> None:
        """Forget everything."""
        self.known.clear()

    def make_socket(self, place: tuple[Any, ...]) -> socket.socket:
        """Return the socket for a connection to `place`, as `getaddrinfo` tells it. Raises `URLRefused`."""
        family, kind, protocol, _, address = place

        if self.policy is not None:
            if family not in (socket.AF_INET, socket.AF_INET6):
                raise URLRefused(str(address), "it is no address of the internet")

            self.policy.check_address(str(address[0]), str(address[0]))

        return socket.socket(family, kind, protocol)
