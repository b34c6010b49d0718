"""What is local to a thread is seen by no other, and what is shared is never seen half changed."""

import threading
from collections.abc import Callable

import pytest

from hagworm.extend.struct import SharedDict, SharedList, ThreadLocalDict, ThreadLocalList


def together(*functions: Callable[[], object]) -> None:
    barrier = threading.Barrier(len(functions))

    def run(function: Callable[[], object]) -> None:
        barrier.wait()
        function()

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]

    for thread in threads:
        thread.start()

    for thread in threads:
        thread.join()


def test_s6_a_thread_local_container_is_empty_in_every_thread() -> None:
    items, table = ThreadLocalList[int](), ThreadLocalDict[str, int]()
    items.extend([1, 2])
    table["a"] = 1
    seen: list[object] = []

    def look() -> None:
        seen.append((list(items), dict(table)))
        items.append(9)
        table["b"] = 9

    together(look)

    assert seen == [([], {})]
    assert (list(items), dict(table)) == ([1, 2], {"a": 1})
    assert "[1, 2] in MainThread" in repr(items)
    assert "{'a': 1} in MainThread" in repr(table)


def test_thread_local_containers_are_a_list_and_a_dict() -> None:
    items, table = ThreadLocalList[int](), ThreadLocalDict[str, int]()
    items.extend([3, 1, 2])
    items[0] = 4
    del items[1]
    items.insert(0, 7)

    assert (items[0], items[1:], len(items)) == (7, [4, 2], 3)

    table.update(a=1, b=2)
    del table["a"]
    assert (len(table), table["b"]) == (1, 2)


def test_s6_no_change_of_a_shared_container_is_lost() -> None:
    table, items = SharedDict[str, int](), SharedList[int]()

    def change() -> None:
        for number in range(2000):
            table.change("count", lambda count: count + 1, 0)
            items.append_new(number)

    together(change, change, change, change)

    assert table["count"] == 8000
    assert sorted(items) == list(range(2000))


def test_s6_a_value_is_made_once_however_many_ask() -> None:
    table, made = SharedDict[str, object](), []

    def create() -> object:
        made.append(object())
        return made[-1]

    together(*[lambda: table.get_or_create("a", create)] * 8)
    assert len(made) == 1

    with pytest.raises(ZeroDivisionError):
        table.get_or_create("b", lambda: 1 / 0)

    assert table.get_or_create("b", lambda: table.get_or_create("c", lambda: 1)) == 1
    assert table.snapshot() == {"a": made[0], "b": 1, "c": 1}


def test_shared_containers_may_be_changed_while_they_are_iterated() -> None:
    table, items = SharedDict({"a": 1, "b": 2}), SharedList([1, 2])

    for key in table:
        del table[key]

    for item in items:
        items.append(item)

    assert (dict(table), list(items)) == ({}, [1, 2, 1, 2])


def test_shared_containers() -> None:
    items, table = SharedList("abc"), SharedDict({"a": 1})

    assert (items.pop(), items.pop(0), items[0], len(items), "b" in items) == ("c", "a", "b", 1, True)
    assert (items.discard("b"), items.discard("b"), items.take_all()) == (True, False, [])
    assert repr(items) == "<SharedList []>"

    table["b"] = 2
    assert (table.pop("a"), table.pop("a", None), table.setdefault("c", 3), len(table)) == (1, None, 3, 2)
    assert (table.popitem(), table.take_all(), repr(table)) == (("c", 3), {"b": 2}, "<SharedDict {}>")
    table["a"] = 1
    table.clear()
    assert not table

    with pytest.raises(KeyError):
        table.pop("a")
