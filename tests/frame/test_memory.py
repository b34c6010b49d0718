"""The memory engine: both sides of the waist, without a facade behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hagworm.extend.error import ConfigError
from hagworm.facade.engine import load_engine
from hagworm.facade.exchange import BodyError, ClientDisconnected, Closed
from hagworm.frame.memory import ENGINE, Aborted, Accepted, MemoryExchange, MemoryServer, MemorySocket, Refused

PIECE = b"x" * 40_000


class Script:
    """A runtime that does what the test says."""

    def __init__(self, act: Callable[[Any], Awaitable[None]]) -> None:
        self.act = act

    async def http(self, exchange: MemoryExchange) -> None:
        await self.act(exchange)

    async def websocket(self, exchange: MemorySocket) -> None:
        await self.act(exchange)


async def turns() -> None:
    """Let every task run until all of them wait."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_is_found_by_name() -> None:
    assert load_engine("memory") is ENGINE
    assert ENGINE.declare() == {}


async def test_serves_no_socket() -> None:
    with pytest.raises(ConfigError, match="no socket"):
        await ENGINE.listen(None, (), None)  # type: ignore[arg-type]  # nothing of it is looked at


def test_the_target_is_split_at_its_first_question_mark() -> None:
    exchange = MemoryExchange("GET", b"/a%2Fb?x=1?y", [(b"host", b"t")])
    assert (exchange.path, exchange.query, exchange.headers) == (b"/a%2Fb", b"x=1?y", ((b"host", b"t"),))
    assert (exchange.has_native, exchange.scheme, exchange.version) == (False, "http", "1.1")


async def test_a_body_arrives_in_the_pieces_it_was_fed_in() -> None:
    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(b"one")
    await exchange.feed(b"two")
    exchange.feed_end()
    assert [await exchange.read() for _ in range(4)] == [b"one", b"two", b"", b""]


async def test_reading_waits_for_the_client() -> None:
    exchange = MemoryExchange("POST", b"/")
    reading = asyncio.ensure_future(exchange.read())
    assert await exchange.body_wanted()
    await turns()
    assert not reading.done()
    await exchange.feed(b"late")
    assert await reading == b"late"


async def test_a_body_that_nobody_reads_stalls_the_client() -> None:
    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(PIECE)
    feeding = asyncio.ensure_future(exchange.feed(PIECE))
    await turns()
    assert not feeding.done()
    assert await exchange.read() == PIECE
    await feeding


async def test_a_client_that_feeds_is_released_by_the_end_of_the_response() -> None:
    exchange = MemoryExchange("POST", b"/")
    feeding = asyncio.ensure_future(exchange.feed(PIECE * 2))
    await exchange.reply(413, [], b"")
    await feeding
    assert await exchange.body_wanted() is False


async def test_broken_framing_is_raised_behind_what_was_fed() -> None:
    exchange = MemoryExchange("POST", b"/")
    await exchange.feed(b"good")
    exchange.fail(BodyError(400, "bad chunk"))
    assert await exchange.read() == b"good"

    with pytest.raises(BodyError, match="bad chunk"):
        await exchange.read()


async def test_a_response_is_taken_in_the_pieces_it_was_written_in() -> None:
    exchange = MemoryExchange("GET", b"/")
    await exchange.start(200, [(b"a", b"b")])
    await exchange.write(b"one")
    await exchange.write(b"")
    await exchange.write(b"two")
    await exchange.finish()
    assert await exchange.head() == (200, ((b"a", b"b"),))
    assert [await exchange.chunk() for _ in range(4)] == [b"one", b"two", b"", b""]


async def test_a_second_start_is_an_error() -> None:
    exchange = MemoryExchange("GET", b"/")
    await exchange.start(200, [])

    with pytest.raises(RuntimeError, match="started already"):
        await exchange.start(500, [])


async def test_a_client_that_does_not_read_stalls_the_handler() -> None:
    exchange = MemoryExchange("GET", b"/")
    await exchange.start(200, [])
    await exchange.write(PIECE)
    writing = asyncio.ensure_future(exchange.write(PIECE))
    await turns()
    assert not writing.done()
    await exchange.chunk()
    await writing


async def test_an_aborted_response_never_looks_complete() -> None:
    exchange = MemoryExchange("GET", b"/")
    await exchange.start(200, [])
    await exchange.write(b"half")
    exchange.abort()
    assert await exchange.chunk() == b"half"

    with pytest.raises(Aborted):
        await exchange.chunk()


