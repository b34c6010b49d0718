"""One worker class for every engine: gunicorn starts, watches and stops it, and nothing is lost."""

import asyncio
import os
import re
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.service import APPLICATION, Load, Service, running

ENGINES = ("fastapi", "tornado", "asgi")
both = pytest.mark.parametrize("engine", ENGINES[:2])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.py").write_text(APPLICATION)
    (tmp_path / "run").mkdir()
    return tmp_path


def gunicorn(
    folder: Path,
    *options: str,
    engine: str = "asgi",
    target: str = "orders:app",
    workers: int = 2,
    bind: str = "127.0.0.1:0",
    **environment: str,
) -> Any:
    command = ["-m", "gunicorn", "-k", "hagworm.frame.gunicorn.Worker", "-w", str(workers), "-b", bind]
    return running(
        [*command, *options, target],
        folder=folder,
        **{"HAGWORM_SERVER__ENGINE": engine, "XDG_RUNTIME_DIR": str(folder / "run"), **environment},
    )


def errors(service: Service) -> list[str]:
    return [line for line in service.lines if " ERROR " in line or " CRITICAL " in line or "Traceback" in line]


async def started(service: Service, workers: int = 2) -> Service:
    await service.ready()
    await service.wrote("startup\n", times=workers)
    return service


@pytest.mark.parametrize(
    ("engine", "number"),
    [
        *((engine, signal.SIGTERM) for engine in ENGINES),
        ("fastapi", signal.SIGINT),
        ("tornado", signal.SIGQUIT),
    ],
)
async def test_h23_every_stop_signal_answers_what_was_accepted_and_runs_the_shutdown(
    folder: Path, engine: str, number: signal.Signals
) -> None:
    async with gunicorn(folder, engine=engine) as service:
        await started(service)
        load = Load(service)
        load.start()
        await load.answered(200)
        service.send(number)
        await load.end()

        assert await service.ended() == 0
        assert load.lost == []
        assert service.output.count("shutdown\n") == 2
        assert errors(service) == []


@both
async def test_a_terminals_interrupt_is_one_wish(folder: Path, engine: str) -> None:
    async with gunicorn(folder, engine=engine) as service:
        await started(service)
        asked = asyncio.ensure_future(service.get("/slow?seconds=0.5"))
        await service.wrote("begun\n")
        # Every process of the group gets it, and the arbiter sends SIGQUIT to its workers besides.
        os.killpg(service.process.pid, signal.SIGINT)

        assert (await asked).status == 200
        assert await service.ended() == 0
        assert service.output.count("shutdown\n") == 2


@both
async def test_a_unix_socket_loses_nothing_either(folder: Path, engine: str) -> None:
    path = folder / "orders.sock"

    async with gunicorn(folder, bind=f"unix:{path}", engine=engine) as service:
        await started(service)
        load = Load(service)
        load.start()
        await load.answered(200)
        service.send(signal.SIGTERM)
        await load.end()

        assert (await service.ended(), load.lost, path.exists()) == (0, [], False)


@both
async def test_reloading_and_resizing_lose_nothing(folder: Path, engine: str) -> None:
    async with gunicorn(folder, engine=engine) as service:
        await started(service)
        load = Load(service)
        load.start()
        await load.answered(100)

        for count, number in enumerate((signal.SIGHUP, signal.SIGHUP)):
            service.send(number)
            await service.wrote("startup\n", times=4 + 2 * count)
            await service.wrote("shutdown\n", times=2 + 2 * count)

        service.send(signal.SIGTTIN)
        await service.wrote("startup\n", times=7)
        service.send(signal.SIGTTOU)
        await service.wrote("shutdown\n", times=5)
        await load.answered(100)
        service.send(signal.SIGTERM)
        await load.end()

        assert await service.ended() == 0
        assert load.lost == []
        assert service.output.count("shutdown\n") == 7


@both
async def test_a_worker_makes_room_after_its_share_of_requests(folder: Path, engine: str) -> None:
    async with gunicorn(folder, "--max-requests", "5", engine=engine, workers=1) as service:
        await started(service, 1)
        seen: dict[bytes, int] = {}

        async with asyncio.timeout(20):
            while len(seen) < 3:
                body = (await service.get()).body
                seen[body] = seen.get(body, 0) + 1

        assert all(5 <= count for count in list(seen.values())[:2])
        service.send(signal.SIGTERM)
        assert await service.ended() == 0
        assert service.output.count("startup\n") == service.output.count("shutdown\n") == 3
        assert re.search("[0-9]+ requests served, making room for a new worker", service.output)


