"""What every server does when it is told to stop."""

import asyncio
import socket
from typing import Any

import pytest

from hagworm.facade.exchange import Closed
from hagworm.frame.asgi.ports import ports_of
from hagworm.testing import RawWebSocket, StreamEnded
from tests.frame.asgi.play import Play, listening, serving, text, turns, until

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Gate:
    """A handler that waits until the test lets it answer."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def act(self, exchange: Any) -> None:
        self.reached.set()
        await self.opened.wait()
        await text(exchange, "late", headers=[(b"connection", b"close")])


async def test_it_says_who_it_is_and_where(server: str) -> None:
    async with listening(Play(), server) as place:
        assert tuple(place.listener.ports) == (place.port,)
        name: str = place.listener.server_name  # type: ignore[attr-defined]  # not of every listener
        assert name.split()[0] == server.partition("-")[0]


async def test_the_server_header_is_there_where_one_is_wanted(server: str) -> None:
    async with listening(Play(), server, server_header="orders") as place:
        assert (await place.ask(GET)).headers.all("server") == ["orders"]

    async with listening(Play(), server) as place:
        # granian cannot be told to keep silent.
        assert (await place.ask(GET)).headers.all("server") == (["granian"] if server == "granian" else [])


async def test_no_new_connections_are_taken_but_the_open_ones_live_on(server: str) -> None:
    gate = Gate()

    async with listening(Play(gate.act), server) as place, await place.connect() as connection:
        await connection.send(GET)
        await gate.reached.wait()
        assert place.listener.connections == 1
        place.listener.stop_accepting()
        place.listener.stop_accepting()

        async def refused() -> bool:
            try:
                (await place.connect()).close()
            except ConnectionRefusedError:
                return True

            return False

        async with asyncio.timeout(5):
            while not await refused():
                await asyncio.sleep(0.001)

        gate.opened.set()
        assert (await connection.read_response()).body == b"late"
        assert await connection.ended()
        await until(lambda: place.listener.connections == 0)


async def test_idle_connections_are_closed_and_busy_ones_answered(server: str) -> None:
    gate = Gate()

    async def act(exchange: Any) -> None:
        await (gate.act(exchange) if exchange.path == b"/busy" else text(exchange))

    async with listening(Play(act), server) as place:
        idle, busy = await place.connect(), await place.connect()
        await idle.send(GET)
        await idle.read_response()
        await busy.send(b"GET /busy HTTP/1.1\r\nHost: a\r\n\r\n")
        await gate.reached.wait()
        place.listener.stop_accepting()
        place.listener.close_idle()
        assert await idle.ended()
        gate.opened.set()
        assert (await busy.read_response()).body == b"late"
        assert await busy.ended()
        idle.close()
        busy.close()


@pytest.mark.parametrize("server", ["uvicorn", "uvicorn-plain", "uvicorn-h11"])
async def test_a_connection_on_which_a_request_begins_is_not_idle(server: str) -> None:
    """granian and hypercorn close what has not brought a whole head."""
    async with listening(Play(), server) as place, await place.connect() as connection:
        await connection.send(GET)
        await connection.read_response()
        await connection.send(GET[:10])
        # Read by the server by then, or still in its socket: both count.
        await turns()
        place.listener.close_idle()
        await connection.send(GET[10:])
        assert (await connection.read_response()).status == 200


async def test_kill_leaves_nothing(server: str) -> None:
    gate = Gate()
    ended: list[str] = []

    async def act(exchange: Any) -> None:
        try:
            await gate.act(exchange)
        finally:
            ended.append("handler")

    async with listening(Play(act), server) as place, await place.connect() as connection:
        await connection.send(GET)
        await gate.reached.wait()
        await place.listener.kill()
        await place.listener.kill()
        assert ended == ["handler"]

        if server.startswith("uvicorn"):
            # The others tell the client 500.
            with pytest.raises(StreamEnded):
                await connection.read_response()

        assert place.listener.connections == 0


async def test_websockets_are_left_to_the_facade(server: str) -> None:
    exchanges: list[Any] = []

    async def act(exchange: Any) -> None:
        await exchange.accept(None, [])
        exchanges.append(exchange)

        while not isinstance(await exchange.recv(), Closed):
            pass

    async with listening(Play(text, act), server) as place:
        sock = await RawWebSocket.open(await place.connect(), b"/", [(b"host", b"a")])
        await until(lambda: bool(exchanges))

        # The drain begins with these closes; granian, once it is told to stop, sends close frames of its own.
        if server != "granian":
            place.listener.stop_accepting()
            place.listener.close_idle()

        await exchanges[0].close(1012, "service restart")
        assert (await sock.receive_frame()).payload[:2] == (1012).to_bytes(2, "big")
        sock.connection.close()
        await until(lambda: place.listener.connections == 0)


def test_a_socket_on_a_path_has_no_port(tmp_path: Any) -> None:
    with socket.socket(socket.AF_UNIX) as path, socket.socket() as internet:
        path.bind(str(tmp_path / "a"))
        internet.bind(("127.0.0.1", 0))
        assert ports_of([path, internet]) == (internet.getsockname()[1],)


@pytest.mark.parametrize("server", ["uvicorn", "uvicorn-plain", "uvicorn-h11", "hypercorn", "granian"])
async def test_on_a_path_there_are_no_addresses(server: str, tmp_path: Any) -> None:
    seen: list[Any] = []

    async def act(exchange: Any) -> None:
        seen.append((exchange.peer, exchange.local))
        await text(exchange)

    path = str(tmp_path / "a.sock")

    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        sock.setblocking(False)

        async with serving(Play(act), sock, server) as listener:
            assert tuple(listener.ports) == ()
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(GET)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            writer.close()
            await writer.wait_closed()

    assert seen == [(None, None)]