async def test_a_client_that_vanishes_is_noticed_everywhere() -> None:
    exchange = MemoryExchange("POST", b"/")
    gone = exchange.gone
    reading = asyncio.ensure_future(exchange.read())
    await turns()
    exchange.vanish()
    await gone
    assert exchange.gone.done()

    with pytest.raises(ClientDisconnected):
        await reading

    with pytest.raises(ClientDisconnected):
        await exchange.reply(200, [], b"")


async def test_a_client_that_vanishes_releases_a_stalled_handler() -> None:
    exchange = MemoryExchange("GET", b"/")
    await exchange.start(200, [])
    writing = asyncio.ensure_future(exchange.write(PIECE * 2))
    await turns()
    exchange.vanish()

    with pytest.raises(ClientDisconnected):
        await writing

    assert MemoryExchange("GET", b"/").gone.done() is False
    exchange = MemoryExchange("GET", b"/")
    exchange.vanish()
    assert exchange.gone.done()


async def test_an_exchange_that_is_left_unanswered_is_aborted() -> None:
    async def forget(exchange: MemoryExchange) -> None:
        await exchange.read()

    server = MemoryServer(Script(forget))
    exchange = MemoryExchange("GET", b"/")
    exchange.feed_end()
    server.run_http(exchange)

    with pytest.raises(Aborted):
        await exchange.head()

    assert repr(server) == "<MemoryServer 0 running>"


async def test_closing_the_server_ends_what_runs() -> None:
    async def hang(exchange: MemoryExchange) -> None:
        await exchange.gone

    server = MemoryServer(Script(hang))
    exchange = MemoryExchange("GET", b"/")
    server.run_http(exchange)
    await turns()
    await server.close()
    assert exchange.aborted


async def test_messages_go_both_ways_and_keep_their_kind() -> None:
    async def echo(socket: MemorySocket) -> None:
        await socket.accept(socket.subprotocols[0], [(b"x-request-id", b"1")])

        while not isinstance(message := await socket.recv(), Closed):
            await socket.send(message)

    server = MemoryServer(Script(echo))
    socket = MemorySocket(b"/feed", subprotocols=["chat"])
    server.run_websocket(socket)
    assert await socket.handshake() == Accepted("chat", ((b"x-request-id", b"1"),))
    await socket.deliver("text")
    await socket.deliver(b"bytes")
    assert [await socket.take(), await socket.take()] == ["text", b"bytes"]
    socket.leave(1000, "bye")
    assert await socket.take() == Closed(1000, "bye")
    await server.close()


async def test_what_was_received_before_the_close_is_still_delivered() -> None:
    socket = MemorySocket(b"/")
    await socket.accept(None, [])
    await socket.deliver("last")
    socket.leave(4000)
    assert [await socket.recv() for _ in range(3)] == ["last", Closed(4000), Closed(4000)]

    with pytest.raises(ClientDisconnected, match="4000"):
        await socket.send("too late")


async def test_the_close_of_the_server_is_seen_behind_its_messages() -> None:
    socket = MemorySocket(b"/")
    await socket.accept(None, [])
    await socket.send("last")
    await socket.close(4001, "bye")
    await socket.close(1000, "without effect")
    assert [await socket.take() for _ in range(3)] == ["last", Closed(4001, "bye"), Closed(4001, "bye")]

    with pytest.raises(ClientDisconnected):
        await socket.deliver("too late")


async def test_both_queues_are_bounded() -> None:
    socket = MemorySocket(b"/", queue=2)
    await socket.accept(None, [])

    for _ in range(2):
        await socket.deliver("in")
        await socket.send("out")

    delivering = asyncio.ensure_future(socket.deliver("in"))
    sending = asyncio.ensure_future(socket.send("out"))
    await turns()
    assert not delivering.done()
    assert not sending.done()
    await socket.recv()
    await socket.take()
    await delivering
    await sending


async def test_a_handshake_may_be_refused_with_a_response() -> None:
    socket = MemorySocket(b"/")
    await socket.reject(401, [(b"www-authenticate", b"Basic")], b"no")
    assert await socket.handshake() == Refused(401, ((b"www-authenticate", b"Basic"),), b"no")
    assert await socket.recv() == Closed(1006)


async def test_a_handshake_without_an_answer_is_aborted() -> None:
    async def forget(socket: MemorySocket) -> None:
        assert socket.subprotocols == ()

    server = MemoryServer(Script(forget))
    socket = MemorySocket(b"/")
    server.run_websocket(socket)

    with pytest.raises(Aborted):
        await socket.handshake()


async def test_a_client_that_leaves_during_the_handshake_cannot_be_accepted() -> None:
    socket = MemorySocket(b"/")
    socket.leave()

    with pytest.raises(ClientDisconnected):
        await socket.accept(None, [])
