"""A worker stops as it is told, loses nothing that it has accepted, and says by its exit code how it went."""

import asyncio
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.service import APPLICATION, Load, Service, running

ENGINES = ("fastapi", "tornado")
both = pytest.mark.parametrize("engine", ENGINES)
once = pytest.mark.asyncio(loop_factories=["asyncio"])
"""Where the kind of loop makes no difference."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.py").write_text(APPLICATION)
    return tmp_path


def serving(folder: Path, engine: str = "asgi", **settings: Any) -> Any:
    """Serve on the kind of loop that this test runs on."""
    loop = "uvloop" if "uvloop" in type(asyncio.get_running_loop()).__module__ else "asyncio"
    values = {"ENGINE": engine, "PORT": 0, "LOOP": loop, **{name.upper(): value for name, value in settings.items()}}
    return running(
        ["orders.py"], folder=folder, **{f"HAGWORM_SERVER__{name}": str(value) for name, value in values.items()}
    )


def told_off(service: Service) -> list[str]:
    return [line for line in service.lines if " ERROR " in line or " CRITICAL " in line or "Traceback" in line]


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        ("fastapi", signal.SIGTERM),
        ("tornado", signal.SIGTERM),
        ("fastapi", signal.SIGINT),
        ("tornado", signal.SIGQUIT),
    ],
)
async def test_h14_every_stop_signal_answers_what_was_accepted_and_runs_the_shutdown(
    folder: Path, engine: str, number: signal.Signals
) -> None:
    async with serving(folder, engine) as service:
        await service.ready()
        load = Load(service)
        load.start()
        await load.answered(200)
        service.send(number)
        await load.end()

        assert await service.ended() == 0
        assert load.lost == []
        assert load.last > 0
        assert service.output.count("shutdown\n") == 1
        assert told_off(service) == []


@both
async def test_a_unix_socket_loses_nothing_either(folder: Path, engine: str) -> None:
    path = folder / "orders.sock"

    async with serving(folder, engine, uds=path) as service:
        await service.ready()
        load = Load(service)
        load.start()
        await load.answered(200)
        service.send(signal.SIGTERM)
        await load.end()

        assert (await service.ended(), load.lost, path.exists()) == (0, [], False)


@both
async def test_a_large_answer_is_sent_to_its_end(folder: Path, engine: str) -> None:
    async with serving(folder, engine) as service:
        await service.ready()
        reader, writer = await service.connect()
        writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        # Nothing more is read until the service waits for that.
        service.send(signal.SIGTERM)
        await service.wrote("stopping: ")
        body = await reader.read()
        writer.close()

        assert f"content-length: {len(body)}".encode() in head.lower()
        assert await service.ended() == 0


@once
@both
async def test_a_connection_without_a_request_does_not_keep_it(folder: Path, engine: str) -> None:
    async with serving(folder, engine) as service:
        await service.ready()
        silent, kept = await service.connect(), await service.connect()
        kept[1].write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        await kept[0].readuntil(b"}")
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        assert [await reader.read() for reader, _ in (silent, kept)] == [b"", b""]

        for _, writer in (silent, kept):
            writer.close()


@both
async def test_websockets_are_told_to_come_back(folder: Path, engine: str) -> None:
    async with serving(folder, engine) as service:
        await service.ready()
        reader, writer = await service.connect()
        writer.write(
            b"GET /feed HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        service.send(signal.SIGTERM)
        # RFC 6455 5.5.1 and 7.4: a close frame, whose code is 1012, service restart.
        kind, length = await reader.readexactly(2)
        assert (kind, (await reader.readexactly(length))[:2]) == (0x88, (1012).to_bytes(2, "big"))
        # The client's half of the closing handshake, masked with zeros.
        writer.write(bytes((0x88, 0x82, 0, 0, 0, 0)) + (1012).to_bytes(2, "big"))

        assert await service.ended() == 0
        writer.close()


@once
@both
async def test_a_second_signal_drops_what_is_open(folder: Path, engine: str) -> None:
    async with serving(folder, engine) as service:
        await service.ready()
        asked = asyncio.ensure_future(service.get("/slow?seconds=60"))
        await service.wrote("begun\n")
        service.send(signal.SIGTERM)
        await service.wrote("stopping: no new connections, 1 requests in flight")
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        assert isinstance((await asyncio.gather(asked, return_exceptions=True))[0], OSError | EOFError)
        assert service.output.count("shutdown\n") == 1


async def test_a_third_signal_leaves_at_once(folder: Path) -> None:
    async with serving(folder) as service:
        await service.ready()
        # The loop is blocked: only a handler that runs between two instructions can notice.
        reader, writer = await service.connect()
        writer.write(b"GET /spin HTTP/1.1\r\nhost: x\r\n\r\n")
        await service.wrote("spinning\n")

        for times in (1, 2, 3):
            service.send(signal.SIGINT)
            await asyncio.sleep(0)

            if times < 3:
                # Two signals of a kind that are pending at once are one; the request tells when one has arrived.
                await service.wrote("signal\n", times=times)

        assert await service.ended() == 1, service.output
        assert "shutdown" not in service.output
        writer.close()


@once
@both
async def test_the_drain_ends_in_time(folder: Path, engine: str) -> None:
    async with serving(folder, engine, drain_timeout=0.5) as service:
        await service.ready()
        asked = asyncio.ensure_future(service.get("/slow?seconds=60"))
        await service.wrote("begun\n")
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        await asyncio.gather(asked, return_exceptions=True)
        assert "not everything was done after 0.5 seconds" in service.output
        assert service.output.count("shutdown\n") == 1


@once
async def test_a_thread_that_hangs_does_not_keep_the_process(folder: Path) -> None:
    async with serving(folder, drain_timeout=0.2) as service:
        await service.ready()
        asked = asyncio.ensure_future(service.get("/thread?seconds=600"))
        await service.wrote("begun\n")
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        await asyncio.gather(asked, return_exceptions=True)
        assert "leaving 1 threads behind that are still busy" in service.output


async def test_a_signal_during_the_start_undoes_it(folder: Path) -> None:
    late = APPLICATION.replace('print("startup", flush=True)', 'print("startup", flush=True); await asyncio.sleep(600)')
    (folder / "orders.py").write_text(late)

    async with serving(folder) as service:
        await service.wrote("startup\n")
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        assert "stopped before the start was complete" in service.output
        assert told_off(service) == []


@once
async def test_a_failed_start_is_told_once_with_its_cause(folder: Path) -> None:
    broken = APPLICATION.replace('print("startup", flush=True)', 'raise ConnectionError("no database at db:5432")')
    (folder / "orders.py").write_text(broken)

    async with serving(folder) as service:
        assert await service.ended() == 3
        assert service.output.count("Traceback") == 1
        (line,) = [line for line in service.lines if " ERROR " in line]
        assert "start-up failed" in line and "orders.py:" in line and "no database at db:5432" in line
        assert "site-packages" not in service.output and "lifespan.py" not in service.output


@once
async def test_an_address_in_use_is_one_line_and_exit_code_2(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with serving(folder, port=taken.getsockname()[1]) as service:
            assert await service.ended() == 2
            assert len(service.lines) == 1
            assert "another process listens there already" in service.output


@once
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"engine": "tornadoo"}, "unknown engine 'tornadoo' (did you mean 'tornado'?)"),
        ({"loop": "uvlop"}, "(did you mean 'uvloop'?)"),
        ({"workers": "two"}, "server.workers: "),
        ({"workers": 2, "reload": "true"}, "exclude each other"),
    ],
)
async def test_wrong_settings_are_one_line_and_exit_code_2(folder: Path, settings: dict[str, Any], text: str) -> None:
    async with serving(folder, **settings) as service:
        assert await service.ended() == 2
        assert len(service.lines) == 1
        assert text in service.output


@once
async def test_the_line_that_says_where(folder: Path) -> None:
    async with serving(folder, "tornado") as service:
        await service.ready()
        service.send(signal.SIGTERM)
        await service.ended()

        assert (
            f"hagworm: serving 'Orders' on http://127.0.0.1:{service.port} (engine tornado, 1 worker)" in service.output
        )


@once
async def test_a_hang_up_is_ignored(folder: Path) -> None:
    async with serving(folder) as service:
        await service.ready()
        service.send(signal.SIGHUP)
        assert (await service.get()).status == 200
        service.send(signal.SIGTERM)
        assert await service.ended() == 0