@both
async def test_a_worker_that_hangs_is_replaced_and_the_log_shows_where(folder: Path, engine: str) -> None:
    async with gunicorn(folder, "--timeout", "1", engine=engine, workers=1) as service:
        await started(service, 1)
        asked = asyncio.ensure_future(service.get("/block?seconds=600"))
        await service.wrote(r"CRITICAL hagworm: no sign of life for 1 seconds")
        await service.wrote("startup\n", times=2)
        await asyncio.gather(asked, return_exceptions=True)

        assert "  |     time.sleep(seconds)" in service.output
        assert (await service.get()).status == 200
        service.send(signal.SIGTERM)
        assert await service.ended() == 0


async def test_a_worker_that_hangs_while_it_is_imported_is_replaced(folder: Path) -> None:
    hang = "import os, time\nif not os.path.exists('once'):\n    open('once', 'w').close()\n    time.sleep(600)\n"
    (folder / "orders.py").write_text(hang + APPLICATION)

    async with gunicorn(folder, "--timeout", "1", workers=1) as service:
        await service.wrote(r"CRITICAL hagworm: no sign of life for 1 seconds")
        await started(service, 1)
        assert (await service.get()).status == 200


async def test_a_slow_start_is_no_hang(folder: Path) -> None:
    late = APPLICATION.replace('print("startup", flush=True)', 'await asyncio.sleep(2.5); print("startup", flush=True)')
    (folder / "orders.py").write_text(late)

    async with gunicorn(folder, "--timeout", "1", workers=1) as service:
        await started(service, 1)
        assert errors(service) == []


async def test_h15_workers_do_not_outlive_their_arbiter(folder: Path) -> None:
    async with gunicorn(folder) as service:
        await started(service)
        service.send(signal.SIGKILL)
        await service.wrote("shutdown\n", times=2)


@both
async def test_the_graceful_time_out_leaves_time_for_the_shutdown(folder: Path, engine: str) -> None:
    async with gunicorn(folder, "--graceful-timeout", "2", engine=engine, workers=1) as service:
        await started(service, 1)
        asked = asyncio.ensure_future(service.get("/slow?seconds=60"))
        await service.wrote("begun\n")
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        await asyncio.gather(asked, return_exceptions=True)
        assert "not everything was done after 1.6 seconds" in service.output
        assert service.output.count("shutdown\n") == 1


async def test_a_failed_start_is_told_once_and_ends_with_3(folder: Path) -> None:
    broken = APPLICATION.replace('print("startup", flush=True)', 'raise ConnectionError("no database at db:5432")')
    (folder / "orders.py").write_text(broken)

    async with gunicorn(folder, workers=3) as service:
        assert await service.ended() == 3
        assert service.output.count("Traceback") == 1
        assert service.output.count("start-up failed: ") == 1
        assert "no database at db:5432" in service.output


@pytest.mark.parametrize(
    ("target", "text", "tracebacks"),
    [
        ("nowhere:app", "cannot import nowhere:app: No module named 'nowhere'", 0),
        ("orders:nothing", "cannot load orders:nothing: Failed to find attribute 'nothing' in 'orders'", 0),
        ("others:native", "others:native is a fastapi.applications.FastAPI, and this worker serves a hagworm.App", 0),
        ("others:number", "cannot load others:number: Application object must be callable", 0),
        ("others:app", "others.py:10", 0),
        ("broken:app", "cannot load broken:app: ZeroDivisionError", 1),
    ],
)
async def test_what_cannot_be_served_is_told_once_and_ends_with_3(
    folder: Path, target: str, text: str, tracebacks: int
) -> None:
    (folder / "others.py").write_text(
        "from fastapi import FastAPI\nfrom hagworm import App\nnative = FastAPI()\nnumber = 5\napp = App()\n\n\n\n\n"
        "@app.get('/')\nasync def root(x: 'Nowhere'): ...\n"
    )
    (folder / "broken.py").write_text("1 / 0")

    async with gunicorn(folder, target=target, workers=3) as service:
        assert await service.ended() == 3
        assert service.output.count(text) == 1
        assert service.output.count("Traceback") == tracebacks
        assert "importlib" not in service.output


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"HAGWORM_SERVER__LOOP": "uvlop"}, "server.loop: "),
        ({"HAGWORM_SERVER__PORTT": "1"}, "did you mean 'HAGWORM_SERVER__PORT'?"),
    ],
)
async def test_wrong_settings_are_told_once_and_end_with_3(
    folder: Path, environment: dict[str, str], text: str
) -> None:
    async with gunicorn(folder, **environment) as service:
        assert await service.ended() == 3
        assert service.output.count(text) == 1
        assert "Traceback" not in service.output


