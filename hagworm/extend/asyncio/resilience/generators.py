"""Going on with generators that have been asked for their first item already."""

from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from typing import Any, TypeVar

__all__ = ("Begun", "carry_on")

R = TypeVar("R")


class Begun(Generator[R, Any, Any]):
    """A generator whose first item has been taken out, put back in front: `yield from Begun(generator, first)`."""

    __slots__ = ("first", "generator")

    def __init__(self, generator: Generator[R, Any, Any], first: R) -> None:
        self.generator = generator
        self.first = [first]

    def send(self, value: Any) -> R:
        return self.first.pop() if self.first else self.generator.send(value)

    def throw(self, *error: Any) -> R:
        return self.generator.throw(*error)

    def close(self) -> None:
        self.generator.close()


def carry_on(begin: Callable[..., Awaitable[tuple[Any, list[R]]]]) -> Callable[..., AsyncIterator[R]]:
    """Return an asynchronous generator function for `begin`, which answers a generator and its first item, if any.

    What is sent and thrown into it goes into the generator, and it is closed however that ends.
    """

    async def call(*args: Any, **kwargs: Any) -> AsyncIterator[R]:
        generator, items = await begin(*args, **kwargs)

        try:
            while items:
                try:
                    sent = yield items.pop()
                except GeneratorExit:
                    raise
                except BaseException as error:
                    step = generator.athrow(error)
                else:
                    step = generator.asend(sent)

                try:
                    items.append(await step)
                except StopAsyncIteration:
                    return
        finally:
            await generator.aclose()

    return call
