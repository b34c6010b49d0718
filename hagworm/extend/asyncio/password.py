"""Passwords hashed and verified in threads, while the event loop does other things."""

from types import TracebackType
from typing import Self

from hagworm.extend import crypto
from hagworm.extend.asyncio.future import ThreadPool
from hagworm.extend.asyncio.future.crew import PoolStatistics
from hagworm.extend.config.secret import Secret

__all__ = ("PasswordHasher",)


class PasswordHasher:
    """`hagworm.extend.crypto.PasswordHasher` for coroutines: hashes are made in threads of its own.

    At most `at_once` are made at a time, each of which takes memory (19 MiB by default, 128 MiB by scrypt); at most
    `queue` wait, and one more is refused with `Overloaded`, since whoever waits behind so many has left. A caller that
    is cancelled takes its call back; one that runs already ends by itself. `async with`, or `aclose`, ends the threads.
    """

    __slots__ = ("pool", "rules")

    def __init__(self, rules: crypto.PasswordHasher | None = None, *, at_once: int = 2, queue: int = 200) -> None:
        self.rules = crypto.PasswordHasher() if rules is None else rules
        self.pool = ThreadPool(at_once, name="hagworm-password", queue=queue, when_full="raise")

    def __repr__(self) -> str:
        return f"<PasswordHasher {self.pool.crew.describe()}>"

    async def hash(self, password: str | Secret) -> str:
        """Return what is to be stored of `password`; raises `LimitExceeded`, `Overloaded` and `ExecutorClosed`."""
        return await self.pool.run(self.rules.hash, password)

    async def verify(self, password: str | Secret, stored: str | None) -> bool:
        """Whether `password` is the one of `stored`; None, for a user who is not there, takes as long and is False.

        Raises `BadValue`, `LimitExceeded`, `Overloaded` and `ExecutorClosed`.
        """
        return await self.pool.run(self.rules.verify, password, stored)

    def needs_rehash(self, stored: str) -> bool:
        """Whether `stored` was made in another way than `hash` does now; it does not block."""
        return self.rules.needs_rehash(stored)

    def statistics(self) -> PoolStatistics:
        """Return what is going on, and what has."""
        return self.pool.statistics()

    async def aclose(self) -> None:
        """Take no passwords any more, and wait until those that have been taken are done."""
        await self.pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
