"""Several workers behind `serve`: the same promises, the same exit codes, and a caller that is left alone."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.service import APPLICATION, Load, running

both = pytest.mark.parametrize("engine", ["fastapi", "tornado"])

AFTER = """
    import logging, tempfile
    before = [signal.getsignal(n) for n in range(1, 32)], dict(os.environ)

    with tempfile.TemporaryDirectory(dir=".") as folder:
        code = serve(app)
        print("folder is still there", os.path.isdir(folder), flush=True)

    print("handlers are back", before == ([signal.getsignal(n) for n in range(1, 32)], dict(os.environ)), flush=True)
    sys.exit(code)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.py").write_text(APPLICATION)
    (tmp_path / "run").mkdir()
    return tmp_path


def serving(folder: Path, engine: str = "asgi", **settings: Any) -> Any:
    values = {"ENGINE": engine, "PORT": 0, "WORKERS": 2, **{name.upper(): value for name, value in settings.items()}}
    return running(
        ["orders.py"],
        folder=folder,
        XDG_RUNTIME_DIR=str(folder / "run"),
        **{f"HAGWORM_SERVER__{name}": str(value) for name, value in values.items()},
    )


@pytest.mark.parametrize(
    ("engine", "number"),
    [("fastapi", signal.SIGTERM), ("tornado", signal.SIGTERM), ("fastapi", signal.SIGINT), ("tornado", signal.SIGQUIT)],
)
async def test_every_stop_signal_answers_what_was_accepted_and_runs_the_shutdown(
    folder: Path, engine: str, number: signal.Signals
) -> None:
    async with serving(folder, engine) as service:
        await service.ready()
        await service.wrote("startup\n", times=2)
        load = Load(service)
        load.start()
        await load.answered(200)
        service.send(number)
        await load.end()

        assert await service.ended() == 0
        assert load.lost == []
        assert service.output.count("shutdown\n") == 2
        assert f"(engine {engine}, 2 workers)" in service.output or "uvicorn" in service.output


@both
async def test_a_worker_that_dies_is_replaced(folder: Path, engine: str) -> None:
    async with serving(folder, engine) as service:
        await service.ready()
        await service.wrote("startup\n", times=2)
        victim = int((await service.get()).body.split(b":")[1].strip(b"}"))
        os.kill(victim, signal.SIGKILL)
        await service.wrote("startup\n", times=3)
        assert (await service.get()).status == 200
        service.send(signal.SIGTERM)
        assert await service.ended() == 0


async def test_the_callers_clean_up_runs_once_and_its_process_is_as_before(folder: Path) -> None:
    main = APPLICATION.partition("    sys.exit(serve(app))")[0] + AFTER
    (folder / "orders.py").write_text(main)

    async with serving(folder) as service:
        await service.ready()
        await service.wrote("startup\n", times=2)
        os.kill(int((await service.get()).body.split(b":")[1].strip(b"}")), signal.SIGTERM)
        await service.wrote("startup\n", times=3)
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        assert service.output.count("folder is still there True\n") == 1
        assert service.output.count("handlers are back True\n") == 1


async def test_a_failed_start_is_told_once_and_ends_with_3(folder: Path) -> None:
    broken = APPLICATION.replace('print("startup", flush=True)', 'raise ConnectionError("no database at db:5432")')
    (folder / "orders.py").write_text(broken)

    async with serving(folder, workers=3) as service:
        assert await service.ended() == 3
        assert service.output.count("start-up failed: ") == service.output.count("Traceback") == 1


async def test_a_port_in_use_is_found_before_a_worker_is_made(folder: Path) -> None:
    async with serving(folder) as first:
        await first.ready()

        async with serving(folder, port=first.port) as second:
            assert await second.ended() == 2, second.output
            assert len(second.lines) == 1


async def test_the_file_of_a_unix_socket_goes(folder: Path) -> None:
    path = folder / "orders.sock"

    async with serving(folder, uds=path) as service:
        await service.ready()
        assert (await service.get()).status == 200
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        assert not path.exists()


async def test_the_control_socket_is_the_one_of_the_settings(folder: Path) -> None:
    async with serving(folder, control_socket=folder / "mine.ctl") as service:
        await service.wrote(f"Control socket listening at {folder / 'mine.ctl'}\n")


async def test_the_drain_ends_in_time_and_the_shutdown_runs(folder: Path) -> None:
    async with serving(folder, drain_timeout=0.5) as service:
        await service.ready()
        asked = asyncio.ensure_future(service.get("/slow?seconds=60"))
        await service.wrote("startup\n", times=2)
        await service.wrote("begun\n")
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        await asyncio.gather(asked, return_exceptions=True)
        assert service.output.count("shutdown\n") == 2
