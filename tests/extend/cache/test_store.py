"""What is put in is there until its time is over, until there is no room, or until it is taken out."""

import itertools
import math
import random
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.cache import LRUCache, StackCache, TTLCache


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_an_entry_is_there_until_its_time_is_over(clock: Clock) -> None:
    cache: TTLCache[str, Any] = TTLCache(ttl=10, clock=clock)
    cache.set("default", 1)
    cache.set("short", 2, ttl=5)
    cache.set("for ever", None, ttl=None)
    assert (cache.left("short"), cache.left("for ever")) == (5, None)
    clock.now += 5
    assert cache.get("short", "gone") == "gone"
    assert cache["default"] == 1
    clock.now += 5
    assert "default" not in cache
    assert cache.get("default") is None
    assert cache.get("for ever", "gone") is None, "None can be kept too"
    assert list(cache) == ["for ever"]
    seen = cache.statistics()
    assert (seen.hits, seen.misses, seen.expired, seen.evicted) == (2, 2, 2, 0)

    for wrong in (cache.left, cache.__getitem__, cache.__delitem__):
        with pytest.raises(KeyError, match="short"):
            wrong("short")


def test_the_least_used_one_makes_room(clock: Clock) -> None:
    gone: list[Any] = []
    cache: LRUCache[str, int] = LRUCache(2, on_evict=lambda *entry: gone.append(entry), clock=clock)
    cache["a"] = 1
    cache["b"] = 2
    assert cache.get("a") == 1
    cache["c"] = 3
    assert gone == [("b", 2, "bound")]
    assert list(cache) == ["a", "c"]
    clock.now += 1e9
    assert len(cache) == 2
    assert repr(cache) == "<LRUCache 2 of 2 entries>"


def test_weights_are_bounded_too(clock: Clock) -> None:
    cache: TTLCache[str, bytes] = TTLCache(10, max_weight=10, weigh=len, clock=clock)
    assert cache.set("a", b"1234")
    assert cache.set("b", b"1234")
    assert cache.set("c", b"1234")
    assert list(cache) == ["b", "c"]
    assert cache.statistics().weight == 8
    assert not cache.set("c", b"12345678901"), "it would throw out all others and not fit all the same"
    assert list(cache) == ["b"], "and what it was to replace is gone"
    cache.set("b", b"1")
    assert cache.statistics().weight == 1
    cache.clear()
    assert cache.statistics().weight == 0


def test_nothing_is_put_over_what_is_there_unless_said_so(clock: Clock) -> None:
    cache: TTLCache[str, int] = TTLCache(ttl=10, clock=clock)
    assert cache.add("a", 1)
    assert not cache.add("a", 2)
    assert cache.get("a") == 1
    assert cache.touch("a", 100)
    clock.now += 50
    assert cache.get("a") == 1
    assert not cache.touch("b")
    assert cache.pop("a") == 1
    assert cache.pop("a", "none") == "none"
    assert not cache.delete("a")
    cache["a"] = 3
    del cache["a"]
    assert cache.add("a", 4)


