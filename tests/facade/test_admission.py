"""Laws of admission: what is refused before anything is routed."""

from typing import Any

import pytest

from hagworm.facade.admission import Admission, is_allowed_host
from hagworm.facade.failure import HTTPError
from hagworm.facade.limits import Limits


class Head:
    """The head of a request."""

    method = "GET"
    native: Any = None
    caps: frozenset[str] = frozenset()
    scheme = "http"
    peer = None
    local = None

    def __init__(
        self,
        *headers: tuple[bytes, bytes],
        path: bytes = b"/",
        query: bytes = b"",
        version: str = "1.1",
        host: bool = True,
    ) -> None:
        self.headers = [(b"host", b"a"), *headers] if host else list(headers)
        self.path = path
        self.query = query
        self.version = version


def status(head: Head, **options: Any) -> int:
    admission = Admission(options.pop("limits", Limits()), **options)

    try:
        admission.admit(head)
        admission.admit(head)
    except HTTPError as exc:
        return exc.status

    return 200


@pytest.mark.parametrize(
    ("expected", "head"),
    [
        (200, Head()),
        (200, Head((b"x", b"1"), (b"x", b"2"))),
        (200, Head(version="1.0", host=False)),
        (200, Head((b"expect", b"100-Continue"))),
        (200, Head((b"transfer-encoding", b"chunked"))),
        (200, Head((b"content-length", b"5"), (b"content-length", b"5"))),
        (200, Head((b"host", b""), host=False)),
        (200, Head((b"host", b"[::1]:80"), host=False)),
        (400, Head(host=False)),
        (400, Head((b"host", b"b"))),
        (400, Head((b"host", b"a b/c"), host=False)),
        (400, Head((b"x", b"a\x07"))),
        (400, Head((b"x", b"a\nb"))),
        (400, Head(query=b"x=\xc3\xa9")),
        (400, Head((b"content-length", b"5"), (b"content-length", b"6"))),
        (400, Head((b"content-length", b"-5"))),
        (400, Head((b"content-length", b"5"), (b"transfer-encoding", b"chunked"))),
        (501, Head((b"transfer-encoding", b"gzip, chunked"))),
        (414, Head(path=b"/" + b"a" * 8000)),
        (431, Head(*((b"x%d" % number, b"") for number in range(100)))),
        (431, Head((b"x", b"a" * 33000))),
        (505, Head(version="1.2")),
        (417, Head((b"expect", b"tea"))),
    ],
)
def test_each_head_has_its_answer_however_often_it_comes(expected: int, head: Head) -> None:
    assert status(head) == expected


def test_white_space_around_a_value_is_not_part_of_it() -> None:
    admission = Admission(Limits())
    head = Head((b"x", b" v \t"), (b"y", b"a  b"))

    for _ in range(2):
        assert admission.admit(head)[b"x"] == b"v"
        assert admission.admit(head)[b"y"] == b"a  b"


def test_repeated_fields_are_joined_and_cookies_with_a_semicolon() -> None:
    index = Admission(Limits()).admit(Head((b"x", b"1"), (b"x", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2")))

    assert index[b"x"] == b"1, 2"
    assert index[b"cookie"] == b"a=1; b=2"


def test_heads_that_passed_are_remembered_within_bounds() -> None:
    admission = Admission(Limits())

    for number in range(1000):
        admission.admit(Head((b"x", b"%d" % number)))

    admission.admit(Head((b"x", b"a" * 5000)))

    assert 0 < len(admission.passed) <= 256
    assert all(len(b"".join(key)) < 1100 for key in admission.passed)


@pytest.mark.parametrize(
    ("host", "allowed", "answer"),
    [
        ("a.com", ["a.com"], True),
        ("A.com:80", ["a.com"], True),
        ("b.a.com", ["*.a.com"], True),
        ("a.com", ["*.a.com"], False),
        ("evila.com", ["*.a.com"], False),
        ("[::1]:80", ["[::1]"], True),
        ("[::1]", ["[::1]"], True),
    ],
)
def test_a_host_is_compared_without_its_port_and_case(host: str, allowed: list[str], answer: bool) -> None:
    assert is_allowed_host(host, allowed) is answer


def test_other_hosts_are_refused_where_some_are_named() -> None:
    assert status(Head(), allowed_hosts=("a",)) == 200
    assert status(Head(), allowed_hosts=("b",)) == 400
    assert status(Head(version="2"), allowed_hosts=("b",)) == 421
