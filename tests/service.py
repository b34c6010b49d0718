"""Services in processes of their own, and clients that lose nothing without saying so."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 20.0
READY = re.compile(r"serving '.*?' on (?:http://(?P<host>[^ :]+|\[[^ ]+\]):(?P<port>[0-9]+)|unix:(?P<path>[^ ]+))")

APPLICATION = r"""
import asyncio, os, signal, sys, time
from hagworm import App, WebSocket, serve

app = App(title="Orders")

@app.lifespan
async def lifespan(app: App):
    print("startup", flush=True)
    yield
    await asyncio.sleep(0)
    print("shutdown", flush=True)

@app.get("/")
async def root() -> dict:
    return {"pid": os.getpid()}

@app.get("/slow")
async def slow(seconds: float) -> dict:
    print("begun", flush=True)
    await asyncio.sleep(seconds)
    return {"pid": os.getpid()}

@app.get("/large")
async def large() -> dict:
    return {"pid": os.getpid(), "text": "x" * 4_000_000}

@app.get("/block")
async def block(seconds: float) -> dict:
    time.sleep(seconds)
    return {"pid": os.getpid()}

@app.get("/spin")
async def spin() -> None:
    caught = signal.getsignal(signal.SIGINT)

    def tell(number, frame) -> None:
        # Not print, which a second signal may find half done.
        os.write(1, b"signal\n")
        caught(number, frame)

    signal.signal(signal.SIGINT, tell)
    print("spinning", flush=True)

    while True:
        pass

@app.websocket("/feed")
async def feed(ws: WebSocket) -> None:
    await ws.accept()

    async for message in ws:
        await ws.send(message)

@app.get("/thread")
def thread(seconds: float) -> dict:
    print("begun", flush=True)
    time.sleep(seconds)
    return {"pid": os.getpid()}

if __name__ == "__main__":
    sys.exit(serve(app))
"""


class Service:
    """A child process, the lines it has written so far, and its exit code."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.grown = asyncio.Event()
        self.reading = asyncio.ensure_future(self.read())
        self.host = "127.0.0.1"
        self.port = 0
        self.path: str | None = None

    @property
    def output(self) -> str:
        return "".join(self.lines)

    async def read(self) -> None:
        assert self.process.stdout is not None

        while line := await self.process.stdout.readline():
            self.lines.append(line.decode(errors="replace"))
            self.grown.set()

        self.grown.set()

    async def wrote(self, pattern: str, *, times: int = 1) -> re.Match[str]:
        """Wait for output that matches, for the n-th time, and return the match."""
        async with asyncio.timeout(PATIENCE):
            while len(found := list(re.finditer(pattern, self.output))) < times:
                if self.reading.done():
                    raise AssertionError(f"the process ended without writing {pattern!r}:\n{self.output}")

                self.grown.clear()
                await self.grown.wait()

        return found[times - 1]

    async def ready(self) -> "Service":
        """Wait until it serves."""
        found = await self.wrote(READY.pattern)
        self.port = int(found["port"] or 0)
        self.path = found["path"]
        return self

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end; return the exit code."""
        async with asyncio.timeout(PATIENCE):
            await self.reading
            return await self.process.wait()

    async def connect(self) -> "tuple[asyncio.StreamReader, asyncio.StreamWriter]":
        if self.path is not None:
            return await asyncio.open_unix_connection(self.path)

        return await asyncio.open_connection(self.host, self.port)

    async def get(self, target: str = "/") -> "Answer":
        """Send one request on a connection of its own."""
        reader, writer = await self.connect()

        try:
            return await ask(reader, writer, target, close=True)
        finally:
            writer.close()


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        return self.headers.get("connection") == "close"


async def ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str, *, close: bool = False
) -> Answer:
    """Send a request and read the whole answer. Raises OSError or EOFError where there is none."""
    last = "connection: close\r\n" if close else ""
    writer.write(f"GET {target} HTTP/1.1\r\nhost: localhost\r\n{last}\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(head[0].split()[1]), headers, body)


@asynccontextmanager
async def running(
    command: Sequence[str | os.PathLike[str]], *, folder: Path, **environment: str
) -> AsyncIterator[Service]:
    """Run a command of this interpreter in `folder`; whatever is left of it at the end is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=folder,
        env=clean_environment() | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    service = Service(process)

    try:
        yield service
    finally:
        # Its workers too, which outlive a parent that was killed.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

        await service.ended()


def clean_environment() -> dict[str, str]:
    # Without PYTHONUNBUFFERED, which writes the end of a line by itself: between those of other processes.
    return {name: value for name, value in os.environ.items() if not name.startswith(("HAGWORM_", "PYTHONUNBUF"))}


@dataclass
class Load:
    """Clients that ask until they are refused, and what happened to them."""

    service: Service
    answers: int = 0
    last: int = 0
    """Answers that closed their connection."""
    lost: list[str] = field(default_factory=list)
    """Requests on connections that had been made and that got no whole answer."""
    clients: list[asyncio.Task[None]] = field(default_factory=list)
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self, *, fresh: int = 8, kept: int = 8, slow: int = 8, seconds: float = 0.3) -> None:
        """Start clients with a connection for each request, with one for all of them, and with slow requests."""
        kinds = [self.come_and_go] * fresh + [self.stay] * kept
        self.clients = [asyncio.ensure_future(kind("/")) for kind in kinds]
        self.clients += [asyncio.ensure_future(self.stay(f"/slow?seconds={seconds}")) for _ in range(slow)]

    async def answered(self, count: int) -> None:
        """Wait for `count` answers more."""
        wanted = self.answers + count

        async with asyncio.timeout(PATIENCE):
            while self.answers < wanted:
                self.enough.clear()
                await self.enough.wait()

    async def end(self) -> None:
        """Wait until every client has been refused."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self.clients)

    async def come_and_go(self, target: str) -> None:
        while connection := await self.connect():
            await self.ask(connection, target, close=True)
            connection[1].close()

    async def stay(self, target: str) -> None:
        while connection := await self.connect():
            while (answer := await self.ask(connection, target)) and not answer.is_last:
                pass

            connection[1].close()

    async def connect(self) -> "tuple[asyncio.StreamReader, asyncio.StreamWriter] | None":
        try:
            return await self.service.connect()
        except (ConnectionRefusedError, FileNotFoundError):
            return None

    async def ask(
        self,
        connection: "tuple[asyncio.StreamReader, asyncio.StreamWriter]",
        target: str,
        *,
        close: bool = False,
    ) -> Answer | None:
        began = time.monotonic()

        try:
            answer = await ask(*connection, target, close=close)
        except (OSError, EOFError) as exc:
            port = connection[1].get_extra_info("sockname")
            self.lost.append(f"{target} after {time.monotonic() - began:.3f} s, from {port}: {exc!r}")
            return None

        self.answers += 1
        self.last += answer.is_last
        self.enough.set()

        if answer.status != 200:
            self.lost.append(f"{target}: {answer.status} {answer.body!r}")

        return answer
