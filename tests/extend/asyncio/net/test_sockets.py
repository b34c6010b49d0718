"""Messages come whole, in order, from whom they should; a lost connection is never taken for silence or an answer."""

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.net.connection import Codec, FramedConnection, connect, find_codec
from hagworm.extend.asyncio.net.datagram import open_datagram
from hagworm.extend.asyncio.net.reconnecting import ReconnectingClient
from hagworm.extend.asyncio.net.server import FramedServer, private_folder
from hagworm.extend.asyncio.net.tls import server_context, tls_context
from hagworm.extend.asyncio.resilience import Retry
from hagworm.extend.error import (
    Closed,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    FrameError,
    NetworkError,
    PortInUse,
    Untrusted,
)
from hagworm.extend.net.framing import Delimited, LengthPrefixed, MagicLength, VarintPrefixed
from hagworm.testing.proxy import FaultProxy, Faults
from hagworm.testing.sweep import cancel_sweep
from tests.extend.asyncio.net.certificates import certificates


async def echo(connection: FramedConnection) -> None:
    async for message in connection:
        await connection.send(message)


def quick(attempts: int = 3) -> Retry:
    return Retry(attempts, on=NetworkError, backoff=0.001)


@pytest.mark.parametrize("codec", ["bytes", "json", "msgpack"])
@pytest.mark.parametrize(
    "framing",
    [LengthPrefixed(), Delimited(b"\0\0"), MagicLength(b"HW"), VarintPrefixed()],
    ids=lambda f: type(f).__name__,
)
async def test_messages_come_back_as_they_went_out(framing: Any, codec: Any) -> None:
    messages = [b"a", b"bc" * 500] if codec == "bytes" else [{"a": [1, "ä"]}, "text", 7, None]

    async with FramedServer(echo, port=0, framing=framing, codec=codec) as server:
        async with await connect("127.0.0.1", server.port, framing=framing, codec=codec) as connection:
            for message in messages:
                await connection.send(message)

            assert [await connection.receive() for _ in messages] == messages
            assert connection.statistics() == {"sent": len(messages), "received": len(messages), "skipped": 0}

        assert server.statistics().accepted == 1


async def test_messages_go_over_tls_to_whom_is_vouched_for_only() -> None:
    files = certificates()

    async with FramedServer(echo, port=0, tls=server_context(files.server)) as server:
        async with await connect("localhost", server.port, tls=tls_context(files.authority)) as connection:
            await connection.send(b"x")
            assert await connection.receive() == b"x"

        with pytest.raises(Untrusted):
            await connect("localhost", server.port, tls=tls_context())


async def test_a_stream_that_ends_in_the_middle_of_a_message_is_lost_and_not_over() -> None:
    async with FramedServer(echo, port=0) as server:
        async with FaultProxy("127.0.0.1", server.port, to_client=Faults(close_after=14)) as proxy:
            async with await connect("127.0.0.1", proxy.port) as connection:
                await connection.send(b"12345")
                await connection.send(b"67890")
                assert await connection.receive() == b"12345"

                with pytest.raises(ConnectionLost, match="after 5 bytes of a message"):
                    await connection.receive()


async def test_x20_the_end_of_a_connection_raises_and_is_no_empty_message() -> None:
    async def say_one(connection: FramedConnection) -> None:
        await connection.send(b"one")

    async with FramedServer(say_one, port=0) as server:
        async with await connect("127.0.0.1", server.port) as connection:
            assert await connection.receive() == b"one"

            with pytest.raises(ConnectionLost, match="has closed"):
                await connection.receive()

        async with await connect("127.0.0.1", server.port) as connection:
            assert [message async for message in connection] == [b"one"]


async def test_x20_a_refusal_raises() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(ConnectFailed):
        await connect("127.0.0.1", port)

    retry = quick(2)

    with pytest.raises(ConnectFailed):
        async with ReconnectingClient(lambda: connect("127.0.0.1", port), retry=retry):
            raise AssertionError

    assert retry.statistics()["retried"] == 1


async def test_what_is_too_long_or_cannot_be_understood_closes_the_connection() -> None:
    async with FramedServer(echo, port=0, framing=LengthPrefixed(max_size=10), codec="json") as server:
        for data in (b"x" * 20, b"no json"):
            async with await connect("127.0.0.1", server.port) as connection:
                await connection.send(data)

                with pytest.raises(ConnectionLost):
                    await connection.receive()

        assert server.statistics().lost == 2 and server.statistics().failed == 0


async def test_h18_a_handler_that_fails_closes_its_connection_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(connection: FramedConnection) -> None:
        async for message in connection:
            if message == b"fail":
                raise RuntimeError("a bug")

            await connection.send(message)

    async with FramedServer(fail, port=0) as server:
        async with (
            await connect("127.0.0.1", server.port) as first,
            await connect("127.0.0.1", server.port) as second,
        ):
            await first.send(b"fail")

            with pytest.raises(ConnectionLost):
                await first.receive()

            await second.send(b"x")
            assert await second.receive() == b"x"

        assert server.statistics().failed == 1 and "a bug" in caplog.text


