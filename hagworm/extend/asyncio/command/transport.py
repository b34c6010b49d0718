"""Where main process and children meet, chosen by the scheme of a URL."""

from collections.abc import Callable
from typing import Any, Protocol

from hagworm.extend.asyncio.command.peer import Link
from hagworm.extend.error import ConfigError

__all__ = ("SCHEMES", "Host", "connect", "open_host")

SCHEMES = ("unix", "zmq+ipc", "zmq+tcp")

Take = Callable[[Any, bytes], None]
Lose = Callable[[Any], None]


class Host(Protocol):
    """The main process's end of all links."""

    @property
    def given(self) -> dict[str, Any]:
        """What a child has to know to find it, and to be let in."""

    @property
    def tells_loss(self) -> bool:
        """Whether the end of a link is noticed here; else that of the process has to do."""

    async def open(self) -> None:
        """Let children in."""

    async def aclose(self) -> None:
        """End all links, and leave nothing behind."""


def open_host(url: str, knows: Callable[[int], bool], take: Take, lose: Lose) -> Host:
    """Return a host for that URL: `unix:`, `zmq+ipc:` or `zmq+tcp://address[:port]`.

    `knows` says whether a process id is that of a child; `take` is given each message with its link, `lose` each link
    that has ended. Raises `ConfigError` for another scheme.
    """
    scheme, _, rest = url.partition(":")

    if scheme == "unix" and not rest:
        from hagworm.extend.asyncio.command.unix import UnixHost

        return UnixHost(knows, take, lose)

    if (scheme == "zmq+ipc" and not rest) or (scheme == "zmq+tcp" and rest.startswith("//")):
        from hagworm.extend.asyncio.command.zeromq import ZmqHost

        return ZmqHost(url, take)

    raise ConfigError(f"no children are met at {url!r}: unix:, zmq+ipc: and zmq+tcp://127.0.0.1 are known")


async def connect(given: dict[str, Any], take: Take, lose: Lose) -> Link:
    """Return the link of a child to the host that has `given` this."""
    if given["url"].startswith("unix:"):
        from hagworm.extend.asyncio.command.unix import connect_unix

        return await connect_unix(given, take, lose)

    from hagworm.extend.asyncio.command.zeromq import connect_zmq

    return connect_zmq(given, take)
