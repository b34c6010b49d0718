"""Laws of what ends a head."""

from email.utils import parsedate_to_datetime

import pytest

from hagworm.frame.tornado import tail as module
from hagworm.frame.tornado.tail import Tail


def test_a_head_ends_with_the_date_and_an_empty_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.time, "time", lambda: 784111777.9)

    assert Tail("")(b"HTTP/1.1 200 OK") == b"\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"


def test_the_date_moves_with_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    tail = Tail("")
    seconds = []

    for now in (784111777.0, 784111777.9, 784111778.0):
        monkeypatch.setattr(module.time, "time", lambda now=now: now)
        seconds.append(parsedate_to_datetime(tail(b"").decode()[8:].strip()).second)

    assert seconds == [37, 37, 38]


def test_there_is_one_date() -> None:
    assert Tail("")(b"HTTP/1.1 200 OK\r\ndate: today") == b"\r\n\r\n"


def test_a_server_is_named_where_it_has_a_name() -> None:
    assert Tail("x/1")(b"").endswith(b"GMT\r\nserver: x/1\r\n\r\n")
    assert Tail("x/1")(b"HTTP/1.1 200 OK\r\ndate: today") == b"\r\nserver: x/1\r\n\r\n"
