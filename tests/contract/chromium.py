"""A browser for tests: Chromium without a window and without a network, driven over its debugging protocol."""

import asyncio
import itertools
import json
import os
import re
import shutil
import signal
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 30.0
LISTENING = re.compile(rb"DevTools listening on ws://([0-9.:]+)/")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
    # Every name but this machine's is unknown, so a page that needs another host fails.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find_chromium() -> str:
    """Return the path of the browser; without one the test is skipped, or fails where CI is set."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path

    if os.environ.get("CI"):
        pytest.fail("chromium is not installed, and this is CI")

    pytest.skip("chromium is not installed")


class Page:
    """One page of the browser; `complaints` is what its console was told, `requests` what it has asked for."""

    def __init__(self, channel: ClientConnection) -> None:
        self.channel = channel
        self.numbers = itertools.count(1)
        self.answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def listen(self) -> None:
        """Take in what the browser says, until the connection ends, however it ends."""
        with suppress(ConnectionClosed):
            await self.take_in()

    async def take_in(self) -> None:
        async for text in self.channel:
            message = json.loads(text)
            params = message.get("params", {})

            match message.get("method"):
                case "Network.requestWillBeSent":
                    self.requests.append(params["request"]["url"])
                case "Log.entryAdded" if params["entry"]["level"] in ("warning", "error"):
                    self.complaints.append(params["entry"]["text"])
                case "Runtime.consoleAPICalled" if params["type"] in ("warning", "error", "assert"):
                    self.complaints.append(json.dumps(params["args"]))
                case "Runtime.exceptionThrown":
                    self.complaints.append(json.dumps(params["exceptionDetails"]))
                case None:
                    self.answers.pop(message["id"]).set_result(message)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and return its result."""
        number = next(self.numbers)
        answer = self.answers[number] = asyncio.get_running_loop().create_future()
        await self.channel.send(json.dumps({"id": number, "method": method, "params": params}))

        async with asyncio.timeout(PATIENCE):
            message = await answer

        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def evaluate(self, script: str) -> Any:
        """Return what the script, or the promise it makes, comes to."""
        result = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait until the expression is true in the page, looking at every frame; return what it is then."""
        return await self.evaluate(
            f"""new Promise(done => {{
                const look = () => {{
                    const found = {condition};
                    found ? done(found) : requestAnimationFrame(look);
                }};
                look();
            }})"""
        )

    async def appears(self, selector: str) -> str:
        """Wait until an element is there and says something, and return its text."""
        text: str = await self.until(f"document.querySelector({json.dumps(selector)})?.textContent")
        return text

    async def click(self, selector: str) -> None:
        """Click the first element that the selector finds, when it is there."""
        await self.appears(selector)
        await self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    async def open(self, url: str) -> None:
        """Go to `url` and wait until it is loaded."""
        await self.call("Page.navigate", url=url)
        await self.evaluate(
            "new Promise(done => document.readyState == 'complete' ? done() : addEventListener('load', () => done()))"
        )


@asynccontextmanager
async def open_page(folder: Path) -> AsyncIterator[Page]:
    """Start a browser whose profile is in `folder`, yield an empty page of it, and end it."""
    process = await asyncio.create_subprocess_exec(
        find_chromium(),
        *OPTIONS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )

    try:
        async with connect(await address_of(process), max_size=None, proxy=None) as channel:
            page = Page(channel)
            listening = asyncio.create_task(page.listen())

            for domain in ("Page", "Runtime", "Log", "Network"):
                await page.call(f"{domain}.enable")

            yield page

        await listening
    finally:
        # The browser is a family of processes, in a group of their own.
        os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


async def address_of(process: asyncio.subprocess.Process) -> str:
    """Return where the first page of the browser listens for commands."""
    assert process.stderr is not None

    async with asyncio.timeout(PATIENCE):
        async for line in process.stderr:
            if found := LISTENING.search(line):
                pages = await asyncio.to_thread(read_json, f"http://{found[1].decode()}/json/list")
                address: str = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
                return address

    raise RuntimeError("chromium ended before it listened")


def read_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return json.load(response)
