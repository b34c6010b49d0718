"""Laws of the WebSockets of a Tornado application behind the facade, on every engine."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from hagworm.facade.exchange import Closed
from hagworm.testing import HandshakeRefused
from tests.frame.tornado.neighbour import PLACES, Neighbour


@pytest.fixture(params=PLACES)
def neighbour(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[Neighbour]:
    """The application, wherever it stands."""
    caplog.set_level(logging.CRITICAL)
    yield Neighbour(request.param)


async def test_messages_go_both_ways(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client, client.websocket(f"{neighbour.prefix}/feed") as ws:
        for message in ("h\xe9", b"\x00\xff", "", b"", "x" * 100_000, b"x" * 300):
            await ws.send(message)
            assert await ws.receive() == message


async def test_the_handler_may_speak_first(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client, client.websocket(f"{neighbour.prefix}/feed?greet=1") as ws:
        assert await ws.receive() == "welcome"


async def test_the_answer_carries_what_the_facade_says(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client, client.websocket(f"{neighbour.prefix}/feed") as ws:
        assert [name for name, _ in ws.channel.headers].count(b"x-request-id") == 1
        assert b"server" not in [name for name, value in ws.channel.headers if value.startswith(b"Tornado")]


async def test_the_handler_chooses_among_the_subprotocols(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client:
        async with client.websocket(f"{neighbour.prefix}/feed", subprotocols=["other", "chat"]) as ws:
            assert ws.subprotocol == "chat"

        async with client.websocket(f"{neighbour.prefix}/feed", subprotocols=["other"]) as ws:
            assert ws.subprotocol is None


async def test_the_handler_may_refuse(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client:
        for path, headers, status in (
            ("/feed?refuse=1", {}, 401),
            ("/feed", {"origin": "http://evil"}, 403),
        ):
            with pytest.raises(HandshakeRefused) as caught:
                async with client.websocket(f"{neighbour.prefix}{path}", headers=headers):
                    pass

            assert caught.value.response.status == status


async def test_a_path_without_a_handler_is_404(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client:
        with pytest.raises(HandshakeRefused) as caught:
            async with client.websocket(f"{neighbour.prefix}/nothing"):
                pass

        assert caught.value.response.status == 404


async def test_the_handler_may_close(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client:
        async with client.websocket(f"{neighbour.prefix}/feed?bye=1") as ws:
            assert await ws.channel.receive() == Closed(4001, "enough")

        assert (await neighbour.note()).startswith("closed")


async def test_the_client_may_close(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client:
        async with client.websocket(f"{neighbour.prefix}/feed") as ws:
            await ws.close(4002, "done")

        assert await neighbour.note() == "closed 4002 done"


async def test_a_client_that_is_lost_is_noticed(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client:
        async with client.websocket(f"{neighbour.prefix}/feed") as ws:
            await ws.send("x")
            assert await ws.receive() == "x"
            ws.drop()

        assert await neighbour.note() == "closed None None"


async def test_a_ping_of_the_handler_is_answered(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client, client.websocket(f"{neighbour.prefix}/feed") as ws:
        await ws.send("ping")
        await ws.send("x")
        assert await ws.receive() == "x"
        assert await neighbour.note() == "pong there?"


async def test_a_handler_that_fails_ends_the_connection(neighbour: Neighbour) -> None:
    async with neighbour.serving() as client:
        async with client.websocket(f"{neighbour.prefix}/feed?fail=1") as ws:
            closed = await ws.channel.receive()
            assert isinstance(closed, Closed)
            assert closed.code in (1006, 1011)

        assert await neighbour.note() == "logged"


async def test_a_socket_is_told_when_the_service_stops() -> None:
    neighbour = Neighbour("tornado")

    async with neighbour.serving() as client:
        async with client.websocket("/feed") as ws:
            await ws.send("x")
            assert await ws.receive() == "x"
            stopping = asyncio.ensure_future(client.transport.close())
            assert await ws.channel.receive() == Closed(1012, "service restart")
            await stopping

        assert await neighbour.note() == "closed 1012 service restart"


async def test_extensions_are_tornados_where_the_stream_is() -> None:
    import tornado.websocket

    neighbour = Neighbour("tornado")

    class Compressed(tornado.websocket.WebSocketHandler):
        def get_compression_options(self) -> dict[str, int]:
            return {}

        def on_message(self, message: str | bytes) -> None:
            self.write_message(message)

    neighbour.application.add_handlers(".*", [("/compressed", Compressed)])

    async with neighbour.serving() as client:
        url = f"ws://{client.transport.authority}/compressed"
        connection = await tornado.websocket.websocket_connect(url, compression_options={})
        await connection.write_message("x" * 10_000)
        assert await connection.read_message() == "x" * 10_000
        assert connection.protocol._compressor is not None
        connection.close()
        assert await connection.read_message() is None
