"""Lists and dicts for several threads: one for each of them, or one for all.

`ThreadLocalList` and `ThreadLocalDict` are empty in every new thread: nothing is shared. `SharedList` and `SharedDict`
are the same for all threads, and each of their methods happens at once.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any, Generic, SupportsIndex, TypeVar, cast, overload

__all__ = ("SharedDict", "SharedList", "ThreadLocalDict", "ThreadLocalList")

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")


class ThreadLocalList(MutableSequence[T]):
    """A list of which every thread has its own, empty at first; asyncio tasks of one thread share that one."""

    __slots__ = ("local",)

    def __init__(self) -> None:
        self.local = threading.local()

    def __repr__(self) -> str:
        return f"<ThreadLocalList {self.own!r} in {threading.current_thread().name}>"

    @property
    def own(self) -> list[T]:
        """This thread's list."""
        try:
            return cast("list[T]", self.local.own)
        except AttributeError:
            self.local.own = []
            return cast("list[T]", self.local.own)

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: Any) -> Any:
        return self.own[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.own[index] = value

    def __delitem__(self, index: SupportsIndex | slice) -> None:
        del self.own[index]

    def __len__(self) -> int:
        return len(self.own)

    def insert(self, index: SupportsIndex, value: T) -> None:
        """Put `value` before the one at `index`."""
        self.own.insert(index, value)


class ThreadLocalDict(MutableMapping[K, V]):
    """A dict of which every thread has its own, empty at first; asyncio tasks of one thread share that one."""

    __slots__ = ("local",)

    def __init__(self) -> None:
        self.local = threading.local()

    def __repr__(self) -> str:
        return f"<ThreadLocalDict {self.own!r} in {threading.current_thread().name}>"

    @property
    def own(self) -> dict[K, V]:
        """This thread's dict."""
        try:
            return cast("dict[K, V]", self.local.own)
        except AttributeError:
            self.local.own = {}
            return cast("dict[K, V]", self.local.own)

    def __getitem__(self, key: K) -> V:
        return self.own[key]

    def __setitem__(self, key: K, value: V) -> None:
        self.own[key] = value

    def __delitem__(self, key: K) -> None:
        del self.own[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self.own)

    def __len__(self) -> int:
        return len(self.own)


class SharedList(Generic[T]):
    """A list that threads share; each method happens at once, and iterating goes over what was in it at the start."""

    __slots__ = ("items", "lock")

    def __init__(self, items: Iterable[T] = ()) -> None:
        self.items = list(items)
        self.lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<SharedList {self.snapshot()!r}>"

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        return iter(self.snapshot())

    def __contains__(self, value: object) -> bool:
        return value in self.snapshot()

    def __getitem__(self, index: int) -> T:
        return self.items[index]

    def append(self, value: T) -> None:
        """Put `value` at the end."""
        with self.lock:
            self.items.append(value)

    def append_new(self, value: T) -> bool:
        """Put `value` at the end unless an equal one is there; return whether it was put."""
        with self.lock:
            if value in self.items:
                return False

            self.items.append(value)
            return True

    def pop(self, index: int = -1) -> T:
        """Take one out. Raises IndexError where there is none."""
        with self.lock:
            return self.items.pop(index)

    def discard(self, value: T) -> bool:
        """Take the first that is equal out; return whether there was one."""
        with self.lock:
            if value not in self.items:
                return False

            self.items.remove(value)
            return True

    def snapshot(self) -> list[T]:
        """Return what is in it now."""
        with self.lock:
            return list(self.items)

    def take_all(self) -> list[T]:
        """Return what is in it, and leave it empty."""
        with self.lock:
            taken, self.items = self.items, []
            return taken


class SharedDict(MutableMapping[K, V]):
    """A dict that threads share; each method happens at once, and iterating goes over what was in it at the start."""

    __slots__ = ("items_now", "lock")

    def __init__(self, items: Mapping[K, V] | None = None) -> None:
        self.items_now = dict(items or {})
        # Re-entrant: what `get_or_create` and `change` call may use the dict.
        self.lock = threading.RLock()

    def __repr__(self) -> str:
        return f"<SharedDict {self.snapshot()!r}>"

    def __getitem__(self, key: K) -> V:
        return self.items_now[key]

    def __setitem__(self, key: K, value: V) -> None:
        with self.lock:
            self.items_now[key] = value

    def __delitem__(self, key: K) -> None:
        with self.lock:
            del self.items_now[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self.snapshot())

    def __len__(self) -> int:
        return len(self.items_now)

    def get_or_create(self, key: K, create: Callable[[], V]) -> V:
        """Return the value of `key`, or make it, once, however many threads ask; they wait meanwhile.

        Where `create` fails nothing is put, and the next one who asks tries again.
        """
        with self.lock:
            if key not in self.items_now:
                value = create()
                # `create` may have put one itself.
                self.items_now.setdefault(key, value)

            return self.items_now[key]

    def change(self, key: K, function: Callable[[V], V], default: V) -> V:
        """Put what `function` makes of the value of `key`, or of `default` where there is none, and return it."""
        with self.lock:
            value = self.items_now[key] = function(self.items_now.get(key, default))
            return value

    def pop(self, key: K, *default: Any) -> Any:
        """Take the value of `key` out; where there is none return `default`, or raise KeyError."""
        with self.lock:
            return self.items_now.pop(key, *default)

    def popitem(self) -> tuple[K, V]:
        """Take the last one out. Raises KeyError where there is none."""
        with self.lock:
            return self.items_now.popitem()

    def setdefault(self, key: K, default: V) -> V:
        """Return the value of `key`, or put `default`."""
        with self.lock:
            return self.items_now.setdefault(key, default)

    def clear(self) -> None:
        """Take everything out."""
        self.take_all()

    def snapshot(self) -> dict[K, V]:
        """Return what is in it now."""
        with self.lock:
            return dict(self.items_now)

    def take_all(self) -> dict[K, V]:
        """Return what is in it, and leave it empty."""
        with self.lock:
            taken, self.items_now = self.items_now, {}
            return taken
