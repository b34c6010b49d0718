"""`serve` blocks, returns an exit code, and leaves the process as it found it."""

import asyncio
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hagworm import App
from hagworm.facade.serving import serve
from hagworm.facade.settings import FrameSettings


@pytest.fixture
def app() -> App:
    app = App(title="Orders")
    app.configure(FrameSettings())
    return app


def state() -> list[Any]:
    root = logging.getLogger()
    handlers = [signal.getsignal(number) for number in range(1, signal.NSIG) if number not in (32, 33)]
    return [*handlers, signal.set_wakeup_fd(-1), [*root.handlers], root.level, dict(os.environ)]


def stop_when_served(path: Path) -> None:
    """Wait until somebody listens, then ask this very process to stop."""
    deadline = time.monotonic() + 20

    while time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as client:
            if client.connect_ex(str(path)) == 0:
                break

    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("engine", ["asgi", "tornado"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_process_that_has_served_is_as_it_was(app: App, tmp_path: Path, engine: str, loop: str) -> None:
    calls: list[str] = []

    @app.lifespan
    async def lifespan(app: App) -> AsyncIterator[None]:
        calls.append("startup")
        yield
        calls.append("shutdown")

    path = tmp_path / "orders.sock"
    before = state()
    stopper = threading.Thread(target=stop_when_served, args=(path,))
    stopper.start()
    code = serve(app, engine=engine, uds=str(path), loop=loop)
    stopper.join()

    assert (code, calls) == (0, ["startup", "shutdown"])
    assert state() == before
    assert asyncio._get_running_loop() is None
    assert not path.exists()


def test_arguments_win_over_the_settings(app: App, caplog: pytest.LogCaptureFixture) -> None:
    assert serve(app, engine="tornadoo", port=0) == 2
    assert "unknown engine 'tornadoo'" in caplog.text


def test_failures_are_logged_and_never_raised(app: App, caplog: pytest.LogCaptureFixture) -> None:
    @app.lifespan
    async def broken(app: App) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    assert serve(app, engine="asgi", port=0) == 3
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "no database" in record.getMessage()
    assert record.exc_info is not None and isinstance(record.exc_info[1], OSError)