def test_what_is_missing_is_loaded_and_a_failure_is_not_kept(clock: Clock) -> None:
    cache: TTLCache[str, int] = TTLCache(ttl=10, clock=clock)
    numbers = itertools.count(1)

    with pytest.raises(ZeroDivisionError):
        cache.get_or_set("a", lambda: 1 // 0)

    assert cache.get_or_set("a", lambda: next(numbers)) == 1
    assert cache.get_or_set("a", lambda: next(numbers)) == 1
    clock.now += 10
    assert cache.get_or_set("a", lambda: next(numbers)) == 2


def test_threads_that_load_the_same_get_the_same() -> None:
    cache: TTLCache[str, object] = TTLCache()
    gate = threading.Barrier(4)
    seen: list[object] = []

    def load() -> object:
        gate.wait()
        return object()

    threads = [threading.Thread(target=lambda: seen.append(cache.get_or_set("a", load))) for _ in range(4)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    assert len(set(map(id, seen))) == 1


def test_what_is_over_is_told_and_purged(clock: Clock) -> None:
    gone: list[Any] = []
    cache: TTLCache[str, int] = TTLCache(ttl=10, on_evict=lambda *entry: gone.append(entry), clock=clock)
    cache["a"] = 1
    cache["b"] = 2
    cache.set("c", 3, ttl=None)
    clock.now += 10
    assert cache.get("a") is None
    assert cache.purge() == 1
    assert gone == [("a", 1, "expired"), ("b", 2, "expired")]
    assert cache.statistics().expired == 2
    assert len(cache) == 1


def test_a_jitter_shortens_and_never_prolongs(clock: Clock) -> None:
    cache: TTLCache[int, int] = TTLCache(ttl=100, jitter=0.2, clock=clock, chance=random.Random(1).random)

    for number in range(100):
        cache[number] = number

    left = [cache.left(number) or math.inf for number in range(100)]
    assert 80 < min(left) < 85
    assert 95 < max(left) <= 100


def test_numbers_that_make_no_sense_are_refused() -> None:
    for wrong, text in (
        ({"maxsize": 0}, "at least one entry, not for 0"),
        ({"ttl": 0}, "positive number of seconds, or for ever"),
        ({"ttl": math.nan}, "not nan"),
        ({"jitter": 1.0}, "not 1.0"),
        ({"max_weight": 5}, "go together"),
    ):
        with pytest.raises(ValueError, match=text):
            TTLCache(**wrong)  # type: ignore[arg-type]  # that is what is wrong

    with pytest.raises(ValueError, match="not -1"):
        TTLCache[str, int]().set("a", 1, ttl=-1)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("sgdtpw"), st.integers(0, 5), st.integers(1, 4)), max_size=60))
def test_it_is_what_a_model_says(actions: list[tuple[str, int, int]]) -> None:
    """Against a list of entries in the order of their use, looked through each time."""
    clock = Clock()
    cache: TTLCache[int, int] = TTLCache(3, 3, clock=clock)
    model: list[tuple[int, int, float]] = []

    def alive() -> list[tuple[int, int, float]]:
        return [one for one in model if clock.now < one[2]]

    for number, (action, key, amount) in enumerate(actions):
        known = next((one for one in alive() if one[0] == key), None)

        if action == "s":
            cache.set(key, number, ttl=amount)
            model = [*(one for one in model if one[0] != key), (key, number, clock.now + amount)][-3:]
        elif action == "g":
            assert cache.get(key) == (known[1] if known else None)
            model = [one for one in model if one[0] != key] + ([known] if known else [])
        elif action == "d":
            assert cache.delete(key) == (known is not None)
            model = [one for one in model if one[0] != key]
        elif action == "t":
            clock.now += amount
        elif action == "p":
            assert cache.purge() == len(model) - len(alive())
            model = alive()
        else:
            assert (key in cache) == (known is not None)

        assert list(cache) == [one[0] for one in alive()]


def test_r14_many_threads_lose_no_count_and_no_bound() -> None:
    cache: StackCache = StackCache(50, ttl=None)
    cache.set("sum", 0)
    gate = threading.Barrier(6)

    def work(seed: int) -> None:
        chosen = random.Random(seed)
        gate.wait()

        for _ in range(3000):
            cache.get("sum")
            cache.incr("sum")
            cache.set(chosen.randrange(200), 1)
            cache.get(chosen.randrange(200))
            cache.delete(chosen.randrange(200))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()

    seen = cache.statistics()
    assert cache.get("sum") == 6 * 3000
    assert len(cache) <= 50
    assert seen.hits + seen.misses == 6 * 3000 * 2


def test_the_old_verbs_mean_what_they_say(clock: Clock) -> None:
    cache = StackCache(clock=clock)
    assert (cache.maxsize, cache.ttl) == (255, 60)
    assert cache.incr("n", 5) == 5
    clock.now += 30
    assert cache.decr("n") == 4
    assert cache.has("n")
    assert cache["n"] == 4
    assert cache.size() == 1
    clock.now += 30
    assert (cache.has("n"), cache.size()) == (False, 0), "counting on does not prolong"
    assert cache.incr("n") == 1
    cache.set("text", "x")

    with pytest.raises(TypeError, match="'text' is str, and no number"):
        cache.incr("text")

    with pytest.raises(KeyError):
        cache["nothing"]
