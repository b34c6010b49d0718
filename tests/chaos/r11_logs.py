"""R11: no request forges, overwrites or breaks a record, and no sink that takes nothing slows a request down."""

import asyncio
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

from hagworm import App, Request
from hagworm.extend.logging import LineHandler, LogSettings, TextFormatter, set_up
from hagworm.testing import Client
from tests.chaos.bar import Bar, Trial, main

PROMISE = "every record is one parseable line of 8 KiB at most, whatever is sent; sinks that fail cost counted lines"

EVIL = (
    b"\r\n",
    b"\x1b[2J",
    b"\x00",
    b"%0a",
    b"%0d%0a",
    b"%1b%5b2J",
    b"%00",
    b"%s %d %n",
    b"{} {0} {a!r}",
    b"\xe2\x80\xa8",
    b"%e2%80%a8",
    b"\xc2\x85",
    b"%c2%85",
    b'" 200 1 1ms x',
    b"\\n",
    b"\xff\xfe",
    b"A" * 6000,
)
FORGED = b"2026-01-01 00:00:00.000 [1] ERROR forged: "
ENGINES = ("fastapi", "tornado")
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
RECORD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[(\d+)\] ([A-Z]+) ([\w.]+): ")

app = App(title="Logs")
business = logging.getLogger("business")


@app.get("/{rest:path}")
async def read(request: Request, rest: str) -> str:
    business.info("%s asks for %s with %s", request.headers.get("user-agent"), rest, request.headers.get("x-evil"))
    return "ok"


@app.post("/fail")
async def fail(request: Request) -> str:
    body = (await request.body()).decode("latin-1")
    business.warning(body.replace("%", "%%"))
    raise RuntimeError(body)


@contextmanager
def logging_to(settings: LogSettings) -> Iterator[LineHandler]:
    handler = set_up(settings)

    try:
        yield handler
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def requests(bar: Bar, count: int) -> Iterator[tuple[bytes, bool]]:
    """Yield requests, and whether HTTP allows them."""
    for number in range(count):
        evil = bar.random.choice(EVIL) + FORGED + bar.random.choice(EVIL)

        # Spaces would end the target, and line ends the field.
        target = evil.replace(b" ", b"%20").replace(b"\r\n", b"%0d%0a")
        value = evil.replace(b"\r\n", b"\t").replace(b"\x00", b"\x01")
        host = b"host: x\r\nconnection: close\r\n"

        match number % 4:
            case 0:
                yield b"GET /" + target + b" HTTP/1.1\r\n" + host + b"\r\n", False
            case 1:
                yield (
                    b"GET /a HTTP/1.1\r\n" + host + b"x-evil: " + value + b"\r\nuser-agent: " + value + b"\r\n\r\n",
                    False,
                )
            case 2:
                length = b"content-length: %d\r\n\r\n" % len(evil)
                yield b"POST /fail HTTP/1.1\r\n" + host + length + evil, True
            case _:
                yield b"GE\x00T " + target + b"\r\n" + FORGED + b"\r\n\r\n", False


async def send(engine: str, sent: list[bytes]) -> list[int]:
    """Send each request on a connection of its own, and return the status codes."""
    async with Client(app, engine=engine) as client:
        return [(await client.raw(data)).status for data in sent]


def check_records(trial: Trial, text: str, form: str, sent: int, failing: int) -> None:
    loud = 0

    # Only what ends a line for everybody ends a record.
    for line in text.split("\n")[:-1]:
        trial.expect(len(line.encode()) <= 8192, f"a record has {len(line.encode())} bytes")
        trial.expect(len(line.splitlines()) == 1, f"a record is one line: {line[:200]!r}")

        if form == "json":
            fields = json.loads(line)
            trial.expect(fields["pid"] == os.getpid() and fields["logger"] != "forged", f"forged: {line[:200]!r}")
            loud += fields["level"] in ("warning", "error", "critical") and fields["logger"] != "business"
        elif not line.startswith("  | "):
            match = RECORD.match(line)
            trial.expect(match is not None and match[1] == str(os.getpid()), f"no record: {line[:200]!r}")
            trial.expect(match is not None and match[3] != "forged", f"forged: {line[:200]!r}")
            loud += match is not None and match[2] in ("WARNING", "ERROR", "CRITICAL") and match[3] != "business"

    trial.note(requests=sent, failing=failing, loud=loud)
    trial.expect(loud <= sent, f"{loud} warnings for {sent} requests")


