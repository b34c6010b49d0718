"""R50, the part about URLs: no connection to an address that is not public, however a URL says it."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hagworm.extend.asyncio.net.client import HTTPClient
from hagworm.extend.error import URLRefused
from hagworm.extend.net.policy import URLPolicy
from tests.chaos.bar import Bar, main

PROMISE = "none of 60 URLs that lead to this machine or its network makes a client connect to it"

LITERAL = (
    "127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 017700000001 0x7f000001 0x7f.1 0x7f.0.0.1 0177.0.0.1 "
    "0177.1 127.0.0.1. 0 0.0.0.0 00.0.0.0 10.0.0.1 10.1 167772161 0xa000001 172.16.0.1 192.168.0.1 192.168.257 "
    "169.254.169.254 2852039166 0xa9fea9fe 0251.0376.0251.0376 169.254.43518 100.64.0.1 100.100.100.200 "
    "198.18.0.1 192.0.0.192 224.0.0.1 255.255.255.255 "
    "[::1] [::] [0:0:0:0:0:0:0:1] [::127.0.0.1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:169.254.169.254] "
    "[::ffff:0:127.0.0.1] [64:ff9b::127.0.0.1] [64:ff9b::a9fe:a9fe] [64:ff9b:1::1] [2002:7f00:1::] [2002:a9fe:a9fe::1] "
    "[2001:0:7f00:1::] [fd00:ec2::254] [fe80::1] [fe80::1%251] [fec0::1] [2606:4700::5efe:7f00:1]"
).split()

NAMED = {
    "a name of this machine": "localhost",
    "a name below it": "a.localhost.",
    "a name of this network": "metadata.google.internal",
    "digits of another alphabet": "①②⑦.⓪.⓪.①",
    "dots of another alphabet": "127。0。0。1",
}

TRICKS = {
    "a user name that looks like a host": "http://example.org@127.0.0.1:{port}/",
    "a backslash": "http://example.org\\@127.0.0.1:{port}/",
    "a fragment that looks like a user name": "http://127.0.0.1:{port}#@example.org/",
    "a tab": "http://127.0.0.1\t:{port}/",
    "another scheme": "gopher://127.0.0.1:{port}/",
    "a file": "file:///etc/passwd",
}

POISONED = {
    "a name that is local": ["127.0.0.1"],
    "a name that is public and local": ["93.184.216.34", "127.0.0.1"],
    "a name that is mapped": ["::ffff:127.0.0.1"],
    "a name that is translated": ["64:ff9b::7f00:1"],
    "a name of the metadata service": ["169.254.169.254"],
    "a name without a meaning": ["not an address"],
}


class Watch:
    """Counts the connections that are tried, and lets none out of this machine."""

    def __init__(self) -> None:
        self.tried: list[Any] = []

    @contextmanager
    def over(self, client: HTTPClient) -> Iterator[None]:
        make = client.resolver.make_socket

        def make_socket(place: tuple[Any, ...]) -> socket.socket:
            made = make(place)  # what is refused is not tried
            self.tried.append(place[4])
            made.close()
            raise OSError("nothing leaves this machine in a test")

        client.resolver.make_socket = make_socket  # type: ignore[method-assign]  # to watch it
        yield


def cases(port: int) -> Iterator[tuple[str, str, list[str] | None]]:
    for host in LITERAL:
        yield host, f"http://{host}:{port}/", None

    for name, host in NAMED.items():
        yield name, f"http://{host}:{port}/", None

    for name, url in TRICKS.items():
        yield name, url.format(port=port), None

    for name, addresses in POISONED.items():
        yield name, f"http://rebind.example:{port}/", addresses


async def ask(url: str, addresses: list[str] | None, watch: Watch) -> BaseException | None:
    async def lookup(host: str, port: int) -> list[str]:
        if addresses is not None:
            return addresses

        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return [str(entry[4][0]) for entry in found]

    async with HTTPClient(policy=URLPolicy(ports=None), lookup=lookup, retry=None, timeout=5) as client:
        with watch.over(client):
            try:
                await client.get(url)
            except Exception as error:
                return error

    return None


async def redirect(to: str, watch: Watch) -> BaseException | None:
    """Ask a public server, which stands on this machine for that, and be sent to `to`."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    policy = URLPolicy(ports=None, networks=["127.0.0.1/32"])

    try:
        async with HTTPClient(policy=policy, retry=None, timeout=5) as client:
            try:
                await client.get(f"http://127.0.0.1:{port}/")
            except Exception as error:
                return error
    finally:
        server.close()
        await server.wait_closed()

    return None


def run(bar: Bar) -> None:
    """Ask each URL, directly, and the literal ones after a redirection too."""
    watch = Watch()

    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as victim:
        victim.setblocking(False)
        port = victim.getsockname()[1]
        everything = list(cases(port))
        bar.random.shuffle(everything)

        for name, url, addresses in everything:
            with bar.trial(name) as trial:
                error = asyncio.run(ask(url, addresses, watch))
                trial.note(url=url, error=repr(error))
                trial.expect(isinstance(error, URLRefused), f"was refused, and not {error!r}")

        redirected = [host for host in LITERAL if host not in ("127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]")]

        for host in redirected if bar.is_long else bar.random.sample(redirected, 8):
            with bar.trial(f"redirected to {host}") as trial:
                error = asyncio.run(redirect(f"http://{host}:{port}/", watch))
                trial.expect(isinstance(error, URLRefused), f"was refused, and not {error!r}")

        with bar.trial("what came of it") as trial:
            trial.note(urls=len(everything), tried=watch.tried)
            trial.expect(len(everything) >= 60, "there are 60 URLs")
            trial.expect(not watch.tried, "no connection was tried")

            try:
                victim.accept()[0].close()
            except BlockingIOError:
                pass
            else:
                trial.expect(False, "nobody connected to this machine")

        with bar.trial("a public address is let through") as trial:
            error = asyncio.run(ask(f"http://93.184.216.34:{port}/", None, watch))
            trial.expect(len(watch.tried) == 1 and not isinstance(error, URLRefused), "it was tried")


if __name__ == "__main__":
    main(__file__, PROMISE, run)
