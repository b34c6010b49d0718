"""The arguments of a test's request become the bytes that a client would send."""

from typing import Any

import pytest

from hagworm.testing.encoding import build_request


def built(*args: Any, **options: Any) -> tuple[bytes, dict[bytes, bytes], Any]:
    request = build_request(*args, **options)
    return request.target, dict(request.headers), request.body


def test_the_target_keeps_what_is_encoded_and_encodes_the_rest() -> None:
    assert built("get", "/a%2Fb/ü x?q=1#frag")[0] == b"/a%2Fb/%C3%BC%20x?q=1"


def test_params_are_added_to_the_query() -> None:
    target = built("GET", "/x?a=1", params={"b": [1, "two"], "c": True, "d": None, "e": "ü&"})[0]
    assert target == b"/x?a=1&b=1&b=two&c=true&e=%C3%BC%26"
    assert built("GET", "/x", params=[("a", 1), ("a", 2)])[0] == b"/x?a=1&a=2"


def test_json_may_be_anything_even_null() -> None:
    target, headers, body = built("POST", "/x", json={"ü": [1, None]})
    assert (headers, body) == ({b"content-type": b"application/json"}, '{"ü":[1,null]}'.encode())
    assert built("POST", "/x", json=None)[2] == b"null"


def test_data_makes_a_form_and_keeps_bytes_as_they_are() -> None:
    _, headers, body = built("POST", "/x", data={"a": "1 2", "b": [3, 4]})
    assert (headers, body) == ({b"content-type": b"application/x-www-form-urlencoded"}, b"a=1+2&b=3&b=4")
    assert built("POST", "/x", data=b"raw")[1:] == ({}, b"raw")


def test_files_make_a_multipart_form() -> None:
    files = {"one": b"1", "two": ("n.txt", "text", "text/plain")}
    _, headers, body = built("POST", "/x", data={"field": "ü"}, files=files)
    kind, _, boundary = headers[b"content-type"].partition(b"; boundary=")
    parts = body.split(b"--" + boundary)
    assert (kind, len(parts), parts[-1]) == (b"multipart/form-data", 5, b"--\r\n")
    assert parts[1] == '\r\ncontent-disposition: form-data; name="field"\r\n\r\nü\r\n'.encode()
    assert b'name="two"; filename="n.txt"\r\ncontent-type: text/plain\r\n\r\ntext\r\n' in parts[3]


def test_a_content_type_that_is_given_stays() -> None:
    assert built("POST", "/x", json=1, headers={"Content-Type": "application/x+json"})[1] == {
        b"content-type": b"application/x+json"
    }


def test_a_request_has_one_body() -> None:
    with pytest.raises(ValueError, match="one body"):
        build_request("POST", "/x", json=1, content=b"2")
