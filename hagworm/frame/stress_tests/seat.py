"""Where one user of a scenario sits: what it counts on, and through which connections it asks."""

import asyncio
import time
from collections.abc import Awaitable
from random import Random
from typing import Any, Protocol

from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.tally import Row, Tally
from hagworm.frame.stress_tests.target import Target, resolve

__all__ = ("Closable", "Desk", "Seat")

clock = time.monotonic


class Closable(Protocol):
    """What a desk closes when the load is over."""

    def close(self) -> Awaitable[None]:
        """Leave nothing behind."""


class Desk:
    """What the users of one process share: the tally, the addresses of targets, connections."""

    def __init__(self, order: Order, tally: Tally) -> None:
        self.order = order
        self.tally = tally
        self.zero = 0.0
        self.over = False
        """The load has ended: what is cut off now is counted as unfinished already."""
        self.is_open = order.plan.model == "open"
        self.loop = asyncio.get_running_loop()
        self.addresses: dict[Target, asyncio.Future[list[str]]] = {}
        self.shared: dict[Any, Closable] = {}
        """What a protocol keeps for all users, under a key of its own."""

    def __repr__(self) -> str:
        return f"<Desk {self.order.target}, {len(self.shared)} shared>"

    async def address(self, target: Target) -> tuple[str, int]:
        """Return where a target is; it is looked up, and asked whether it may be loaded, once.

        Raises `TargetRefused`, or `TargetUnreachable` where it has none.
        """
        home = self.order.target

        if (target.host, target.port) == (home.host, home.port):
            return self.order.address

        if (found := self.addresses.get(target)) is None:
            found = asyncio.ensure_future(asyncio.to_thread(resolve, target, mine=self.order.mine))
            self.addresses[target] = found

        return (await asyncio.shield(found))[0], target.port

    async def close(self) -> None:
        """Close what is shared; may be called again."""
        await asyncio.gather(*self.addresses.values(), return_exceptions=True)

        while self.shared:
            _, shared = self.shared.popitem()
            await shared.close()


class Seat:
    """One user: number `number` of those of all processes, with randomness of its own.

    `lag` is by how much the run under way started too late, None in the closed model; `warm` tells that it belongs to
    the warm-up.
    """

    __slots__ = ("counted", "desk", "http", "lag", "number", "random", "scenarios", "warm")

    def __init__(self, desk: Desk, number: int) -> None:
        self.desk = desk
        self.number = number
        self.random = Random(f"{desk.order.seed}/{number}")
        self.lag: float | None = None
        self.warm = False
        self.counted: BaseException | None = None
        """The last exception that has been counted as a failure: it must not be counted twice."""
        self.scenarios: dict[type, Any] = {}
        self.http: Any = None
        """The HTTP client for the target of the run, once it is asked for."""

    def __repr__(self) -> str:
        return f"<Seat {self.number}>"

    def row(self, name: str) -> Row:
        """Return where events of that name are counted now."""
        tally = self.desk.tally
        return tally.warmth if self.warm else tally.row(name)

    def success(self, name: str, seconds: float) -> None:
        """Count a success that took so long."""
        lag = self.lag
        self.row(name).success(seconds, None if lag is None else seconds + lag, clock() - self.desk.zero)

    def failure(self, name: str, seconds: float, reason: str) -> None:
        """Count a failure and its reason."""
        lag = self.lag
        self.row(name).failure(seconds, None if lag is None else seconds + lag, clock() - self.desk.zero, reason)
