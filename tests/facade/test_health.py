"""Supervisors learn whether the process lives; balancers whether it wants requests, and why not."""

import asyncio
import json
import logging
import threading
from typing import Any

import pytest

from hagworm import App
from hagworm.facade.health import Readiness
from hagworm.facade.settings import DocsSettings, FrameSettings
from hagworm.testing import Client


async def ask(readiness: Readiness) -> dict[str, str]:
    return await readiness.ask()


def named(name: str, result: Any = None) -> Any:
    async def check() -> Any:
        if isinstance(result, Exception):
            raise result

        return result

    check.__name__ = name
    return check


@pytest.mark.parametrize("result", [None, True, 0, object()])
async def test_a_check_passes_unless_it_says_otherwise(result: Any) -> None:
    readiness = Readiness()
    readiness.add(named("database", result))
    assert await ask(readiness) == {"database": "ok"}


@pytest.mark.parametrize(
    ("result", "reason"), [(False, "failed"), ("no disk", "no disk"), ("", "failed"), (OSError("10.0.0.7"), "OSError")]
)
async def test_a_check_fails_with_a_reason_and_without_the_text_of_an_error(result: Any, reason: str) -> None:
    readiness = Readiness()
    readiness.add(named("database", result))
    assert await ask(readiness) == {"database": reason}


async def test_what_a_check_raised_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    readiness = Readiness()
    readiness.add(named("database", OSError("10.0.0.7")))

    with caplog.at_level(logging.WARNING, "hagworm"):
        await ask(readiness)

    (record,) = caplog.records
    assert "database" in record.getMessage()
    assert record.exc_info is not None


async def test_a_check_that_takes_too_long_has_failed() -> None:
    readiness = Readiness()
    forever = asyncio.Event()

    async def slow() -> None:
        await forever.wait()

    readiness.add(slow, timeout=0.01)
    assert await ask(readiness) == {"slow": "no answer within 0.01 seconds"}


async def test_checks_run_at_once_and_are_told_in_order() -> None:
    readiness = Readiness()
    meeting = asyncio.Barrier(3)

    for name in ("c", "a", "b"):

        async def check() -> None:
            await meeting.wait()

        readiness.add(check, name=name, timeout=5)

    assert list((await ask(readiness)).items()) == [("c", "ok"), ("a", "ok"), ("b", "ok")]


async def test_a_plain_function_runs_in_a_thread() -> None:
    readiness = Readiness()
    threads = []

    @readiness.add
    def disk() -> bool:
        threads.append(threading.current_thread())
        return True

    assert await ask(readiness) == {"disk": "ok"}
    assert threads != [threading.main_thread()]


def test_two_checks_cannot_have_one_name() -> None:
    readiness = Readiness()
    readiness.add(named("database"))

    with pytest.raises(ValueError, match="'database'"):
        readiness.add(named("database"))


async def test_a_service_lives_as_long_as_its_loop_runs() -> None:
    async with Client(App()) as client:
        response = await client.get("/-/live")

    assert (response.status, json.loads(response.body)) == (200, {"status": "live"})
    assert response.headers["cache-control"] == "no-store"


async def test_a_service_is_ready_when_every_check_passes() -> None:
    app = App()
    results: list[Any] = [True, "no disk"]

    @app.readiness
    async def disk() -> Any:
        return results.pop(0)

    async with Client(app) as client:
        ready, unready = [await client.get("/-/ready") for _ in range(2)]

    assert (ready.status, json.loads(ready.body)) == (200, {"status": "ready", "checks": {"disk": "ok"}})
    assert unready.status == 503
    assert json.loads(unready.body) == {
        "status": "not ready",
        "reasons": ["disk: no disk"],
        "checks": {"disk": "no disk"},
    }
    assert unready.headers["cache-control"] == "no-store"


async def test_a_service_that_drains_is_not_ready_whatever_its_checks_find() -> None:
    app = App()
    asked = []
    app.readiness(lambda: asked.append(1))

    async with Client(app) as client:
        app.freeze().start_draining()
        ready, live = await client.get("/-/ready"), await client.get("/-/live")

    assert (ready.status, json.loads(ready.body)["reasons"]) == (503, ["draining"])
    assert live.status == 200
    assert asked == []


async def test_a_mounted_application_tells_of_itself() -> None:
    outer, inner = App(), App()
    inner.readiness(named("inner", False))
    outer.mount("/inner", inner)

    async with Client(outer) as client:
        statuses = [(await client.get(path)).status for path in ("/-/ready", "/inner/-/ready")]

    assert statuses == [200, 503]


async def test_the_paths_are_a_matter_of_the_settings() -> None:
    app, quiet = App(), App()
    app.configure(FrameSettings(docs=DocsSettings(health="/internal/")))
    quiet.configure(FrameSettings(docs=DocsSettings(health="")))

    async with Client(app) as client, Client(quiet) as other:
        assert (await client.get("/internal/live")).status == 200
        assert (await client.get("/-/live")).status == 404
        assert (await other.get("/-/live")).status == 404
