"""A cache in the memory of this process: bounded, with a time to live for each entry, the least used one leaving."""

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, overload

from hagworm.extend.cache.entry import NEVER, Lifetime, end_of, spread
from hagworm.extend.statistics.cells import Counter

__all__ = ("NOTHING", "CacheStatistics", "Evicted", "LRUCache", "TTLCache")

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
D = TypeVar("D")

Evicted = Literal["expired", "bound"]
"""Why an entry has gone that nobody took out: its time was over, or there was no room."""


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What a cache holds, and has done; exact under threads."""

    entries: int
    """How many entries there are; those whose time is over count until they are met."""
    maxsize: int
    weight: int
    """The sum of what `weigh` says of them."""
    max_weight: int | None
    hits: int
    misses: int
    expired: int
    """How many entries went as their time was over."""
    evicted: int
    """How many entries went as there was no room."""


class TTLCache(Generic[K, V]):
    """At most `maxsize` entries, and at most `max_weight` in all where `weigh` tells what one weighs.

    An entry is there for `ttl` seconds unless it is put in with another time; None means for ever. With a `jitter` of
    0.1 each time is shortened by up to a tenth, at random. Where there is no room, the entry goes that nobody has asked
    for longest. `on_evict(key, value, why)` is told of entries that nobody took out; it is called outside the lock, and
    what it raises reaches whoever caused that. Safe under threads.
    """

    __slots__ = (
        "chance",
        "clock",
        "ends",
        "entries",
        "evicted",
        "expired",
        "hit",
        "jitter",
        "lock",
        "max_weight",
        "maxsize",
        "miss",
        "on_evict",
        "ttl",
        "weigh",
        "weight",
    )

    def __init__(
        self,
        maxsize: int = 1024,
        ttl: float | None = 60.0,
        *,
        jitter: float = 0.0,
        max_weight: int | None = None,
        weigh: Callable[[V], int] | None = None,
        on_evict: Callable[[K, V, Evicted], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if maxsize < 1:
            raise ValueError(f"a cache has room for at least one entry, not for {maxsize}")

        if not 0.0 <= jitter < 1.0:
            raise ValueError(f"a jitter is a part of the time to live, from 0 to below 1, not {jitter!r}")

        if (max_weight is None) != (weigh is None):
            raise ValueError("max_weight and weigh go together: one bounds what the other tells")

        end_of(ttl, 0.0)
        self.maxsize = maxsize
        self.ttl = ttl
        self.jitter = jitter
        self.max_weight = max_weight
        self.weigh = weigh
        self.on_evict = on_evict
        self.clock = clock
        self.chance = chance
        self.lock = threading.RLock()
        # Reading takes no lock: each step on these is one of the interpreter's own.
        self.entries: OrderedDict[K, tuple[V, float, int]] = OrderedDict()
        self.weight = 0
        self.hit = Counter()
        self.miss = Counter()
        self.expired = 0
        self.evicted = 0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {len(self.entries)} of {self.maxsize} entries>"

    def __len__(self) -> int:
        return len(self.entries)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: object) -> bool:
        entry = self.entries.get(key)  # type: ignore[arg-type]  # whatever can be hashed may be asked for
        return entry is not None and self.clock() < entry[1]

    def __iter__(self) -> Iterator[K]:
        """The keys of what is there now, the least used first."""
        now = self.clock()

        with self.lock:
            return iter([key for key, (_, end, _) in self.entries.items() if now < end])

    @overload
    def get(self, key: K) -> V | None: ...
    @overload
    def get(self, key: K, default: D) -> V | D: ...
    def get(self, key: K, default: D | None = None) -> V | D | None:
        """Return what is kept for `key`, and `default` if there is nothing."""
        entry = self.entries.get(key)

        if entry is not None:
            if self.clock() < entry[1]:
                try:
                    self.entries.move_to_end(key)
                except KeyError:  # taken out meanwhile by another thread: it was there when it was asked for
                    self.hit.inc()
                    return entry[0]

                self.hit.inc()
                return entry[0]

            self.drop_expired(key, entry)

        self.miss.inc()
        return default

    def __getitem__(self, key: K) -> V:
        found: Any = self.get(key, NOTHING)

        if found is NOTHING:
            raise KeyError(key)

        value: V = found
        return value

    def set(self, key: K, value: V, ttl: Lifetime = "default") -> bool:
        """Keep `value` for `ttl` seconds (None: for ever). Returns False for what is heavier than all may be.

        What was there before is gone in either case.
        """
        weight = 0 if self.weigh is None else self.weigh(value)
        end = self.end(ttl)
        gone: list[tuple[K, V]] = []

        with self.lock:
            self.take(key)

            if self.max_weight is not None and weight > self.max_weight:
                return False

            self.entries[key] = (value, end, weight)
            self.weight += weight

            while len(self.entries) > self.maxsize or (self.max_weight is not None and self.weight > self.max_weight):
                oldest, (old, _, lighter) = self.entries.popitem(last=False)
                self.weight -= lighter
                self.evicted += 1
                gone.append((oldest, old))

        if self.on_evict is not None:
            for one, old in gone:
                self.on_evict(one, old, "bound")

        return True

    def __setitem__(self, key: K, value: V) -> None:
        self.set(key, value)

    def add(self, key: K, value: V, ttl: Lifetime = "default") -> bool:
        """Keep `value` unless there is something for `key`; returns whether that is so."""
        with self.lock:
            return key not in self and self.set(key, value, ttl)

    def get_or_set(self, key: K, load: Callable[[], V], ttl: Lifetime = "default") -> V:
        """Return what is kept for `key`, or else what `load()` returns, and keep that.

        Threads that miss at the same time all load, and get what the first of them has put in.
        """
        found: Any = self.get(key, NOTHING)

        if found is NOTHING:
            found = load()

            with self.lock:
                if not self.add(key, found, ttl):
                    entry = self.entries.get(key)
                    found = found if entry is None else entry[0]

        value: V = found
        return value

    @overload
    def pop(self, key: K) -> V | None: ...
    @overload
    def pop(self, key: K, default: D) -> V | D: ...
    def pop(self, key: K, default: D | None = None) -> V | D | None:
        """Take out what is kept for `key` and return it, and `default` if there is nothing."""
        with self.lock:
            entry = self.take(key)

        return default if entry is None or self.clock() >= entry[1] else entry[0]

    def delete(self, key: K) -> bool:
        """Forget what is kept for `key`; returns whether there was anything."""
        return self.pop(key, NOTHING) is not NOTHING

    def __delitem__(self, key: K) -> None:
        if not self.delete(key):
            raise KeyError(key)

    def touch(self, key: K, ttl: Lifetime = "default") -> bool:
        """Keep what is there for `key` for `ttl` seconds from now; returns whether there is anything."""
        with self.lock:
            if key not in self:
                return False

            value, _, weight = self.entries[key]
            self.entries[key] = (value, self.end(ttl), weight)
            return True

    def left(self, key: K) -> float | None:
        """Return for how many seconds `key` is still there, None for ever. Raises KeyError if it is not there."""
        entry = self.entries.get(key)
        now = self.clock()

        if entry is None or now >= entry[1]:
            raise KeyError(key)

        return None if entry[1] == NEVER else entry[1] - now

    def purge(self) -> int:
        """Throw out all entries whose time is over; returns how many those were."""
        now = self.clock()

        with self.lock:
            old = [(key, entry) for key, entry in self.entries.items() if now >= entry[1]]

            for key, _ in old:
                self.take(key)

            self.expired += len(old)

        if self.on_evict is not None:
            for key, entry in old:
                self.on_evict(key, entry[0], "expired")

        return len(old)

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self.entries.clear()
            self.weight = 0

    def statistics(self) -> CacheStatistics:
        """Return what the cache holds, and has done."""
        with self.lock:
            return CacheStatistics(
                len(self.entries),
                self.maxsize,
                self.weight,
                self.max_weight,
                int(self.hit.value),
                int(self.miss.value),
                self.expired,
                self.evicted,
            )

    def end(self, ttl: Lifetime) -> float:
        lifetime = self.ttl if ttl == "default" else ttl

        if lifetime is not None and self.jitter:
            lifetime = spread(lifetime, self.jitter, self.chance())

        return end_of(lifetime, self.clock())

    def take(self, key: K) -> tuple[V, float, int] | None:
        entry = self.entries.pop(key, None)

        if entry is not None:
            self.weight -= entry[2]

        return entry

    def drop_expired(self, key: K, entry: tuple[V, float, int]) -> None:
        with self.lock:
            # Another one may have been put in meanwhile.
            if self.entries.get(key) is not entry:
                return

            self.take(key)
            self.expired += 1

        if self.on_evict is not None:
            self.on_evict(key, entry[0], "expired")


class LRUCache(TTLCache[K, V]):
    """A `TTLCache` whose entries are there for ever, unless there is no room or they are put in with a time."""

    __slots__ = ()

    def __init__(self, maxsize: int = 1024, **options: Any) -> None:
        super().__init__(maxsize, None, **options)


NOTHING: Any = object()
"""What is there if nothing is: None can be kept."""
