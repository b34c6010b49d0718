"""Header fields are found in any case, and none smuggles in another one."""

import pytest

from hagworm.extend.net.headers import Headers, check_fields, is_token


def test_names_are_found_in_any_case_and_told_in_lower_case() -> None:
    headers = Headers([("Content-Type", "text/plain"), ("X-A", "1"), ("x-a", "2")])
    assert headers["CONTENT-TYPE"] == "text/plain" and "content-Type" in headers and 3 not in headers
    assert list(headers) == ["content-type", "x-a"] and len(headers) == 2
    assert headers["x-a"] == "1, 2" and headers.all("X-A") == ("1", "2")


def test_cookies_are_never_joined() -> None:
    headers = Headers([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2, 3")])
    assert headers["set-cookie"] == "a=1" and headers.all("set-cookie") == ("a=1", "b=2, 3")


def test_values_do_not_show_in_the_text() -> None:
    assert "secret" not in repr(Headers([("set-cookie", "secret")]))


@pytest.mark.parametrize("value", ["a\r\nx: y", "a\nb", "a\x00b", "\x7f"])
def test_h1_a_value_with_a_control_character_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(ValueError, match="x-key") as caught:
        check_fields({"x-key": value})

    assert value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "ä"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError):
        check_fields({name: "x"})

    assert not is_token(name)


def test_a_value_is_text() -> None:
    with pytest.raises(TypeError, match="int"):
        check_fields({"a": 1})  # type: ignore[dict-item]  # what is tested


def test_h2_the_fields_that_are_given_stay_as_they_are() -> None:
    given = {"X-A": "1"}
    assert check_fields(given) == {"x-a": "1"} and given == {"X-A": "1"}
