"""Laws of the facade behind a server that Tornado reads for: the contract, but for what its parser decides."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from hagworm import App, Request
from hagworm.frame.tornado import ENGINE
from hagworm.testing import Connection
from hagworm.testing.websocket import RawWebSocket
from tests.contract.expected import Row
from tests.contract.rows import ROWS
from tests.contract.script import Stage, brief
from tests.frame.tornado.service import ask, make_app, note

DECLARED = {
    "B40": "400 closed",
    "B44": "400 closed",
    "H8": "400 closed",
    "H10": "200 kept",
    "H15": "400 closed",
    "H22-2.0": "400 closed",
}
"""What the parser of Tornado decides otherwise, in brief."""


@asynccontextmanager
async def serving(app: App, **options: Any) -> AsyncIterator[int]:
    """Run the server that a service of its own would run, and return its port."""
    runtime = app.freeze()
    await runtime.startup()
    delegate = ENGINE.build(app)
    server = HTTPServer(delegate, **options)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)

    try:
        yield sockets[0].getsockname()[1]
    finally:
        server.stop()
        runtime.start_draining()
        await runtime.drained(1)
        await server.close_all_connections()
        await delegate.close()
        await runtime.shutdown()


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
async def test_row(row: Row) -> None:
    from tests.contract.application import app

    async with serving(app) as port:

        async def connect() -> Connection:
            return await Connection.open("127.0.0.1", port)

        transcript = await Stage(connect, f"{row.id}-delegate").play(row.steps)

    if (declared := DECLARED.get(row.id)) is not None:
        assert row.tier != "A"
        assert brief(transcript) == declared
    else:
        assert row.matches(transcript), transcript


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a key and a certificate that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + signed.public_bytes(serialization.Encoding.PEM))
    return path


async def test_it_speaks_tls_where_the_server_does(certificate: Path) -> None:
    app = make_app()

    @app.get("/scheme")
    async def scheme(request: Request) -> list[object]:
        return [request.scheme, request.exchange.peer is not None, request.exchange.local is not None]

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    client = ssl.create_default_context()
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE

    async with serving(app, ssl_options=server) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.write(b"GET /scheme HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(19) == b'["https",true,true]'
        writer.write(
            b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\nConnection: close\r\n\r\n" + b"x" * 300000
        )
        answer = await reader.read()
        assert answer.endswith(b"x" * 300000)
        writer.close()
        await writer.wait_closed()


async def test_a_body_is_taken_as_it_is_read_and_not_before() -> None:
    app = make_app(body=None)

    async with serving(app) as port, await Connection.open("127.0.0.1", port) as connection:
        await ask(connection, "/slow", "Content-Length: 3000000", method="POST")
        pushing = asyncio.ensure_future(connection.send(b"x" * 3_000_000))
        first = int(await note(app))
        await asyncio.sleep(0.1)
        assert app.state.notes.empty()
        app.state.gate.set()
        assert (await connection.read_response("POST")).body == b'"3000000"'
        assert await pushing
        assert first <= 300_000


async def test_a_client_that_leaves_is_noticed() -> None:
    app = make_app()

    async with serving(app) as port:
        async with await Connection.open("127.0.0.1", port) as connection:
            await ask(connection, "/gone")
            assert await note(app) == "waiting"

        assert await note(app) == "gone"

        async with await Connection.open("127.0.0.1", port) as connection:
            await ask(connection, "/slow", "Content-Length: 10", method="POST")
            await connection.send(b"half")
            assert await note(app) == "4"

        app.state.gate.set()
        assert await note(app) == "left"


async def test_messages_that_nobody_receives_stay_with_the_client() -> None:
    app = make_app(ws_queue=4)

    async with serving(app) as port, await Connection.open("127.0.0.1", port) as connection:
        websocket = await RawWebSocket.open(connection, b"/hold", [(b"host", b"a")])
        assert await note(app) == "open"
        sending = asyncio.gather(*(websocket.send(b"x" * 1000) for _ in range(100)))
        await sending
        await websocket.close(1000, "")
        app.state.gate.set()

        assert [await note(app) for _ in range(100)] == ["1000"] * 100
        assert await note(app) == "closed 1000"


async def test_a_message_that_is_too_big_can_be_told_so_while_it_is_being_sent() -> None:
    app = make_app(ws_message=1000)

    async with serving(app) as port, await Connection.open("127.0.0.1", port) as connection:
        websocket = await RawWebSocket.open(connection, b"/echo", [(b"host", b"a")])
        sending = asyncio.ensure_future(websocket.send(b"x" * 3_000_000))
        closed = await websocket.receive()

        assert not isinstance(closed, (str, bytes))
        assert closed.code == 1009
        await sending
        await connection.ended()
