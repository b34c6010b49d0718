"""The part of `hagworm stress` that is about several machines: leading agents, and being one."""

import asyncio
import platform
import signal
from typing import TYPE_CHECKING, Any

import click

from hagworm.cli.progress import Progress
from hagworm.extend.error import StressError

if TYPE_CHECKING:
    from hagworm.frame.stress_tests.order import Order
    from hagworm.frame.stress_tests.result import Result

__all__ = ("be_agent", "coordinate", "stop_by_signal")


async def coordinate(order: "Order", options: dict[str, Any]) -> "Result":
    """Carry out an order by agents; the first SIGINT or SIGTERM stops it, with a result."""
    from hagworm.frame.stress_tests.coordinator import Coordinator
    from hagworm.frame.stress_tests.plan import parse_seconds

    if options["processes"] is not None:
        raise StressError("each agent has its own --processes: say it there")

    wait = parse_seconds(options["wait"])
    stop = stop_by_signal()
    coordinator = Coordinator(order, options["agents"], tell=tell)

    try:
        url, key = coordinator.listen(options["listen"])
        mine = " --target-is-mine" * order.mine
        tell(f"start on each machine: hagworm stress --join {reachable(url)} --key {key.dump()}{mine}")
        await coordinator.gather(wait, stop)

        with Progress(order.plan) as progress:
            coordinator.watch = progress.watch
            return await coordinator.run(stop)
    finally:
        await coordinator.close()


def be_agent(what: str | None, options: dict[str, Any]) -> None:
    """Be an agent until the run is over."""
    from hagworm.frame.stress_tests.agent import join
    from hagworm.frame.stress_tests.plan import parse_seconds

    if what is not None:
        raise StressError(f"the coordinator says what is loaded, not an agent: leave out {what!r}")

    if options["key"] is None:
        raise StressError("an agent needs --key, or HAGWORM_STRESS_KEY: what the coordinator has printed")

    if options["processes"] is not None and options["processes"] < 1:
        raise StressError(f"there is at least one process, not {options['processes']}")

    async def work() -> None:
        await join(
            options["join"],
            options["key"],
            processes=options["processes"],
            mine=options["target_is_mine"],
            wait=parse_seconds(options["wait"]),
            stop=stop_by_signal(),
            tell=tell,
        )

    asyncio.run(work())


def stop_by_signal() -> asyncio.Event:
    """Return what the first SIGINT or SIGTERM sets; the second one does as ever."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heed(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, heed, number)

    return stop


def reachable(url: str) -> str:
    """Return the URL of a listener as other machines may reach it: by this machine's name, where it is at all."""
    address, _, port = url.rpartition(":")
    return f"tcp://{platform.node()}:{port}" if address in ("tcp://0.0.0.0", "tcp://[::]") else url


def tell(text: str) -> None:
    click.echo(text, err=True)
