"""One line for each request, which no request can forge."""

import asyncio
import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from hagworm.extend.logging import configure
from hagworm.facade.access import DELAY, AccessLog, access_logger
from hagworm.facade.settings import FrameSettings

SETTINGS = FrameSettings()
ORDINARY = ("GET", b"/orders?limit=3", 200, 132, 0.00123, "192.0.2.7", b"ab-1")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("hagworm.access")
    handlers, level = [*root.handlers], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    own.handlers.clear()
    own.setLevel(logging.NOTSET)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def own_set_up(form: str, stream: io.StringIO) -> AccessLog:
    configure("info", form, stream=stream)
    log = access_logger(SETTINGS)
    assert log is not None
    return log


def foreign_set_up(form: str, stream: io.StringIO) -> AccessLog:
    own = logging.getLogger("hagworm.access")
    own.addHandler(logging.StreamHandler(stream))
    own.setLevel(logging.INFO)
    log = access_logger(SETTINGS)
    assert log is not None
    return log


async def written(stream: io.StringIO) -> list[str]:
    for handler in logging.getLogger().handlers:
        handler.flush()

    return stream.getvalue().splitlines()


async def test_a_text_line_tells_the_request(stream: io.StringIO) -> None:
    log = own_set_up("text", stream)
    log(*ORDINARY)
    (line,) = await written(stream)

    assert line.endswith('INFO hagworm.access: 192.0.2.7 "GET /orders?limit=3" 200 132 1.2ms ab-1')


async def test_a_json_line_has_a_field_for_everything(stream: io.StringIO) -> None:
    log = own_set_up("json", stream)
    log(*ORDINARY)
    (line,) = await written(stream)
    fields = json.loads(line)

    assert fields.pop("time") and fields.pop("pid")
    assert fields == {
        "level": "info",
        "logger": "hagworm.access",
        "message": "GET /orders?limit=3 200",
        "method": "GET",
        "target": "/orders?limit=3",
        "status": 200,
        "sent": 132,
        "seconds": 0.00123,
        "client": "192.0.2.7",
        "request_id": "ab-1",
    }


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("set_up", [own_set_up, foreign_set_up])
@pytest.mark.parametrize(
    "target",
    [b'/" 200 1 1ms x', b"/\r\n2026 INFO", b"/\x1b[2J", b"/\x00", b"/\xe2\x80\xa8", b"/\x85", b"/\\x0a", b"/%0a"],
)
async def test_no_target_can_forge_a_field_or_a_line(
    stream: io.StringIO, set_up: Callable[[str, io.StringIO], AccessLog], target: bytes, form: str
) -> None:
    log = set_up(form, stream)
    log("GET", target, 404, 0, 0.0, None, b"ab-1")
    (line,) = await written(stream)

    assert line.isprintable() and line.isascii()

    if form == "json" and set_up is own_set_up:
        assert json.loads(line)["status"] == 404
        assert json.loads(line)["target"] == target.decode("latin-1")
    else:
        assert line.count('"') == 2
        assert line.rpartition('"')[2] == " 404 0 0.0ms ab-1"


async def test_no_method_can_forge_a_field(stream: io.StringIO) -> None:
    log = own_set_up("text", stream)
    log('X" 200\n', b"/", 501, 0, 0.0, None, b"ab-1")
    (line,) = await written(stream)

    assert line.rpartition('"')[2] == " 501 0 0.0ms ab-1"


async def test_lines_are_written_together_after_a_moment(stream: io.StringIO) -> None:
    log = own_set_up("text", stream)
    log(*ORDINARY)
    log(*ORDINARY)
    assert stream.getvalue() == ""

    async with asyncio.timeout(DELAY + 5):
        while not stream.getvalue():
            await asyncio.sleep(DELAY / 10)

    assert len(stream.getvalue().splitlines()) == 2


async def test_foreign_handlers_get_a_record_with_the_fields(stream: io.StringIO) -> None:
    records: list[logging.LogRecord] = []
    log = foreign_set_up("text", stream)
    logging.getLogger("hagworm.access").handlers[0].addFilter(lambda record: records.append(record) or True)
    log(*ORDINARY)

    assert stream.getvalue() == '192.0.2.7 "GET /orders?limit=3" 200 132 1.2ms ab-1\n'
    assert (vars(records[0])["status"], vars(records[0])["request_id"]) == (200, "ab-1")


async def test_a_level_above_info_silences_it(stream: io.StringIO) -> None:
    configure("warning", "text", stream=stream)
    log = access_logger(SETTINGS)
    assert log is not None
    log(*ORDINARY)

    assert await written(stream) == []


def test_the_settings_can_switch_it_off() -> None:
    assert access_logger(replace(SETTINGS, server=replace(SETTINGS.server, access_log=False))) is None
