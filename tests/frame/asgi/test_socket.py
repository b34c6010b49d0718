"""WebSockets over every ASGI server, on real sockets."""

import asyncio
from typing import Any

import pytest

from hagworm.facade.exchange import ClientDisconnected, Closed
from hagworm.facade.limits import Limits
from hagworm.testing import HandshakeRefused, RawWebSocket
from hagworm.testing.frames import BINARY, CLOSE, TEXT, encode_close
from hagworm.testing.websocket import handshake_request
from tests.frame.asgi.play import Listening, Play, listening, text, until

HOST = [(b"host", b"a")]


class Talk:
    """What the handler has received, to its end."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    async def listen(self, exchange: Any) -> None:
        await exchange.accept(None, [])

        while not isinstance(message := await exchange.recv(), Closed):
            self.heard.append(message)

        self.heard.append(message)
        self.heard.append(await exchange.recv())


async def join(place: Listening, target: bytes = b"/ws", **options: Any) -> RawWebSocket:
    connection = await place.connect()

    try:
        return await RawWebSocket.open(connection, target, HOST, **options)
    except HandshakeRefused:
        connection.close()
        raise


async def test_the_handshake_shows_the_head_and_takes_headers(server: str) -> None:
    heads: list[Any] = []

    async def act(exchange: Any) -> None:
        heads.append((exchange.path, exchange.query, exchange.scheme, list(exchange.subprotocols), exchange.has_native))
        await exchange.accept("b", [(b"x-a", b"1")])
        await exchange.recv()

    async with listening(Play(text, act), server) as place:
        socket = await join(place, b"/w%2Fs?x=1", subprotocols=("a", "b"))
        # granian has no headers for a handshake that is accepted (declared, W14).
        assert (socket.subprotocol, (b"x-a", b"1") in list(socket.headers)) == ("b", server != "granian")
        socket.connection.close()

    assert heads == [(b"/w%2Fs", b"x=1", "http", ["a", "b"], False)]


async def test_messages_go_both_ways(server: str) -> None:
    async def act(exchange: Any) -> None:
        await exchange.accept(None, [])

        while not isinstance(message := await exchange.recv(), Closed):
            await exchange.send(message)

    async with listening(Play(text, act), server) as place:
        socket = await join(place)

        for opcode, payload in ((TEXT, "grüß".encode()), (BINARY, b"\xff\x00"), (TEXT, b""), (BINARY, b"")):
            await socket.send_frame(opcode, payload)
            frame = await socket.receive_frame()
            assert (frame.opcode, frame.payload) == (opcode, payload)

        socket.connection.close()


async def test_a_handshake_is_refused_with_a_response(server: str) -> None:
    async def act(exchange: Any) -> None:
        assert "ws_reject_body" in exchange.caps
        await exchange.reject(401, [(b"content-length", b"2"), (b"x-a", b"1")], b"no")

    async with listening(Play(text, act), server) as place:
        with pytest.raises(HandshakeRefused) as refusal:
            await join(place)

    response = refusal.value.response
    assert (response.status, response.body, response.headers["x-a"]) == (401, b"no", "1")


async def test_the_servers_close_reaches_the_client(server: str) -> None:
    ended: list[Any] = []

    async def act(exchange: Any) -> None:
        await exchange.accept(None, [])
        await exchange.close(4001, "bye")
        await exchange.close(1000, "again")
        ended.append(await exchange.recv())

        with pytest.raises(ClientDisconnected):
            await exchange.send("late")

    async with listening(Play(text, act), server) as place:
        socket = await join(place)
        frame = await socket.receive_frame()
        assert (frame.opcode, frame.payload) == (CLOSE, encode_close(4001, "bye"))
        await socket.send_frame(CLOSE, encode_close(4001, ""))
        await until(lambda: bool(ended))
        socket.connection.close()

    assert ended == [Closed(4001, "bye")]


async def test_a_close_from_elsewhere_ends_a_waiting_receiver(server: str) -> None:
    """Draining closes WebSockets whose handlers wait for messages."""
    ended: list[Any] = []
    exchanges: list[Any] = []

    async def act(exchange: Any) -> None:
        await exchange.accept(None, [])
        exchanges.append(exchange)
        ended.append(await exchange.recv())

    async with listening(Play(text, act), server) as place:
        socket = await join(place)
        await until(lambda: bool(exchanges))
        await exchanges[0].close(1012, "service restart")
        frame = await socket.receive_frame()
        assert frame.payload[:2] == (1012).to_bytes(2, "big")
        await socket.send_frame(CLOSE, encode_close(1012, ""))
        await until(lambda: bool(ended))
        socket.connection.close()

    assert ended == [Closed(1012, "service restart")]


async def test_the_clients_close_code_is_told(server: str) -> None:
    talk = Talk()

    async with listening(Play(text, talk.listen), server) as place:
        socket = await join(place)
        await socket.send_frame(TEXT, b"one")
        await socket.send_frame(CLOSE, encode_close(4002, "x"))
        await until(lambda: len(talk.heard) == 3)
        socket.connection.close()

    one, end, again = talk.heard
    # hypercorn says 1006 for every end (declared, W19); only uvicorn tells the reason.
    assert (one, end.code) == ("one", 1006 if server == "hypercorn" else 4002)
    assert again == end


async def test_a_lost_connection_is_1006(server: str) -> None:
    talk = Talk()

    async with listening(Play(text, talk.listen), server) as place:
        socket = await join(place)
        await socket.send_frame(TEXT, b"one")
        await until(lambda: talk.heard == ["one"])
        socket.connection.reset()
        await until(lambda: len(talk.heard) == 3)

    assert talk.heard[1:] == [Closed(1006), Closed(1006)]


async def test_a_message_larger_than_the_limit_ends_the_connection(server: str) -> None:
    talk = Talk()

    async with listening(Play(text, talk.listen, limits=Limits(ws_message=1000)), server) as place:
        socket = await join(place)
        await socket.send_frame(BINARY, b"x" * 1001)

        if server == "granian":
            # Its bound is fixed at 16 MiB; the facade checks again (W28).
            await until(lambda: bool(talk.heard))
        else:
            assert (await socket.receive_frame()).payload[:2] == (1009).to_bytes(2, "big")

        socket.connection.close()
        await until(lambda: isinstance(talk.heard[-1:] and talk.heard[-1], Closed))


async def test_extensions_are_not_offered(server: str) -> None:
    """permessage-deflate multiplies memory, so it is off everywhere it can be."""

    async def act(exchange: Any) -> None:
        await exchange.accept(None, [])
        await exchange.recv()

    async with listening(Play(text, act), server) as place:
        connection = await place.connect()
        headers = [*HOST, (b"sec-websocket-extensions", b"permessage-deflate")]
        socket = await RawWebSocket.open(connection, b"/", headers)
        offered = [value for name, value in socket.headers if name == b"sec-websocket-extensions"]
        assert bool(offered) is (server == "hypercorn")
        connection.close()


async def test_a_client_that_leaves_during_the_handshake_is_noticed(server: str) -> None:
    found: list[Any] = []
    reached, left = asyncio.Event(), asyncio.Event()

    async def act(exchange: Any) -> None:
        reached.set()
        await left.wait()

        try:
            await exchange.accept(None, [])
            found.append(await exchange.recv())
        except ClientDisconnected as exc:
            found.append(exc)

    async with listening(Play(text, act), server) as place:
        connection = await place.connect()
        await connection.send(handshake_request(b"/", HOST))
        await reached.wait()
        connection.reset()
        left.set()
        await until(lambda: bool(found))

    assert isinstance(found[0], ClientDisconnected) or found[0].code == 1006
