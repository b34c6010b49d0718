"""In development a changed file is served at once, and nobody who connects meanwhile is refused."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from hagworm import App
from hagworm.extend.error import MissingExtra
from hagworm.facade.serving.reload import run_reloading, source_folders
from hagworm.facade.settings import ServerSettings
from tests.service import APPLICATION, Service, running

once = pytest.mark.asyncio(loop_factories=["asyncio"])
"""The loop of the test is not that of the service, so one of them is enough."""

VERSION = '@app.get("/version")\nasync def version() -> dict:\n    return {"version": 1}\n\nif __name__'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, 1)
    return tmp_path


def write(folder: Path, version: int) -> None:
    text = APPLICATION.replace("if __name__", VERSION.replace("1}", f"{version}}}"))
    (folder / "orders.py").write_text(text)


def reloading(folder: Path, **settings: str) -> Any:
    values = {"ENGINE": "asgi", "PORT": "0", "RELOAD": "true", **settings}
    return running(["orders.py"], folder=folder, **{f"HAGWORM_SERVER__{name}": value for name, value in values.items()})


async def is_served(service: Service, version: int) -> None:
    """Ask until the version is there; every request on the way must be answered."""
    async with asyncio.timeout(20):
        while (await service.get("/version")).body != f'{{"version":{version}}}'.encode():
            pass


@once
async def test_a_change_is_served_without_a_refused_connection(folder: Path) -> None:
    async with reloading(folder) as service:
        await service.ready()
        await is_served(service, 1)

        for version in (2, 3):
            write(folder, version)
            await service.wrote(r"orders\.py changed, restarting", times=version - 1)
            await is_served(service, version)

        assert service.output.count("shutdown\n") == 2
        service.send(signal.SIGTERM)
        assert await service.ended() == 0
        assert service.output.count("startup\n") == service.output.count("shutdown\n") == 3


@once
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
async def test_a_terminals_signal_stops_parent_and_child_gracefully(folder: Path, number: signal.Signals) -> None:
    async with reloading(folder) as service:
        await service.ready()
        asked = asyncio.ensure_future(service.get("/slow?seconds=0.3"))
        await service.wrote("begun\n")
        # As a terminal sends it: to all of the group.
        os.killpg(service.process.pid, number)

        assert (await asked).status == 200
        assert await service.ended() == 0
        assert service.output.count("shutdown\n") == 1


@once
async def test_a_broken_file_is_waited_out(folder: Path) -> None:
    async with reloading(folder) as service:
        await service.ready()
        (folder / "orders.py").write_text("this is (not python")
        await service.wrote("the service ended with exit code 1; waiting for a file to change")
        write(folder, 2)
        await is_served(service, 2)
        service.send(signal.SIGTERM)

        assert await service.ended() == 0


@once
async def test_what_does_not_end_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with reloading(folder) as service:
        await service.ready()
        asked = asyncio.ensure_future(service.get("/block?seconds=600"))
        await asyncio.sleep(0.1)
        write(folder, 2)
        await service.wrote("changed, restarting")
        await is_served(service, 2)
        await asyncio.gather(asked, return_exceptions=True)
        service.send(signal.SIGTERM)

        assert await service.ended() == 0


@once
async def test_files_that_are_no_source_change_nothing(folder: Path) -> None:
    async with reloading(folder) as service:
        await service.ready()
        (folder / "orders.db").write_text("rows")
        (folder / "notes.txt").write_text("text")
        (folder / "__pycache__").mkdir(exist_ok=True)
        (folder / "__pycache__" / "orders.py").write_text("cached")
        (folder / "hagworm.toml").write_text("")
        await service.wrote("hagworm.toml changed, restarting")

        assert service.output.count("restarting") == 1


@once
async def test_the_file_of_a_unix_socket_goes_with_the_parent(folder: Path) -> None:
    path = folder / "orders.sock"

    async with reloading(folder, UDS=str(path)) as service:
        await service.ready()
        write(folder, 2)
        await service.wrote("changed, restarting")
        await is_served(service, 2)
        assert path.exists()
        service.send(signal.SIGTERM)

        assert await service.ended() == 0
        assert not path.exists()


def test_without_watchfiles_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "watchfiles", None)

    with pytest.raises(MissingExtra, match=r'pip install "hagworm\[dev\]"'):
        run_reloading(ServerSettings(port=0))


def test_the_working_folder_is_watched_and_what_is_installed_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "source"
    beside = tmp_path.parent / f"{tmp_path.name}-beside"
    inner.mkdir()
    beside.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "path", [str(inner), str(beside), sys.prefix, os.path.dirname(os.__file__), "/nowhere.zip"]
    )

    assert source_folders() == [tmp_path, beside]


def test_an_application_in_another_thread_cannot_reload() -> None:
    import threading

    from hagworm.facade.serving import serve
    from hagworm.facade.settings import FrameSettings

    app = App()
    app.configure(FrameSettings())
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(serve(app, reload=True, port=0)))
    thread.start()
    thread.join()

    assert codes == [2]
