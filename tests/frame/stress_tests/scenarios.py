"""Scenarios that tests run."""

import asyncio
from typing import Any, ClassVar

from hagworm.frame.stress_tests import Feeder, Scenario

EVENTS: list[Any] = []
"""What scenarios of this process did, for tests that run them inside it."""


class Mixed(Scenario):
    """Asks for whatever the server has in store."""

    async def run(self) -> None:
        await self.http.get("/mix")


class Slow(Scenario):
    """Waits for a slow answer."""

    async def run(self) -> None:
        await self.http.get("/slow")


class Raising(Scenario):
    """Raises."""

    async def run(self) -> None:
        raise ValueError("not today")


class Telling(Scenario):
    """Tells what it is called for, with data."""

    people: ClassVar[Feeder] = Feeder([{"name": "Ada"}, {"name": "Bo"}])

    @classmethod
    async def begin(cls) -> None:
        EVENTS.append("begin")

    @classmethod
    async def end(cls) -> None:
        EVENTS.append("end")

    async def set_up(self) -> None:
        EVENTS.append(f"set up {self.number}")

    async def tear_down(self) -> None:
        EVENTS.append(f"tear down {self.number}")

    async def run(self) -> None:
        person = next(self.people)
        EVENTS.append(person["name"])
        self.success("greeted", 0.01)
        self.failure("sung to", 0.02, "no voice")


class Measuring(Scenario):
    """Measures blocks, of which one raises."""

    async def run(self) -> None:
        with self.measure("fine"):
            await asyncio.sleep(0)

        with self.measure("broken"):
            raise LookupError("gone")


class Checking(Scenario):
    """Has a check that does not hold."""

    async def run(self) -> None:
        answer = await self.http.get("/ok", name="page")
        self.check("says hello", answer.text.startswith("Hello"))
        self.check("says goodbye", "goodbye" in answer.text)


class Often(Scenario):
    """Is chosen nine times out of ten."""

    weight = 9

    async def run(self) -> None:
        self.success("often", 0.001)


class Seldom(Scenario):
    """Is chosen once out of ten."""

    async def run(self) -> None:
        self.success("seldom", 0.001)


class Impatient(Scenario):
    """Gives up before the answer."""

    async def run(self) -> None:
        try:
            async with asyncio.timeout(0.05):
                await self.http.get("/never")
        except TimeoutError:
            EVENTS.append("gave up")