async def test_tls_is_refused_instead_of_served_in_the_clear(folder: Path) -> None:
    (folder / "key.pem").write_text("")

    async with gunicorn(folder, "--certfile", "key.pem") as service:
        assert await service.ended() == 1
        assert "does not end TLS" in service.output
        assert "Traceback" not in service.output


async def test_every_application_has_a_control_socket_of_its_own(folder: Path) -> None:
    # The address of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="hw") as short:
        await check_control_sockets(folder, Path(short))


async def check_control_sockets(folder: Path, short: Path) -> None:
    run = {"XDG_RUNTIME_DIR": str(short)}

    async with gunicorn(folder, **run) as first, gunicorn(folder, **run) as second:
        paths = []

        for service in (first, second):
            await started(service)
            paths.append(Path((await service.wrote(r"Control socket listening at (.*)\n"))[1]))

        assert paths[0] != paths[1]
        assert {path.parent for path in paths} == {short / "hagworm"}
        assert (short / "hagworm").stat().st_mode & 0o777 == 0o700

        for service in (first, second):
            service.send(signal.SIGTERM)
            assert await service.ended() == 0

        assert not any(path.exists() for path in paths)


async def test_a_control_socket_that_the_user_chose_is_kept(folder: Path) -> None:
    async with gunicorn(folder, "--control-socket", str(folder / "mine.ctl")) as service:
        await service.wrote(f"Control socket listening at {folder / 'mine.ctl'}\n")


async def test_arbiter_and_workers_log_in_one_format(folder: Path) -> None:
    async with gunicorn(folder, HAGWORM_LOG__FORMAT="json") as service:
        await service.wrote("serving 'Orders' on http://")
        await service.wrote("startup\n", times=2)
        service.send(signal.SIGTERM)
        assert await service.ended() == 0
        lines = [line for line in service.lines if line.strip() not in ("startup", "shutdown")]

        assert lines and all(line.startswith('{"time": ') for line in lines)


async def test_a_log_file_that_gunicorn_was_given_gets_everything(folder: Path) -> None:
    async with gunicorn(folder, "--error-logfile", "errors.log", "--access-logfile", "access.log") as service:
        await service.wrote("startup\n", times=2)
        log = folder / "errors.log"
        port = await asyncio.to_thread(port_in, log)

        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        await reader.read()
        writer.close()
        service.send(signal.SIGTERM)
        assert await service.ended() == 0

        assert service.lines == ["startup\n"] * 2 + ["shutdown\n"] * 2
        assert "serving 'Orders'" in log.read_text() and "Booting worker" in log.read_text()
        assert '"GET /" 200' in (folder / "access.log").read_text()


def port_in(log: Path) -> int:
    while "serving 'Orders' on " not in (text := log.read_text()):
        pass

    return int(text.partition("serving 'Orders' on http://127.0.0.1:")[2].split()[0])


async def test_reload_serves_what_has_changed_and_shows_what_is_broken(folder: Path) -> None:
    async with gunicorn(folder, "--reload", workers=1) as service:
        await started(service, 1)
        (folder / "orders.py").write_text("this is (not python")
        # gunicorn's reloader compares times of whole files once a second.
        await service.wrote("cannot load orders:app: SyntaxError")
        answer = await service.get("/anything?x=1")
        assert (answer.status, b"this is (not python" in answer.body) == (500, True)

        (folder / "orders.py").write_text(APPLICATION)
        await service.wrote("startup\n", times=2)
        assert (await service.get()).status == 200
        service.send(signal.SIGTERM)
        assert await service.ended() == 0


async def test_the_hooks_of_a_configuration_file_are_called(folder: Path) -> None:
    (folder / "conf.py").write_text(
        "def when_ready(server): print('hook when_ready', flush=True)\n"
        "def post_worker_init(worker): print('hook post_worker_init', flush=True)\n"
        "def worker_int(worker): print('hook worker_int', flush=True)\n"
        "def worker_exit(server, worker): print('hook worker_exit', flush=True)\n"
    )

    async with gunicorn(folder, "-c", "conf.py", workers=1) as service:
        await started(service, 1)
        service.send(signal.SIGINT)
        assert await service.ended() == 0
        hooks = [line.split()[1] for line in service.lines if line.startswith("hook")]

        assert hooks == ["when_ready", "post_worker_init", "worker_int", "worker_exit"]


async def test_each_worker_may_have_a_socket_of_its_own(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as free:
        port = free.getsockname()[1]

    async with gunicorn(folder, "--reuse-port", bind=f"127.0.0.1:{port}") as service:
        await started(service)
        pids = set()

        async with asyncio.timeout(20):
            while len(pids) < 2:
                pids.add((await service.get()).body)

        service.send(signal.SIGTERM)
        assert await service.ended() == 0
