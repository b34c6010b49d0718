"""What asking and answering over sockets costs here, beside the bare libraries below.

    pip install aiohttp
    python benchmarks/toolbox/net.py [--rounds 9] [--count 400] [--loop asyncio]

The server is a process of its own, so that the figures are those of the client. All candidates run in one process and
take turns (A B C A B C …); a figure is the median of the rounds, in microseconds of processor time per operation. A
ratio above 1 means that the candidate costs more than the bare library, which comes first.
"""

import argparse
import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median

from hagworm.extend.asyncio.base.loop import LOOPS, loop_factory
from hagworm.extend.asyncio.net import FramedServer, HTTPClient, LengthPrefixed, connect
from hagworm.extend.net.policy import URLPolicy

Runner = Callable[[int], Awaitable[object]]

SERVER = """
import asyncio

class Answer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if data.startswith(b"GET"):
            head = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\nContent-Length: 13\\r\\n\\r\\n"
            self.transport.write(head + b"forty-two: 42")
        else:
            self.transport.write(data)

async def main():
    server = await asyncio.get_running_loop().create_server(Answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""

MESSAGE = b"x" * 100


async def compare(title: str, goal: str, candidates: dict[str, Runner], rounds: int, count: int) -> None:
    """Print the medians of each candidate, and its ratio to the first."""
    used: dict[str, list[float]] = {name: [] for name in candidates}

    for run in candidates.values():
        await run(max(1, count // 10))

    for _ in range(rounds):
        for name, run in candidates.items():
            gc.collect()
            start = time.process_time()
            await run(count)
            used[name].append((time.process_time() - start) / count * 1e6)

    print(f"\n{title} (goal: {goal})")
    bare = median(used[next(iter(used))])

    for name, figures in used.items():
        print(f"  {name:<44} {median(figures):9.1f} µs   x{median(figures) / bare:.2f}")


async def asking(port: int, rounds: int, count: int) -> None:
    try:
        import aiohttp
    except ImportError:
        print("not installed, left out: aiohttp (pip install aiohttp)")
        return

    url = f"http://127.0.0.1:{port}/"
    plain = HTTPClient()
    bounded = HTTPClient(retry=None, breaker=None)
    guarded = HTTPClient(policy=URLPolicy(ports=None, networks=["127.0.0.1/32"]))

    def asks(client: HTTPClient) -> Runner:
        async def run(count: int) -> None:
            for _ in range(count):
                _ = (await client.get(url)).bytes

        return run

    async with aiohttp.ClientSession() as session, plain, bounded, guarded:

        async def bare(count: int) -> None:
            for _ in range(count):
                async with session.get(url) as answer:
                    await answer.read()

        candidates: dict[str, Runner] = {
            "aiohttp.ClientSession": bare,
            "HTTPClient: deadline, retry, breaker, limits": asks(plain),
            "HTTPClient without retry and breaker": asks(bounded),
            "HTTPClient with a policy for URLs": asks(guarded),
        }
        await compare("GET of 13 bytes over one connection", "<= 1.30", candidates, rounds, count)


async def framing(port: int, rounds: int, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    connection = await connect("127.0.0.1", port, framing=LengthPrefixed())

    async def bare(count: int) -> None:
        for _ in range(count):
            writer.write(len(MESSAGE).to_bytes(4, "big") + MESSAGE)
            await writer.drain()
            size = int.from_bytes(await reader.readexactly(4), "big")
            await reader.readexactly(size)

    async def ours(count: int) -> None:
        for _ in range(count):
            await connection.send(MESSAGE)
            await connection.receive()

    candidates: dict[str, Runner] = {"asyncio streams, by hand": bare, "FramedConnection": ours}

    try:
        await compare("a framed message of 100 bytes, there and back", "<= 1.15", candidates, rounds, count)
    finally:
        writer.close()
        await connection.aclose()


async def many(rounds: int, count: int) -> None:
    """Both sides in this process: a burst of messages in one direction."""
    done = asyncio.Event()

    async def take(connection: object) -> None:
        async for _ in connection:  # type: ignore[attr-defined]  # a FramedConnection
            pass

        done.set()

    async def take_bare(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(4):
            if len(head) < 4:
                head += await reader.readexactly(4 - len(head))

            await reader.readexactly(int.from_bytes(head, "big"))

        writer.close()
        done.set()

    async with FramedServer(take, port=0) as server:
        listener = await asyncio.start_server(take_bare, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]

        async def ours(count: int) -> None:
            done.clear()

            async with await connect("127.0.0.1", server.port) as connection:
                for _ in range(count):
                    await connection.send(MESSAGE)

            await done.wait()

        async def bare(count: int) -> None:
            done.clear()
            _, writer = await asyncio.open_connection("127.0.0.1", port)

            for _ in range(count):
                writer.write(len(MESSAGE).to_bytes(4, "big") + MESSAGE)
                await writer.drain()

            writer.close()
            await done.wait()

        try:
            await compare(
                "framed messages of 100 bytes, one way",
                "<= 1.15",
                {"asyncio streams, by hand": bare, "FramedConnection to FramedServer": ours},
                rounds,
                count * 10,
            )
        finally:
            listener.close()


async def run_all(port: int, rounds: int, count: int) -> None:
    await asking(port, rounds, count)
    await framing(port, rounds, count)
    await many(rounds, count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--loop", choices=LOOPS, default="asyncio")
    options = parser.parse_args()
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None

    try:
        port = int(server.stdout.readline())

        with asyncio.Runner(loop_factory=loop_factory(options.loop)) as runner:
            runner.run(run_all(port, options.rounds, options.count))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
