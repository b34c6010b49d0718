"""An object is what its methods say, whatever it derives from."""

from hagworm.extend.interface import Closeable, Factory, Functor, HealthCheck, Runnable, Startable, Task


class Everything:
    async def run(self) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def check(self) -> None: ...

    async def aclose(self) -> None: ...

    def create(self) -> int:
        return 1

    def __call__(self) -> int:
        return 2


class Timer:
    def start(self) -> None: ...

    def stop(self) -> None: ...

    def is_running(self) -> bool:
        return False


def test_an_interface_is_known_by_its_methods() -> None:
    thing = Everything()

    for interface in (Runnable, Startable, HealthCheck, Closeable, Factory, Functor):
        assert isinstance(thing, interface)
        assert not isinstance(object(), interface)

    assert isinstance(Timer(), Task)
    assert not isinstance(thing, Task)


def test_interfaces_are_types() -> None:
    factory: Factory[int] = Everything()
    functor: Functor[[], int] = Everything()

    assert (factory.create(), functor()) == (1, 2)
