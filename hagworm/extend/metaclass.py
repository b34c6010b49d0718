"""Classes of which there is one object, and classes that know their subclasses."""

import threading
from typing import Any, ClassVar, TypeVar, cast

from hagworm.extend.error import DefinitionError, NoCandidate, SingletonError, nearest

__all__ = ("Singleton", "SingletonMeta", "SubclassRegistry", "reset_singleton")

T = TypeVar("T")

# One for all classes: the constructor of one may make another one, in any order, in any thread.
MAKING = threading.RLock()


class SingletonMeta(type):
    """The metaclass of `Singleton`."""

    _made: dict[type, Any] = {}
    _in_making: set[type] = set()

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls in SingletonMeta._made and not args and not kwargs:
            return SingletonMeta._made[cls]

        with MAKING:
            if cls in SingletonMeta._made:
                if args or kwargs:
                    raise SingletonError(f"the one {cls.__qualname__} is there; it cannot be made with other arguments")

                return SingletonMeta._made[cls]

            if cls in SingletonMeta._in_making:
                raise SingletonError(f"the constructor of {cls.__qualname__} asks for {cls.__qualname__} itself")

            SingletonMeta._in_making.add(cls)

            try:
                made = SingletonMeta._made[cls] = super().__call__(*args, **kwargs)
            finally:
                SingletonMeta._in_making.discard(cls)

        return made


class Singleton(metaclass=SingletonMeta):
    """A class of which there is one object: the first call makes it, later ones, without arguments, return it.

    Subclasses have one each. Threads that come at once get the same. What the constructor raises, the call raises, and
    the next one tries again. Arguments when it is there, and a constructor that asks for its own class, raise
    `SingletonError`. A process that is forked off has the same object: make none before that holds a connection.
    """

    __slots__ = ()


def reset_singleton(kind: type[T]) -> T | None:
    """Forget the one object of a class, for tests, and return it; None where there was none."""
    with MAKING:
        return cast("T | None", SingletonMeta._made.pop(kind, None))


class SubclassRegistry:
    """A base class that knows its subclasses by name: `class Exporter(SubclassRegistry): …`, `Exporter.find("csv")`.

    Each class that derives from it directly begins a registry of its own. Further down, a class is known by `name=`
    (`class CSV(Exporter, name="csv")`), else by its own name; one that is abstract, or has `name=None`, is not. Two
    of one name raise `DefinitionError`, unless it is the same class once more, as after a reload.
    """

    registry: ClassVar[dict[str, type[Any]]]

    def __init_subclass__(cls, *, name: str | None = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)

        if SubclassRegistry in cls.__bases__:
            cls.registry = {}
            return

        from inspect import isabstract

        if name is None or isabstract(cls) or unfinished(cls):
            return

        name = name or cls.__name__
        known = cls.registry.get(name)

        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise DefinitionError(f"{cls.__qualname__} and {known.__qualname__} are both called {name!r}")

        cls.registry[name] = cls

    @classmethod
    def find(cls: type[T], name: str) -> type[T]:
        """Return the subclass of that name. Raises `NoCandidate`, which names the nearest."""
        registry: dict[str, type[T]] = cls.registry  # type: ignore[attr-defined]  # T is a SubclassRegistry

        if (found := registry.get(name)) is None or not issubclass(found, cls):
            raise NoCandidate(f"there is no {cls.__name__} called {name!r}{nearest(name, registry)}")

        return found

    @classmethod
    def subclasses(cls: type[T]) -> dict[str, type[T]]:
        """Return the subclasses of this class by their names, in the order in which they were defined."""
        registry: dict[str, type[T]] = cls.registry  # type: ignore[attr-defined]  # T is a SubclassRegistry
        return {name: kind for name, kind in registry.items() if issubclass(kind, cls) and kind is not cls}

    @classmethod
    def forget(cls, name: str) -> None:
        """Take a subclass out, for tests. Raises `NoCandidate` where there is none of that name."""
        cls.find(name)
        del cls.registry[name]


def unfinished(cls: type) -> bool:
    """Whether methods are abstract; ABCMeta tells only after the class has been made."""
    return any(
        getattr(getattr(cls, name, None), "__isabstractmethod__", False) for base in cls.__mro__ for name in vars(base)
    )
