"""What is bound to a context is in each of its records, and in nobody else's."""

import asyncio
import io
import json
import logging
import threading

from hagworm.extend.logging import annotate, bind, bound, configure, read_field


async def test_fields_follow_into_tasks_and_stay_out_of_others() -> None:
    seen: dict[str, dict[str, object]] = {}

    async def child(name: str) -> None:
        annotate(child=name)
        await asyncio.sleep(0)
        seen[name] = dict(bound())

    with bind(order=7):
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a"))
            group.create_task(child("b"))

        seen["parent"] = dict(bound())

    assert seen == {"a": {"order": 7, "child": "a"}, "b": {"order": 7, "child": "b"}, "parent": {"order": 7}}
    assert dict(bound()) == {}


def test_blocks_nest_and_the_inner_one_wins() -> None:
    with bind(a=1, b=1):
        with bind(b=2):
            assert dict(bound()) == {"a": 1, "b": 2}

        assert dict(bound()) == {"a": 1, "b": 1}


def test_a_block_that_fails_is_left_like_any_other() -> None:
    try:
        with bind(a=1):
            raise ValueError
    except ValueError:
        pass

    assert dict(bound()) == {}


def test_threads_begin_without() -> None:
    seen = []

    with bind(a=1):
        thread = threading.Thread(target=lambda: seen.append(dict(bound())))
        thread.start()
        thread.join()

    assert seen == [{}]


def test_text_shows_them_at_the_end_and_nothing_in_them_forges_a_line() -> None:
    stream = io.StringIO()
    configure("info", "text", stream=stream)

    with bind(order=7, name="Ada L", evil="x\n2026 INFO root: forged"):
        logging.getLogger("orders").info("paid")

    (line,) = stream.getvalue().splitlines()
    assert line.endswith("INFO orders: paid order=7 name='Ada L' evil='x\\n2026 INFO root: forged'")


def test_json_has_a_member_for_each_and_its_own_ones_are_not_overwritten() -> None:
    stream = io.StringIO()
    configure("info", "json", stream=stream)

    with bind(order=7, level="fake", pid=0, when=object):
        logging.getLogger("orders").info("paid", extra={"time": "never"})

    fields = json.loads(stream.getvalue())
    assert (fields["order"], fields["level"], fields["level_"], fields["pid_"]) == (7, "info", "fake", 0)
    assert fields["time"] != "never" == fields["time_"]


def test_what_is_read_at_each_record_is_in_json_only() -> None:
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    read_field("request_id", lambda: "ab-1")

    try:
        logging.getLogger("orders").info("paid")
    finally:
        read_field("request_id", None)

    logging.getLogger("orders").info("paid")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["request_id"] == "ab-1" and "request_id" not in second
