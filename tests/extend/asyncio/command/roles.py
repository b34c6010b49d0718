"""Main processes and children that the tests of the launcher run."""

import asyncio
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hagworm.extend.asyncio.command import ChildProcess, MainProcess, rpc
from hagworm.extend.error import TaskFailed, WorkerDied


@dataclass
class Order:
    """What is worked on."""

    number: int
    name: str = ""


class Worker(ChildProcess):
    """Doubles numbers, and does what else the tests want."""

    def __init__(self, factor: int = 2, *, folder: str = "") -> None:
        self.factor = factor
        self.folder = Path(folder)

    async def on_start(self) -> None:
        await self.main.call("greet", self.slot, os.getpid())

    async def handle(self, item: Any) -> Any:
        match item:
            case int():
                return item * self.factor
            case ["die once", str(mark)]:
                if not Path(mark).exists():
                    Path(mark).touch()
                    os.kill(os.getpid(), signal.SIGKILL)

                return "survived"
            case "die":
                os._exit(9)
            case "fail":
                raise LookupError("no such thing")
            case ["slow", str(mark)]:
                Path(mark).touch()
                await asyncio.sleep(0.3)
                return "done"
            case "for ever":
                await asyncio.sleep(600)

        return item

    @rpc
    async def price(self, order: Order, *, times: int = 1) -> Order:
        return Order(order.number * times, f"slot {self.slot}")

    @rpc
    def pid(self) -> int:
        return os.getpid()

    async def secret(self) -> str:
        return "not to be called"

    async def on_stop(self) -> None:
        if self.folder.name:
            (self.folder / f"stopped-{self.slot}").touch()


class Desk(MainProcess):
    """Notes who has come, and runs a scenario by its name."""

    def __init__(self, scenario: str = "", *, mark: str = "") -> None:
        self.scenario = scenario
        self.mark = mark
        self.greeted: list[tuple[int, int]] = []
        self.result: Any = None
        self.trace: list[str] = []

    async def on_start(self) -> None:
        self.trace.append("start")

    async def on_stop(self) -> None:
        self.trace.append("stop")

    @rpc
    def greet(self, slot: int, pid: int) -> None:
        self.greeted.append((slot, pid))

    async def run(self) -> int | None:
        self.trace.append("run")
        scenario = getattr(self, self.scenario, super().run)
        self.result = await scenario()
        return self.result if isinstance(self.result, int) else None

    async def many(self) -> list[int]:
        return await asyncio.gather(*[self.submit(number) for number in range(200)])

    async def die_once(self) -> list[Any]:
        return await asyncio.gather(self.submit(["die once", self.mark]), *[self.submit(n) for n in range(20)])

    async def die(self) -> str:
        try:
            await self.submit("die")
        except WorkerDied as exc:
            return str(exc)

        return "alive"

    async def fail(self) -> tuple[str, str, bool]:
        try:
            await self.submit("fail")
        except TaskFailed as exc:
            return exc.kind, exc.text, "raise LookupError" in exc.trace

        return "", "", False

    async def calls(self) -> Any:
        while len(self.children) < 2:
            await asyncio.sleep(0.01)

        child = self.children[1]
        order = await child.call(Worker.price, Order(4, "x"), times=3)
        errors = []

        for name, args in (("secret", ()), ("price", (5,)), ("price", ()), ("nothing", ())):
            try:
                await child.call(name, *args)
            except TaskFailed as exc:
                errors.append(exc.kind)

        return order, await child.call(Worker.pid) == child.pid, errors

    async def five(self) -> int:
        return 5

    async def boom(self) -> None:
        raise RuntimeError("boom")

    async def wait_for_slow(self) -> Any:
        try:
            return await self.submit(["slow", self.mark])
        except asyncio.CancelledError:
            self.trace.append("cancelled")
            raise

    async def put_some(self) -> Any:
        for number in range(50):
            await self.put(number)

        await self.join()
        return self.work.statistics().done


def note(slot: int, folder: str) -> int:
    """Be a child that is a function."""
    (Path(folder) / str(slot)).write_text(str(os.getpid()))
    return 0


async def note_later(slot: int, folder: str) -> int:
    """Be a child that is a coroutine function."""
    await asyncio.sleep(0)
    return note(slot, folder) + 3 * slot


def spin(slot: int) -> None:
    """Take no notice of anything."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


if __name__ == "__main__":
    from hagworm.extend.asyncio.command import Launcher

    role = Worker(folder=sys.argv[2])
    sys.exit(Launcher(subprocess=2, daemon=Desk(sys.argv[1], mark=sys.argv[3])).run(role))
