"""Laws of protocols: they are found by the scheme of a URL, and what they do is counted."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hagworm.extend.error import RequestFailed, StressError
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import Closed
from hagworm.frame.stress_tests.protocols import known_protocols, load_protocol
from hagworm.frame.stress_tests.protocols.http import Http
from hagworm.frame.stress_tests.protocols.ws import Socket
from hagworm.frame.stress_tests.seat import Desk, Seat
from hagworm.frame.stress_tests.tally import Tally
from hagworm.frame.stress_tests.target import Target, parse_target


def test_protocols_are_found_by_scheme() -> None:
    assert (load_protocol("http"), load_protocol("https")) == (Http, Http)
    assert (load_protocol("ws"), load_protocol("wss")) == (Socket, Socket)
    assert known_protocols() == ["http", "https", "ws", "wss"]


@pytest.mark.parametrize("scheme", ["gopher", "htp", "../x", ""])
def test_a_scheme_that_nobody_speaks_is_refused(scheme: str) -> None:
    with pytest.raises(StressError, match="no protocol for .*there are: http, https, ws, wss"):
        load_protocol(scheme)


def test_one_from_elsewhere_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "echo"

        def load(self) -> Any:
            return dict

    monkeypatch.setattr("hagworm.frame.stress_tests.protocols.entry_points", lambda **_: [Point()])

    assert load_protocol("echo") is dict
    assert "echo" in known_protocols()


async def talk(socket: ServerConnection) -> None:
    if socket.request is not None and socket.request.path == "/silent":
        await socket.wait_closed()
    elif socket.request is not None and socket.request.path == "/bye":
        await socket.close(1001)
    else:
        async for message in socket:
            await socket.send(message)


def seat_for(target: Target, timeout: float = 5.0) -> Seat:
    order = Order(target, (target.host, target.port), Closed(1, 1), timeout=timeout)
    return Seat(Desk(order, Tally()), 0)


def counted(seat: Seat) -> dict[str, tuple[int, dict[str, int]]]:
    lines = seat.desk.tally.drain(0).lines
    return {line.name: (line.successes, dict(line.failures)) for line in lines}


async def test_a_websocket_answers_and_is_counted() -> None:
    async with serve(talk, "127.0.0.1", 0) as server:
        target = parse_target(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat?room=1")
        seat = seat_for(target)

        async with Socket(seat, target) as socket:
            assert await socket.ask("hello") == "hello"
            assert await socket.ask(b"\x00\xff", name="bytes") == b"\x00\xff"
            await socket.send("x" * 100_000)
            assert len(await socket.receive()) == 100_000

    assert counted(seat) == {
        "connect /chat": (1, {}),
        "ask /chat": (1, {}),
        "bytes": (1, {}),
        "receive /chat": (1, {}),
    }


async def test_what_fails_on_a_websocket_is_counted_with_its_reason() -> None:
    async with serve(talk, "127.0.0.1", 0) as server:
        base = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        target = parse_target(f"{base}/silent")
        seat = seat_for(target, timeout=0.1)

        async with Socket(seat, target) as socket:
            with pytest.raises(RequestFailed, match="no message within 0.1 s"):
                await socket.ask("hello")

        async with Socket(seat, parse_target(f"{base}/bye")) as socket:
            with pytest.raises(RequestFailed, match="closed by the server: 1001"):
                await socket.receive()

    found = counted(seat)
    assert found["ask /silent"] == (0, {"no message within 0.1 s": 1})
    assert found["receive /bye"] == (0, {"closed by the server: 1001": 1})


async def test_a_server_without_websockets_is_counted_as_that() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    target = parse_target(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/chat")
    seat = seat_for(target)

    with pytest.raises(RequestFailed, match="no WebSocket: status 404"):
        async with Socket(seat, target):
            pass

    with pytest.raises(RequestFailed, match="no connection: Connection refused"):
        async with Socket(seat, parse_target("ws://127.0.0.1:1/")):
            pass

    server.close()
    await server.wait_closed()

    assert counted(seat)["connect /chat"] == (0, {"no WebSocket: status 404": 1})


async def test_a_socket_that_is_not_connected_says_how_to() -> None:
    target = parse_target("ws://127.0.0.1:1/")

    with pytest.raises(RequestFailed, match="async with"):
        await Socket(seat_for(target), target).receive()
