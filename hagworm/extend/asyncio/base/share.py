"""Functions whose results are shared: by those who call at the same time, and by those who call again soon."""

import functools
import inspect
import math
import random
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from hagworm.extend.asyncio.base.background import spawn
from hagworm.extend.asyncio.base.flight import Flights, FlightStatistics, ThreadFlights, apart
from hagworm.extend.asyncio.base.key import KeyMaker, key_maker
from hagworm.extend.asyncio.base.wrapper import is_async

__all__ = ("CacheStatistics", "FuncCache", "Memo", "ShareFuture", "cache_of", "flights_of")

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S")


class ShareFuture:
    """A decorator, `@ShareFuture()`: calls with the same arguments at the same time run the function once.

    The first caller runs it and the others wait; see `Flights` for what errors and cancellations do then, and for
    `timeout` (seconds, for each caller) and `detached`. Plain functions are shared among threads. All arguments count,
    with their types, unless `key` makes a key from them. `copy` is called on the result for each caller, so that one
    may change what it got: `copy.deepcopy`, for example. A method is shared by the calls on one object. Raises
    TypeError for what is not a function, or a generator.
    """

    __slots__ = ("copy", "detached", "key", "timeout")

    def __init__(
        self,
        *,
        timeout: float | None = None,
        detached: bool = False,
        key: KeyMaker | None = None,
        copy: Callable[[Any], Any] | None = None,
    ) -> None:
        self.timeout = timeout
        self.detached = detached
        self.key = key
        self.copy = copy

    def __call__(self, function: F) -> F:
        timeout, detached, copy = self.timeout, self.detached, self.copy or same
        check(function)

        if not is_async(function):
            if detached:
                raise TypeError("only a coroutine function can run detached")

            crews = Kept(function, self.key, lambda _: ThreadFlights[Any](timeout=timeout))

            def share_plain(*args: Any, **kwargs: Any) -> Any:
                flights, key = crews.find(args, kwargs)
                return copy(flights.run(key, function, *args, **kwargs))

            return cast(F, crews.wrap(share_plain))

        kept = Kept(function, self.key, lambda _: Flights[Any](timeout=timeout, detached=detached))

        async def share(*args: Any, **kwargs: Any) -> Any:
            flights, key = kept.find(args, kwargs)
            return copy(await flights.run(key, function, *args, **kwargs))

        return cast(F, kept.wrap(share))


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What a cache of results holds, and has done."""

    size: int
    maxsize: int | None
    hits: int
    """How many calls were answered from it, late ones included."""
    late: int
    """How many of those got a result that was being renewed."""
    misses: int
    evicted: int
    """How many results had to make room for others."""
    flights: FlightStatistics


class FuncCache:
    """A decorator, `@FuncCache(ttl=30)`: the result of a call is given to those that follow with the same arguments.

    Calls that miss at the same time run the function once, see `ShareFuture` for that, and for `timeout`, `detached`,
    `key` and `copy`. Every result is kept, None as well, unless `keep` says no to it: for `ttl` seconds (None: without
    end), minus a random part of up to `jitter` (0 to 1) of them. Of more than `maxsize` results (None: any number)
    those go that have not been asked for the longest. For `late` more seconds an old result is still given while a task
    renews it in the background. Errors of the types `negative` are kept for `negative_ttl` seconds; no other error is.

    A method has a cache on each object, which is gone with it. `cache_of(function)` gives the cache, to invalidate or
    look into it. Plain functions are cached for all threads, without `late` and `detached`.
    """

    __slots__ = (
        "clock",
        "copy",
        "detached",
        "jitter",
        "keep",
        "key",
        "late",
        "maxsize",
        "negative",
        "negative_ttl",
        "random",
        "timeout",
        "ttl",
    )

    def __init__(
        self,
        maxsize: int | None = 255,
        ttl: float | None = 60.0,
        *,
        jitter: float = 0.0,
        late: float = 0.0,
        negative: type[Exception] | tuple[type[Exception], ...] = (),
        negative_ttl: float = 1.0,
        keep: Callable[[Any], bool] | None = None,
        key: KeyMaker | None = None,
        copy: Callable[[Any], Any] | None = None,
        timeout: float | None = None,
        detached: bool = False,
        clock: Callable[[], float] = time.monotonic,
        random: Callable[[], float] = random.random,
    ) -> None:
        if maxsize is not None and maxsize < 1:
            raise ValueError(f"a cache holds at least one result, or with None any number, not {maxsize}")

        if (ttl is not None and ttl <= 0) or negative_ttl <= 0 or late < 0 or not 0 <= jitter <= 1:
            raise ValueError("results are kept for some time: ttl and negative_ttl > 0, late >= 0, 0 <= jitter <= 1")

        self.maxsize = maxsize
        self.ttl = math.inf if ttl is None else ttl
        self.jitter = jitter
        self.late = late
        self.negative = negative
        self.negative_ttl = negative_ttl
        self.keep = keep
        self.key = key
        self.copy = copy
        self.timeout = timeout
        self.detached = detached
        self.clock = clock
        self.random = random

    def __call__(self, function: F) -> F:
        check(function)

        if not is_async(function):
            if self.detached or self.late:
                raise TypeError("only a coroutine function can run detached, or be renewed late")

            memos = Kept(function, self.key, lambda make_key: Memo(self, make_key))

            def cache_plain(*args: Any, **kwargs: Any) -> Any:
                memo, key = memos.find(args, kwargs)
                return memo.get_plain(key, function, args, kwargs)

            return cast(F, memos.wrap(cache_plain))

        kept = Kept(function, self.key, lambda make_key: Memo(self, make_key))

        if kept.is_method:

            async def cache_method(*args: Any, **kwargs: Any) -> Any:
                memo, key = kept.find(args, kwargs)
                return await memo.get(key, function, args, kwargs)

            return cast(F, kept.wrap(cache_method))

        memo, make_key, clock, copy = kept.common, kept.make_key, self.clock, self.copy
        look, move_to_end = memo.entries.get, memo.entries.move_to_end

        async def cache(*args: Any, **kwargs: Any) -> Any:
            key = make_key(*args, **kwargs)
            entry = look(key)

            if entry is not None and clock() < entry.fresh_until and entry.error is None:
                try:
                    move_to_end(key)
                except KeyError:  # a loop in another thread has thrown it out just now
                    return await memo.get(key, function, args, kwargs)

                memo.hits += 1
                return entry.value if copy is None else copy(entry.value)

            return await memo.get(key, function, args, kwargs)

        return cast(F, kept.wrap(cache))


class Entry:
    """One result, or error."""

    __slots__ = ("error", "fresh_until", "usable_until", "value")

    def __init__(self, value: Any, error: Exception | None, fresh_until: float, usable_until: float) -> None:
        self.value = value
        self.error = error
        self.fresh_until = fresh_until
        self.usable_until = usable_until


class Memo:
    """The results that a cached function has kept."""

    __slots__ = (
        "crew",
        "entries",
        "evicted",
        "flights",
        "hits",
        "late",
        "lock",
        "make_key",
        "misses",
        "rules",
    )

    def __init__(self, rules: FuncCache, make_key: KeyMaker) -> None:
        self.rules = rules
        self.make_key = make_key
        self.entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self.flights: Flights[Any] = Flights(timeout=rules.timeout, detached=rules.detached)
        self.crew: ThreadFlights[Any] = ThreadFlights(timeout=rules.timeout)
        self.lock = threading.Lock()
        self.hits = 0
        self.late = 0
        self.misses = 0
        self.evicted = 0

    def __repr__(self) -> str:
        bound = "" if self.rules.maxsize is None else f" of {self.rules.maxsize}"
        return f"<Memo {len(self.entries)}{bound} results, {self.hits} hits, {self.misses} misses>"

    def __len__(self) -> int:
        return len(self.entries)

    def __bool__(self) -> bool:
        return True

    def invalidate(self, *args: Any, **kwargs: Any) -> bool:
        """Forget the result of the call with these arguments; a run that is under way is not kept. Returns whether
        there was anything to forget."""
        return self.forget(self.make_key(*args, **kwargs))

    def forget(self, key: Hashable) -> bool:
        """Forget the result for `key`, as `invalidate` does."""
        with self.lock:
            known = self.entries.pop(key, None) is not None

        flew, drove = self.flights.forget(key), self.crew.forget(key)
        return known or flew or drove

    def clear(self) -> None:
        """Forget all results; runs that are under way are not kept."""
        with self.lock:
            self.entries.clear()

        for key in [*self.flights.flights, *self.crew.flights]:
            self.forget(key)

    def purge(self) -> int:
        """Throw away what is too old to be given to anybody. Returns how many results that were."""
        now = self.rules.clock()

        with self.lock:
            old = [key for key, entry in self.entries.items() if now >= entry.usable_until]

            for key in old:
                del self.entries[key]

        return len(old)

    def statistics(self) -> CacheStatistics:
        """Return what the cache holds, and has done."""
        by_task, by_thread = self.flights.statistics(), self.crew.statistics()
        flights = by_thread if by_thread.runs else by_task
        return CacheStatistics(
            len(self.entries), self.rules.maxsize, self.hits, self.late, self.misses, self.evicted, flights
        )

    async def get(
        self, key: Hashable, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return the result for `key`, running the function if there is none."""
        if (entry := self.entries.get(key)) is not None:
            now = self.rules.clock()

            if now < entry.fresh_until:
                return self.give(key, entry)

            if now < entry.usable_until:
                if key not in self.flights.flights:
                    work = self.flights.run(key, self.load, key, function, args, kwargs)
                    spawn(work, name=f"renewal of {getattr(function, '__qualname__', function)}")

                self.late += 1
                return self.give(key, entry)

        self.misses += 1
        value = await self.flights.run(key, self.load, key, function, args, kwargs)
        return value if self.rules.copy is None else self.rules.copy(value)

    async def load(
        self, key: Hashable, function: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        flight = self.flights.flights.get(key)

        try:
            value = await function(*args, **kwargs)
        except self.rules.negative as exc:
            # Whoever invalidates a result means the one that is on its way, too.
            if self.flights.flights.get(key) is flight:
                self.store_error(key, exc)

            raise

        if self.flights.flights.get(key) is flight:
            self.store(key, value)

        return value

    def get_plain(
        self, key: Hashable, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Return the result for `key`, running the plain function if there is none."""
        with self.lock:
            entry = self.entries.get(key)

            if entry is not None and self.rules.clock() < entry.fresh_until:
                return self.give(key, entry)

            self.misses += 1

        value = self.crew.run(key, self.load_plain, key, function, args, kwargs)
        return value if self.rules.copy is None else self.rules.copy(value)

    def load_plain(
        self, key: Hashable, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        flight = self.crew.flights.get(key)

        try:
            value = function(*args, **kwargs)
        except self.rules.negative as exc:
            with self.lock:
                if self.crew.flights.get(key) is flight:
                    self.store_error(key, exc)

            raise

        with self.lock:
            if self.crew.flights.get(key) is flight:
                self.store(key, value)

        return value

    def give(self, key: Hashable, entry: Entry) -> Any:
        self.hits += 1
        self.touch(key)

        if entry.error is not None:
            raise apart(entry.error)

        return entry.value if self.rules.copy is None else self.rules.copy(entry.value)

    def touch(self, key: Hashable) -> None:
        """Note that a result has been asked for."""
        with suppress(KeyError):  # a loop in another thread has thrown it out just now
            self.entries.move_to_end(key)

    def store(self, key: Hashable, value: Any) -> None:
        rules = self.rules

        if rules.keep is None or rules.keep(value):
            ttl = rules.ttl * (1.0 - rules.jitter * rules.random()) if rules.jitter else rules.ttl
            fresh_until = rules.clock() + ttl
            self.insert(key, Entry(value, None, fresh_until, fresh_until + rules.late))

    def store_error(self, key: Hashable, error: Exception) -> None:
        twin = apart(error)

        if twin is not error:
            # What is kept keeps no frames, and with them no requests, alive.
            twin = twin.with_traceback(None)
            twin.__context__ = None

        fresh_until = self.rules.clock() + self.rules.negative_ttl
        self.insert(key, Entry(None, twin, fresh_until, fresh_until))

    def insert(self, key: Hashable, entry: Entry) -> None:
        self.entries[key] = entry
        self.entries.move_to_end(key)

        if self.rules.maxsize is not None and len(self.entries) > self.rules.maxsize:
            self.entries.popitem(last=False)
            self.evicted += 1


def cache_of(function: Callable[..., Any]) -> Memo:
    """Return what a function decorated with `FuncCache` has kept; of a method, that of its object: `cache_of(x.load)`.

    Raises TypeError for other functions, and for a method without its object.
    """
    found = kept_by(function)

    if not isinstance(found, Memo):
        raise TypeError(f"{function!r} is not cached")

    return found


def flights_of(function: Callable[..., Any]) -> "Flights[Any] | ThreadFlights[Any]":
    """Return what is under way of a function decorated with `ShareFuture` or `FuncCache`, as `cache_of` does."""
    found = kept_by(function)

    if isinstance(found, Memo):
        return found.flights if found.flights.runs or not found.crew.runs else found.crew

    if not isinstance(found, Flights | ThreadFlights):
        raise TypeError(f"{function!r} is not shared")

    return found


def kept_by(function: Callable[..., Any]) -> Any:
    kept = getattr(function, "__hagworm_kept__", None)

    if not isinstance(kept, Kept):
        return None

    if not kept.is_method:
        return kept.common

    if (owner := getattr(function, "__self__", None)) is None:
        raise TypeError(f"{function!r} is a method: say of which object")

    return kept.of(owner)


class Kept(Generic[S]):
    """What a decorated function keeps: one thing for all its calls or, where it is a method, one for each object."""

    __slots__ = ("common", "function", "is_method", "make", "make_key", "name")

    def __init__(self, function: Callable[..., Any], key: KeyMaker | None, make: Callable[[KeyMaker], S]) -> None:
        self.function = function
        self.make = make
        # With a key of one's own nothing depends on what object it is.
        self.is_method = key is None and is_method(function)
        self.make_key = key_maker(function, skip_first=self.is_method) if key is None else key
        self.name = f"<kept by {getattr(function, '__qualname__', function)}>"
        self.common = make(self.make_key)

    def find(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[S, Hashable]:
        """Return what is kept for a call, and the key of it."""
        if not self.is_method:
            return self.common, self.make_key(*args, **kwargs)

        if not args:
            raise TypeError(f"{self.function!r} is a method and is called without its object")

        return self.of(args[0]), self.make_key(*args[1:], **kwargs)

    def of(self, owner: Any) -> S:
        """Return what is kept for an object; it is kept in the object, and gone with it."""
        try:
            shelf = owner.__dict__.get(self.name)

            # A copy of an object has a copy of its attributes, this one included.
            if shelf is None or shelf.owner is None or shelf.owner() is not owner:
                shelf = owner.__dict__[self.name] = Shelf(weakref.ref(owner), self.make(self.make_key))
        except (AttributeError, TypeError) as exc:
            kind = type(owner).__qualname__
            text = (
                f"an object of {kind} cannot keep the results of its methods: say with `key=` what a call is known by"
            )
            raise TypeError(text) from exc

        kept: S = shelf.kept
        return kept

    def wrap(self, wrapper: Callable[..., Any]) -> Any:
        functools.update_wrapper(wrapper, self.function)
        wrapper.__hagworm_kept__ = self  # type: ignore[attr-defined]  # where `cache_of` finds it
        return wrapper


class Shelf:
    """Where an object keeps what belongs to one of its methods; a copy of it, or a pickled one, is empty."""

    __slots__ = ("kept", "owner")

    def __init__(self, owner: "weakref.ref[Any] | None" = None, kept: Any = None) -> None:
        self.owner = owner
        self.kept = kept

    def __reduce__(self) -> "tuple[type[Shelf], tuple[()]]":
        return Shelf, ()


def is_method(function: Callable[..., Any]) -> bool:
    """Whether `function` stands in the body of a class and calls its first parameter `self`."""
    home = getattr(function, "__qualname__", "").rpartition(".")[0]

    if not home or home.endswith("<locals>"):
        return False

    return next(iter(inspect.signature(function).parameters), None) == "self"


def check(function: Any) -> None:
    if not callable(function) or isinstance(function, type):
        raise TypeError(f"a function is wanted, not {function!r}")

    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function!r} is a generator: what it yields can be read only once")


def same(value: Any) -> Any:
    return value
