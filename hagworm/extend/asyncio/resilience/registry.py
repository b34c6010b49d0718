"""One strategy per key: a circuit per host, a rate per client."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Iterator
from functools import wraps
from threading import Lock
from typing import Any, Generic, ParamSpec, TypeVar

from hagworm.extend.asyncio.resilience.strategy import Strategy

__all__ = ("Registry",)

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=Strategy)

LOOKED_AT = 16
"""How many of the oldest are asked whether they can be spared: a bound on what making room costs."""


class Registry(Generic[S]):
    """Strategies by key, each made when it is first asked for.

        breakers = Registry(lambda host: CircuitBreaker(name=host, open_for=10))
        await breakers[host].call(fetch, url)

        @breakers.by(lambda url: urlsplit(url).netloc)
        async def fetch(url): …

    At most `most` are kept. Where room is needed, one of the oldest that says it `is_idle` is forgotten, else the one
    that was asked for longest ago, with all it knew; `forgotten` counts those. May be shared by threads.
    """

    def __init__(self, make: Callable[[Any], S], *, most: int = 10_000) -> None:
        if most < 1:
            raise ValueError(f"most: {most!r} is not a number of at least 1")

        self.make = make
        self.most = most
        self.members: OrderedDict[Hashable, S] = OrderedDict()
        self.lock = Lock()
        self.forgotten = 0

    def __repr__(self) -> str:
        return f"<Registry of {len(self.members)}, at most {self.most}, {self.forgotten} forgotten>"

    def __getitem__(self, key: Hashable) -> S:
        with self.lock:
            member = self.members.get(key)

            if member is not None:
                self.members.move_to_end(key)
                return member

            member = self.make(key)

            if len(self.members) >= self.most:
                self.forget_one()

            self.members[key] = member
            return member

    def __contains__(self, key: Hashable) -> bool:
        return key in self.members

    def __iter__(self) -> Iterator[Hashable]:
        with self.lock:
            return iter(list(self.members))

    def __len__(self) -> int:
        return len(self.members)

    def by(
        self, key: Callable[P, Hashable]
    ) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]:
        """Wrap a coroutine function; `key` tells from its arguments which member a call goes through."""

        def wrap(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
            @wraps(function)
            async def call(*args: P.args, **kwargs: P.kwargs) -> R:
                return await self[key(*args, **kwargs)].call(function, *args, **kwargs)

            return call

        return wrap

    def statistics(self) -> dict[Hashable, Any]:
        """Return the statistics of each member."""
        with self.lock:
            members = list(self.members.items())

        return {key: member.statistics() for key, member in members}

    def forget_one(self) -> None:
        oldest = [key for key, _ in zip(self.members, range(LOOKED_AT), strict=False)]
        idle = next((key for key in oldest if self.members[key].is_idle), None)
        self.forgotten += idle is None
        del self.members[oldest[0] if idle is None else idle]
