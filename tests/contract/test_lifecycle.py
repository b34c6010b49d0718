"""Section 2.8 of the matrix: how a service starts and stops, on every engine and server."""

import asyncio

import pytest

from hagworm.testing import Connection, RawWebSocket, StreamEnded
from hagworm.testing.launcher import SERVERS, Launched, LaunchFailed, ServerKind
from tests.contract.expected import request
from tests.contract.rows.lifecycle import PROCESS
from tests.contract.suite import HERE, declared_by

KINDS = pytest.mark.parametrize("kind", SERVERS.values(), ids=list(SERVERS))
FAREWELL = "the lifespan was left"
QUICK = {
    "HAGWORM_SERVER__KEEP_ALIVE": "1",
    "HAGWORM_SERVER__HEADER_TIMEOUT": "1",
    "CONTRACT_FAREWELL": FAREWELL,
}
OPTIONS = {"hypercorn": ("--keep-alive", "1"), "uvicorn": ("--timeout-keep-alive", "1")}
"""The same for servers under their own commands, which read no settings of ours."""
PATIENCE = 3.0
"""Seconds that a connection may stay open which should end after one."""


async def after(connection: Connection, data: bytes) -> str:
    """How a connection fares on which `data` is the last that is sent."""
    await connection.send(data)

    try:
        async with asyncio.timeout(PATIENCE):
            while await connection.stream.fill():
                continue
    except TimeoutError:
        return "open"
    finally:
        connection.close()

    return "closed"


async def watch_silence(port: int) -> dict[str, str]:
    """What becomes of a connection between two requests, and of one within the head of a request."""
    idle, slow = [await Connection.open("127.0.0.1", port) for _ in range(2)]
    found = await asyncio.gather(after(idle, request("/only")), after(slow, b"GET / HTTP/1.1\r\nHost:"))
    return {"L11": found[0], "L12": found[1]}


async def watch_stop(server: Launched) -> dict[str, str]:
    """What becomes of connections that are in use, idle, upgraded or new when the server is told to stop."""
    busy, idle, upgraded = [await Connection.open("127.0.0.1", server.port) for _ in range(3)]

    try:
        socket = await RawWebSocket.open(upgraded, b"/ws/echo", [(b"host", b"a")])
        await busy.send(request("/slow/stop"))
        await idle.send(request("/journal/stop"))
        assert (await idle.read_response()).body == b'["begun"]'
        server.send_signal()
        return {
            "L8": str((await socket.receive()).code),  # type: ignore[union-attr]  # nothing else is sent
            "L7": await knock(server.port),
            "L6": "closed" if await idle.ended() else "reset",
            **await last_words(busy),
        }
    finally:
        for connection in (busy, idle, upgraded):
            connection.close()


async def knock(port: int) -> str:
    """What a client meets that comes while the server drains."""
    try:
        connection = await Connection.open("127.0.0.1", port)
    except ConnectionError:
        return "refused"

    async with connection:
        await connection.send(request("/only"))

        try:
            return str((await connection.read_response()).status)
        except StreamEnded:
            return "closed"


async def last_words(busy: Connection) -> dict[str, str]:
    """The response to a request that was in flight."""
    try:
        response = await busy.read_response()
    except StreamEnded:
        return {"L5": "lost", "L9": "lost"}

    return {"L5": str(response.status), "L9": response.headers.get("connection", "nothing").lower()}


@KINDS
async def test_a_server_ends_silence_and_stops_without_losing_anything(kind: ServerKind) -> None:
    with Launched(kind, "application:app", HERE, settings=QUICK, arguments=OPTIONS.get(kind.parser, ())) as server:
        found = await watch_silence(server.port)
        found |= await watch_stop(server)
        found["L10"] = str(await asyncio.to_thread(server.wait))
        found["L23"] = "left" if FAREWELL in server.log() else "forgotten"

    declared = declared_by(kind.name)
    assert found == {row: declared.get(row, PROCESS[row][1]) for row in found}
    assert set(found) == set(PROCESS) - {"L2"}


@KINDS
def test_a_start_that_fails_ends_with_3(kind: ServerKind) -> None:
    try:
        with Launched(kind, "failing:app", HERE) as server:
            code: int | None = server.wait()
    except LaunchFailed as failure:
        code = failure.code

    assert str(code) == declared_by(kind.name).get("L2", PROCESS["L2"][1])
