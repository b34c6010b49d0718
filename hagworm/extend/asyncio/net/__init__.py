"""Talking to other machines: HTTP, downloads, TLS, mail, framed and plain sockets."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.asyncio.net.client import HTTPClient as HTTPClient
    from hagworm.extend.asyncio.net.download import download as download
    from hagworm.extend.asyncio.net.download import spool as spool
    from hagworm.extend.asyncio.net.mail import Mailer as Mailer
    from hagworm.extend.asyncio.net.response import Response as Response
    from hagworm.extend.asyncio.net.response import StreamedResponse as StreamedResponse
    from hagworm.extend.asyncio.net.tls import server_context as server_context
    from hagworm.extend.asyncio.net.tls import tls_context as tls_context
    from hagworm.extend.asyncio.net.upload import Upload as Upload
    from hagworm.extend.net.letter import Attachment as Attachment
    from hagworm.extend.net.letter import Letter as Letter
    from hagworm.extend.net.policy import URLPolicy as URLPolicy

SHELL = "hagworm.extend.asyncio.net"
CORE = "hagworm.extend.net"

# Loaded on first use: who opens a socket does not pay for HTTP.
HOMES = {
    "Attachment": f"{CORE}.letter",
    "HTTPClient": f"{SHELL}.client",
    "Letter": f"{CORE}.letter",
    "Mailer": f"{SHELL}.mail",
    "Response": f"{SHELL}.response",
    "StreamedResponse": f"{SHELL}.response",
    "URLPolicy": f"{CORE}.policy",
    "Upload": f"{SHELL}.upload",
    "download": f"{SHELL}.download",
    "server_context": f"{SHELL}.tls",
    "spool": f"{SHELL}.download",
    "tls_context": f"{SHELL}.tls",
}

__all__ = tuple(HOMES)


def __getattr__(name: str) -> Any:
    if (home := HOMES.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *HOMES})