async def test_h18_no_more_connections_than_may_be() -> None:
    async with FramedServer(echo, port=0, limit=1) as server:
        async with await connect("127.0.0.1", server.port) as first:
            await first.send(b"x")
            await first.receive()

            async with await connect("127.0.0.1", server.port) as second:
                with pytest.raises(ConnectionLost):
                    await second.receive()

        assert server.statistics().refused == 1


async def test_h18_a_server_that_closes_ends_its_handlers() -> None:
    ended = []

    async def wait(connection: FramedConnection) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(connection)

    server = FramedServer(wait, port=0)
    await server.start()

    async with await connect("127.0.0.1", server.port) as connection:
        while not server.statistics().open:
            await asyncio.sleep(0)

        await server.aclose(grace=0.01)
        assert len(ended) == 1 and server.statistics().open == 0

        with pytest.raises(ConnectionLost):
            await connection.receive()


@pytest.mark.parametrize("kind", ["port", "path"])
async def test_a_connection_that_comes_while_the_server_closes_is_closed(tmp_path: Path, kind: str) -> None:
    path = private_folder(tmp_path / "run") / "socket"
    where: dict[str, Any] = {"port": 0} if kind == "port" else {"path": path}

    for turns in range(6):
        async with FramedServer(echo, **where) as server:
            family = socket.AF_INET if kind == "port" else socket.AF_UNIX

            with socket.socket(family) as client:
                client.connect(("127.0.0.1", server.port) if kind == "port" else str(path))

                for _ in range(turns):
                    await asyncio.sleep(0)

        assert server.statistics().open == 0


async def test_a_port_in_use_is_said_to_be_in_use() -> None:
    async with FramedServer(echo, port=0) as server:
        with pytest.raises(PortInUse, match=str(server.port)):
            await FramedServer(echo, port=server.port).start()


async def test_a_unix_socket_knows_who_is_there(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "run")
    seen = []

    async def look(connection: FramedConnection) -> None:
        seen.append(connection.credentials)
        await echo(connection)

    async with FramedServer(look, path=folder / "socket") as server:
        async with await connect(path=folder / "socket") as connection:
            await connection.send(b"x")
            assert await connection.receive() == b"x"
            assert connection.credentials.pid == os.getpid()

        assert seen[0].uid == os.getuid() and folder.stat().st_mode & 0o777 == 0o700
        assert "socket" in repr(server)

    assert list(folder.iterdir()) == []

    async with FramedServer(echo, path=folder / "socket", users=[12345]) as server:
        async with await connect(path=folder / "socket") as connection:
            with pytest.raises(ConnectionLost):
                await connection.receive()

        assert server.statistics().refused == 1

    async with FramedServer(echo, port=0) as server, await connect("127.0.0.1", server.port) as connection:
        with pytest.raises(OSError, match="only Unix"):
            connection.credentials  # noqa: B018


