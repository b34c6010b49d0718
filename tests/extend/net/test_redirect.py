"""Redirections change methods as the RFC says, and credentials stay with their origin."""

import pytest

from hagworm.extend.net.redirect import follow_redirect, portable_headers

HEADERS = {
    "authorization": "Bearer secret",
    "cookie": "session=secret",
    "proxy-authorization": "Basic secret",
    "x-api-key": "secret",
    "accept": "text/html",
    "content-type": "text/plain",
    "host": "here",
}


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [
        ("GET", 301, "GET"),
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("PUT", 302, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
    ],
)
def test_the_method_that_follows(method: str, status: int, expected: str) -> None:
    step = follow_redirect(method, HEADERS, status, same_origin=True)
    assert step.method == expected
    assert step.with_body is (step.method == method or method == "HEAD")
    assert ("content-type" in step.headers) is step.with_body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_credentials_go_to_another_origin(status: int) -> None:
    step = follow_redirect("POST", HEADERS, status, same_origin=False)
    assert "secret" not in str(step.headers)
    assert step.headers["accept"] == "text/html" and "host" not in step.headers


def test_credentials_stay_at_their_origin() -> None:
    step = follow_redirect("GET", HEADERS, 302, same_origin=True)
    assert step.headers["authorization"] == "Bearer secret" and "host" not in step.headers


def test_what_may_be_told_to_anybody_is_a_list_and_not_all_but_a_list() -> None:
    assert portable_headers({"x-unknown": "1", "accept": "2"}) == {"accept": "2"}
