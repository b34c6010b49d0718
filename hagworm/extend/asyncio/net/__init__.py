"""Talking to other machines: HTTP, downloads, TLS, mail, framed and plain sockets."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.asyncio.net.client import HTTPClient as HTTPClient
    from hagworm.extend.asyncio.net.connection import FramedConnection as FramedConnection
    from hagworm.extend.asyncio.net.connection import connect as connect
    from hagworm.extend.asyncio.net.datagram import DatagramEndpoint as DatagramEndpoint
    from hagworm.extend.asyncio.net.datagram import open_datagram as open_datagram
    from hagworm.extend.asyncio.net.mail import Mailer as Mailer
    from hagworm.extend.asyncio.net.reconnecting import ReconnectingClient as ReconnectingClient
    from hagworm.extend.asyncio.net.response import Response as Response
    from hagworm.extend.asyncio.net.response import StreamedResponse as StreamedResponse
    from hagworm.extend.asyncio.net.server import FramedServer as FramedServer
    from hagworm.extend.asyncio.net.server import private_folder as private_folder
    from hagworm.extend.asyncio.net.tls import pin_of as pin_of
    from hagworm.extend.asyncio.net.tls import server_context as server_context
    from hagworm.extend.asyncio.net.tls import tls_context as tls_context
    from hagworm.extend.asyncio.net.transfer import download as download
    from hagworm.extend.asyncio.net.transfer import fetch_by as fetch_by
    from hagworm.extend.asyncio.net.transfer import spool as spool
    from hagworm.extend.asyncio.net.upload import Upload as Upload
    from hagworm.extend.net.framing import Delimited as Delimited
    from hagworm.extend.net.framing import LengthPrefixed as LengthPrefixed
    from hagworm.extend.net.framing import MagicLength as MagicLength
    from hagworm.extend.net.framing import VarintPrefixed as VarintPrefixed
    from hagworm.extend.net.letter import Attachment as Attachment
    from hagworm.extend.net.letter import Letter as Letter
    from hagworm.extend.net.policy import URLPolicy as URLPolicy

SHELL = "hagworm.extend.asyncio.net"
CORE = "hagworm.extend.net"

# Loaded on first use: who opens a socket does not pay for HTTP.
HOMES = {
    "Attachment": f"{CORE}.letter",
    "DatagramEndpoint": f"{SHELL}.datagram",
    "Delimited": f"{CORE}.framing",
    "FramedConnection": f"{SHELL}.connection",
    "FramedServer": f"{SHELL}.server",
    "HTTPClient": f"{SHELL}.client",
    "LengthPrefixed": f"{CORE}.framing",
    "Letter": f"{CORE}.letter",
    "MagicLength": f"{CORE}.framing",
    "Mailer": f"{SHELL}.mail",
    "ReconnectingClient": f"{SHELL}.reconnecting",
    "Response": f"{SHELL}.response",
    "StreamedResponse": f"{SHELL}.response",
    "URLPolicy": f"{CORE}.policy",
    "Upload": f"{SHELL}.upload",
    "VarintPrefixed": f"{CORE}.framing",
    "connect": f"{SHELL}.connection",
    "download": f"{SHELL}.transfer",
    "fetch_by": f"{SHELL}.transfer",
    "open_datagram": f"{SHELL}.datagram",
    "pin_of": f"{SHELL}.tls",
    "private_folder": f"{SHELL}.server",
    "server_context": f"{SHELL}.tls",
    "spool": f"{SHELL}.transfer",
    "tls_context": f"{SHELL}.tls",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