async def test_a_socket_is_not_put_where_others_could_put_theirs(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    (tmp_path / "link").symlink_to(private_folder(tmp_path / "run"))

    for folder in (shared, tmp_path / "link"):
        with pytest.raises(PermissionError, match="0700"):
            await FramedServer(echo, path=folder / "socket").start()

        with pytest.raises(PermissionError):
            private_folder(folder)


async def test_a_socket_that_nobody_listens_to_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = private_folder(tmp_path / "run") / "socket"

    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    async with FramedServer(echo, path=path):
        with pytest.raises(PortInUse):
            await FramedServer(echo, path=path).start()

        async with await connect(path=path) as connection:
            await connection.send(b"x")
            assert await connection.receive() == b"x"

    path.write_text("a file")

    with pytest.raises(FileExistsError):
        await FramedServer(echo, path=path).start()


async def test_x20_a_lost_connection_is_made_anew_and_greeted_anew() -> None:
    greeted = []

    async def greet(connection: FramedConnection) -> None:
        await connection.send("hello")
        greeted.append(await connection.receive())

    async with FramedServer(echo, port=0, codec="json") as server:
        async with FaultProxy("127.0.0.1", server.port) as proxy:
            client = ReconnectingClient(
                lambda: connect("127.0.0.1", proxy.port, codec="json"), session=greet, retry=quick()
            )

            async with client:
                assert await client.request({"a": 1}) == {"a": 1}
                proxy.cut()

                with pytest.raises(ConnectionLost) as caught:
                    # It may be noticed before or after the request has been sent.
                    for number in range(3):
                        assert await client.request(number) == number
                        proxy.cut()

                assert not caught.value.retryable
                assert await client.request("again") == "again"
                assert greeted == ["hello"] * client.statistics()["sessions"] and client.statistics()["sessions"] >= 2

            with pytest.raises(Closed):
                await client.request(1)


async def test_x20_no_answer_is_taken_for_that_to_another_request() -> None:
    """The original kept its connection after a time-out: the next request got the answer to the last one."""

    async def slow_at_first(connection: FramedConnection) -> None:
        async for message in connection:
            if message == "slow":
                await asyncio.sleep(0.05)

            await connection.send(message)

    async with FramedServer(slow_at_first, port=0, codec="json") as server:
        async with ReconnectingClient(lambda: connect("127.0.0.1", server.port, codec="json")) as client:
            with pytest.raises(DeadlineExceeded):
                await client.request("slow", timeout=0.01)

            assert await client.request("quick") == "quick"
            answers = await asyncio.gather(*(client.request(number) for number in range(20)))
            assert answers == list(range(20))
            assert client.statistics() == {"sessions": 2, "lost": 1}


async def test_x20_reading_goes_on_with_the_next_connection() -> None:
    numbers = iter(range(100))

    async def say_two(connection: FramedConnection) -> None:
        await connection.send(next(numbers))
        await connection.send(next(numbers))

    seen = []

    async with FramedServer(say_two, port=0, codec="json") as server:
        async with ReconnectingClient(lambda: connect("127.0.0.1", server.port, codec="json")) as client:
            async for message in client:
                seen.append(message)

                if len(seen) == 6:
                    break

            await client.send("bye")

    assert seen == list(range(6))


async def test_a_session_that_cannot_be_greeted_is_none() -> None:
    async def refuse(connection: FramedConnection) -> None:
        raise FrameError("not one of us")

    async with FramedServer(echo, port=0) as server:
        with pytest.raises(FrameError, match="not one of us"):
            async with ReconnectingClient(lambda: connect("127.0.0.1", server.port), session=refuse):
                raise AssertionError


async def test_datagrams_come_with_their_sender() -> None:
    async with await open_datagram(local=("127.0.0.1", 0)) as first:
        async with await open_datagram(remote=first.address) as second:
            second.send(b"ping")
            data, address = await first.receive()
            assert (data, address) == (b"ping", second.address)
            first.send(b"pong", address)
            assert (await second.receive()).data == b"pong"
            assert (second.statistics().sent, second.statistics().received) == (1, 1)

        with pytest.raises(Closed):
            await second.receive()

        with pytest.raises(Closed):
            second.send(b"x")


async def test_old_datagrams_make_room_for_new_ones_and_are_counted() -> None:
    async with await open_datagram(local=("127.0.0.1", 0), limit=2) as first:
        for number in range(5):
            first.datagram_received(b"%d" % number, ("127.0.0.1", 1))

        assert [(await first.receive()).data for _ in range(2)] == [b"3", b"4"]
        assert first.statistics().dropped == 3


async def test_nobody_there_is_told_where_the_system_tells_it() -> None:
    async with await open_datagram(local=("127.0.0.1", 0)) as gone:
        address = gone.address

    async with await open_datagram(remote=address) as endpoint:
        endpoint.send(b"x")

        with pytest.raises(ConnectFailed):
            await endpoint.receive()


async def test_a_datagram_that_cannot_be_sent_is_refused() -> None:
    async with await open_datagram(local=("127.0.0.1", 0)) as endpoint:
        with pytest.raises(ValueError, match="65507"):
            endpoint.send(bytes(70_000), endpoint.address)

    with pytest.raises(ValueError):
        await open_datagram()

    with pytest.raises(ValueError):
        await open_datagram(local=("127.0.0.1", 0), limit=0)


async def test_what_leads_nowhere_is_refused() -> None:
    for options in ({}, {"host": "x"}, {"host": "x", "port": 1, "path": "y"}):
        with pytest.raises(ValueError):
            await connect(**options)

    for given in ({}, {"port": 0, "path": "x"}, {"port": 0, "limit": 0}):
        with pytest.raises(ValueError):
            FramedServer(echo, **given)  # type: ignore[arg-type]  # what is tested

    with pytest.raises(ValueError, match="codec"):
        find_codec("pickle")  # type: ignore[arg-type]  # what is tested

    assert find_codec(codec := Codec(bytes, bytes)) is codec


class Echo(asyncio.Protocol):
    """Sends back what comes, without a task of its own."""

    transports: list[asyncio.BaseTransport]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.transports.append(transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


async def test_whoever_is_cancelled_leaves_nothing_behind_and_takes_nobodys_answer() -> None:
    class Kept(Echo):
        transports = []

    listener = await asyncio.get_running_loop().create_server(Kept, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    number = 0

    try:
        async with ReconnectingClient(lambda: connect("127.0.0.1", port, codec="json")) as client:

            async def ask() -> None:
                nonlocal number
                number += 1
                mine = number
                assert await client.request(mine) == mine

            async def check() -> None:
                assert await client.request("whole") == "whole"

            async def use() -> None:
                async with await connect("127.0.0.1", port) as connection:
                    await connection.send(b"x")
                    assert await connection.receive() == b"x"

            await cancel_sweep(ask, check)
            await cancel_sweep(use)

        async def exchange() -> None:
            async with await open_datagram(local=("127.0.0.1", 0)) as endpoint:
                endpoint.send(b"x", endpoint.address)
                await endpoint.receive()

        await cancel_sweep(exchange)
    finally:
        listener.close()

        for transport in Kept.transports:
            transport.close()

        await asyncio.sleep(0)
        await asyncio.sleep(0)
