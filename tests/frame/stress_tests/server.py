"""A server that misbehaves as its paths say, and counts what it did: `python tests/frame/stress_tests/server.py`.

Writes its port on a line; ends when its standard input does. `--stall 1 --every 10` stops everything for a second each
ten seconds.
"""

import argparse
import asyncio
import json
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any, cast

from hagworm.extend.asyncio.base.loop import run

__all__ = ("Site", "serve", "started")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nContent-Type: text/plain\r\n\r\nHello, world!"
SLOW = 0.2
MIX = ("ok", "ok", "abort", "ok", "reset", "half", "error", "chunked", "close", "ok")


class Site:
    """What it counts: requests by path, and what it did to them; and when it stalled last."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.mix = cycle(MIX)
        self.slow: list[float] = []

    def counters(self) -> bytes:
        slow = sorted(self.slow)
        body = json.dumps({**self.counts, "slow p50": slow[len(slow) // 2] if slow else 0}).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class Talk(asyncio.Protocol):
    """One connection."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.buffer = b""
        self.actions: dict[str, Callable[[], None]] = {
            "ok": self.ok,
            "slow": self.slow,
            "abort": self.abort,
            "reset": self.reset,
            "half": self.half,
            "error": self.error,
            "chunked": self.chunked,
            "close": self.close,
            "garbage": self.garbage,
            "never": self.never,
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.site.counts["connections"] += 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data

        while (end := self.buffer.find(b"\r\n\r\n")) >= 0 and not self.transport.is_closing():
            head = self.buffer[:end].decode("latin-1")
            length = 0

            for line in head.split("\r\n")[1:]:
                if line.lower().startswith("content-length:"):
                    length = int(line.partition(":")[2])

            if len(self.buffer) < end + 4 + length:
                return

            self.buffer = self.buffer[end + 4 + length :]
            self.answer(head.split(" ")[1].strip("/").partition("?")[0])

    def answer(self, path: str) -> None:
        if path == "counters":
            self.transport.write(self.site.counters())
            return

        if path == "mix":
            path = next(self.site.mix)

        self.site.counts["received"] += 1
        self.site.counts[path] += 1
        self.actions.get(path, self.ok)()

    def ok(self) -> None:
        self.transport.write(OK)

    def slow(self) -> None:
        began = time.monotonic()

        def late() -> None:
            if not self.transport.is_closing():
                self.site.slow.append(time.monotonic() - began)
                self.transport.write(OK)

        asyncio.get_running_loop().call_later(SLOW, late)

    def abort(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def half(self) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        self.transport.close()

    def error(self) -> None:
        self.transport.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    def chunked(self) -> None:
        self.transport.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n")
        asyncio.get_running_loop().call_soon(self.transport.write, b"7;x=y\r\n, world\r\n0\r\nSum: 1\r\n\r\n")

    def close(self) -> None:
        self.transport.write(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
        self.transport.close()

    def garbage(self) -> None:
        self.transport.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    def never(self) -> None:
        """Say nothing."""


async def serve(stall: float, every: float) -> None:
    site = Site()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Talk(site), "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()

    def freeze() -> None:
        time.sleep(stall)
        loop.call_later(every - stall, freeze)

    if stall:
        loop.call_later(every / 2, freeze)

    done = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), done.set)
    await done.wait()
    server.close()


@contextmanager
def started(*options: str) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Start one; give its URL, and what asks for its counters."""
    process = subprocess.Popen(
        [sys.executable, __file__, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None

    try:
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"

        def counters() -> dict[str, Any]:
            with urllib.request.urlopen(f"{url}/counters", timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
                return found

        yield url, counters
    finally:
        process.stdin.close()

        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)

        if process.poll() is None:
            process.kill()
            process.wait()

        process.stdout.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--stall", type=float, default=0.0)
    parser.add_argument("--every", type=float, default=10.0)
    chosen = parser.parse_args()
    run(serve(chosen.stall, chosen.every))
