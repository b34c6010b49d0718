"""A span says how long its block took, whatever the block was, and nothing that it was not given."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from hagworm.extend.config import Secret
from hagworm.extend.error import DefinitionError
from hagworm.extend.logging import configure, read_field
from hagworm.extend.trace import Ended, continue_trace, current_trace, on_span, span, trace_id, traced


@pytest.fixture
def ended() -> Iterator[list[Ended]]:
    found: list[Ended] = []
    stop = on_span(found.append)
    yield found
    stop()
    stop()


def test_spans_nest_and_are_put_back(ended: list[Ended]) -> None:
    with span("outer") as outer:
        with span("inner"):
            assert current_trace() != outer.context

        assert current_trace() == outer.context

    assert current_trace() is None
    inner, around = ended
    assert (inner.name, inner.parent_id, around.parent_id) == ("inner", around.context.span_id, None)
    assert inner.context.trace_id == around.context.trace_id


def test_a_trace_goes_on_from_a_header(ended: list[Ended]) -> None:
    caller = continue_trace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")

    with span("handle", parent=caller):
        assert trace_id() == caller.trace_id

    assert ended[0].parent_id == caller.span_id


def test_s9_durations_come_from_the_clock_that_nobody_sets(ended: list[Ended]) -> None:
    now = [10.0]

    with span("work", clock=lambda: now[0]):
        now[0] = 12.5

    assert ended[0].seconds == 2.5


def test_s9_secrets_are_masked_and_arguments_are_not_told(ended: list[Ended]) -> None:
    @traced(token="t", card=Secret("4111"), order=7)
    def charge(password: str) -> str:
        return password

    assert charge("hunter2") == "hunter2"
    assert dict(ended[0].attributes) == {"token": "********", "card": "********", "order": 7}
    assert "hunter2" not in repr(ended[0])


async def test_s9_a_coroutine_function_is_measured_to_its_end(ended: list[Ended]) -> None:
    @traced("slow")
    async def slow() -> str | None:
        await asyncio.sleep(0)
        return trace_id()

    coroutine = slow()
    assert ended == []
    inside = await coroutine
    assert [item.name for item in ended] == ["slow"] and inside == ended[0].context.trace_id


async def test_tasks_belong_to_the_span_that_started_them(ended: list[Ended]) -> None:
    async def child(name: str) -> None:
        with span(name):
            await asyncio.sleep(0)

    with span("parent") as parent:
        async with asyncio.TaskGroup() as group:
            group.create_task(child("a"))
            group.create_task(child("b"))

        assert current_trace() == parent.context

    assert parent.context is not None
    assert {(item.name, item.parent_id) for item in ended[:2]} == {
        ("a", parent.context.span_id),
        ("b", parent.context.span_id),
    }


def test_what_fails_says_with_what_and_the_error_goes_on(ended: list[Ended]) -> None:
    with pytest.raises(ZeroDivisionError), span("fails") as it:
        it.set(step=1)
        1 / 0  # noqa: B018

    assert (ended[0].error, ended[0].attributes["step"]) == ("ZeroDivisionError", 1)


def test_a_listener_that_fails_hurts_nobody(ended: list[Ended], caplog: pytest.LogCaptureFixture) -> None:
    def broken(item: Ended) -> None:
        raise RuntimeError("no")

    stop = on_span(broken)

    with span("work"):
        pass

    stop()
    assert len(ended) == 1 and "a listener of spans has failed at 'work'" in caplog.text


def test_generators_are_refused() -> None:
    with pytest.raises(DefinitionError, match="is a generator"):

        @traced()
        def numbers() -> Iterator[int]:
            yield 1


def test_the_log_knows_the_trace() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level, factory = [*root.handlers], root.level, logging.getLogRecordFactory()
    configure("info", "json", stream=stream)
    read_field("trace_id", trace_id)

    try:
        with span("work") as it:
            logging.getLogger("orders").info("paid")
    finally:
        read_field("trace_id", None)
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.setLogRecordFactory(factory)

    assert it.context is not None
    assert json.loads(stream.getvalue())["trace_id"] == it.context.trace_id
