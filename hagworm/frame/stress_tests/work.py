"""One process that generates load, started by the one that leads."""

import asyncio
import gc
import socket
import sys
import time
from collections.abc import MutableSequence
from contextlib import suppress
from mmap import mmap
from typing import cast

from hagworm.extend.asyncio.base.loop import run
from hagworm.extend.error import HagwormError
from hagworm.frame.stress_tests.channel import PAGE, Channel, Line, Wired
from hagworm.frame.stress_tests.fixed import FixedLoad
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.scripted import ScriptedLoad
from hagworm.frame.stress_tests.tally import Tally

__all__ = ("main", "work")

REPORT = 1.0
"""How often figures are reported, in seconds."""

clock = time.monotonic


async def work(order: Order, channel: Channel, live: MutableSequence[int] | None = None) -> None:
    """Carry out an order, reporting through `channel` once a second; `live` is that of the tally.

    Raises what keeps the load from starting. Cancelled, it cuts the load off and reports nothing more.
    """
    tally = Tally(live=live)
    load = ScriptedLoad(order, tally) if order.scenarios else FixedLoad(order, tally)

    try:
        await load.prepare()
        zero = await channel.ready()
        used = time.process_time()

        async def report() -> None:
            while True:
                # On the edge of a second, so that each report closes one.
                await asyncio.sleep(max(zero - clock(), 0.0) + REPORT - max(clock() - zero, 0.0) % REPORT)
                await channel.report(tally.drain(clock() - zero))

        async def heed() -> None:
            await channel.stopped.wait()
            load.stop()

        others = [asyncio.create_task(report()), asyncio.create_task(heed())]

        try:
            await load.run(zero)
        finally:
            for task in others:
                task.cancel()

            await asyncio.gather(*others, return_exceptions=True)

        seconds = clock() - zero
        await channel.report(tally.drain(seconds))
        await channel.finish(seconds, time.process_time() - used)
    finally:
        await load.close()


async def serve(descriptor: int, memory: int) -> None:
    """Do what comes over an inherited socket, counting what starts in inherited memory."""
    line = await Line.over(socket.socket(fileno=descriptor))
    live = cast(MutableSequence[int], memoryview(mmap(memory, PAGE)).cast("Q"))

    try:
        if (message := await line.receive()) is None:
            return

        channel = Wired(line)
        listening = asyncio.create_task(channel.listen())
        gc.collect()
        gc.freeze()

        try:
            await work(Order.from_json(message["order"]), channel, live)
        except HagwormError as exc:
            await line.send("failed", text=str(exc), exit_code=exc.exit_code)
        except ConnectionError:
            # Who leads is gone, and with it everybody who would want to know.
            return
        except Exception as exc:
            await line.send("failed", text=f"{type(exc).__name__}: {exc}", exit_code=1)
        finally:
            listening.cancel()

            with suppress(asyncio.CancelledError):
                await listening
    finally:
        await line.close()


def main() -> None:
    """Serve the socket and the memory whose descriptors are the arguments, on the loop that is named last."""
    descriptor, memory, loop = sys.argv[1:]
    run(serve(int(descriptor), int(memory)), loop=loop)


if __name__ == "__main__":
    main()