def fuzz(bar: Bar, engine: str, loop: str, form: str, count: int) -> None:
    with bar.trial(f"{engine}, {loop}, {form}") as trial, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.log"
        cases = list(requests(bar, count))

        with logging_to(LogSettings(to=str(path), format=form, queue=1_000_000)):  # type: ignore[arg-type]  # one of two
            with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
                statuses = runner.run(send(engine, [data for data, _ in cases]))

        trial.note(statuses={status: statuses.count(status) for status in set(statuses)})
        check_records(trial, path.read_text("utf-8"), form, count, sum(fails for _, fails in cases))


def broken(bar: Bar, engine: str, name: str, count: int) -> None:
    """Serve while the sink takes nothing."""
    with bar.trial(f"{engine}, {name}") as trial:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)

        try:
            while True:
                os.write(writer, b"x" * 65536)
        except BlockingIOError:
            os.set_blocking(writer, True)

        to = "/dev/full" if name == "full disk" else f"/proc/self/fd/{writer}"
        data = b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"

        with logging_to(LogSettings(to=to, queue=20)) as handler:
            start = time.monotonic()
            statuses = asyncio.run(send(engine, [data] * count))
            seconds = time.monotonic() - start

        os.close(reader)
        os.close(writer)
        trial.note(seconds=round(seconds, 3), lost=handler.lost)
        trial.expect(statuses == [200] * count, "every request was answered")
        trial.expect(seconds < count * 0.1, f"requests did not wait: {seconds:.1f} s for {count}")
        trial.expect(handler.lost >= 2 * count, f"{handler.lost} lines are counted as lost")


async def log_many(count: int, stalls: list[float]) -> None:
    for number in range(count):
        start = time.perf_counter()
        business.info("order %d paid by %s", number, "Ada")
        stalls.append(time.perf_counter() - start)

        if not number % 1000:
            await asyncio.sleep(0)


def burst(bar: Bar, queue: int, count: int) -> None:
    """Log without a pause: nothing is lost that is not counted, and no call takes long (T12)."""
    with bar.trial(f"{count} records through a queue of {queue}") as trial, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.log"
        stalls: list[float] = []

        with logging_to(LogSettings(to=str(path), queue=queue)) as handler:
            assert isinstance(handler.formatter, TextFormatter)
            asyncio.run(log_many(count, stalls))

        written = sum(b"INFO business: order" in line for line in path.read_bytes().split(b"\n"))
        stalls.sort()
        p99 = stalls[int(len(stalls) * 0.99)] * 1000
        trial.note(
            written=written, lost=handler.lost, p50=stalls[len(stalls) // 2] * 1000, p99=p99, worst=stalls[-1] * 1000
        )
        trial.expect(written + handler.lost == count, f"{written} written and {handler.lost} lost are {count}")
        trial.expect(p99 < 1, f"99 of 100 calls take less than a millisecond, not {p99:.3f}")


def run(bar: Bar) -> None:
    """Send what attackers send, to each engine on each loop; then fail to write; then write a lot."""
    for number, engine in enumerate(ENGINES):
        for turn, loop in enumerate(LOOPS):
            count = 2500 if bar.is_long else 100
            fuzz(bar, engine, loop, ("text", "json")[(number + turn) % 2], count)

        for name in ("full disk", "blocked pipe"):
            broken(bar, engine, name, 200 if bar.is_long else 40)

    for queue in (10_000, 100):
        burst(bar, queue, 1_000_000 if bar.is_long else 100_000)


if __name__ == "__main__":
    main(__file__, PROMISE, run)
