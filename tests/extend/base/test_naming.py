"""Names change their style and lose nothing."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.naming import camel_keys, snake_keys, to_camel, to_pascal, to_snake
from hagworm.extend.error import BadValue, LimitExceeded

SNAKES = st.from_regex(r"_{0,2}[a-z][a-z0-9]{1,4}(_[a-z][a-z0-9]{1,4}){0,3}_{0,2}", fullmatch=True)


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("HTTPServer2x", "http_server2x"),
        ("HTTPServer", "http_server"),
        ("_private", "_private"),
        ("__init__", "__init__"),
        ("名字", "名字"),
        ("userID", "user_id"),
        ("user_id", "user_id"),
        ("parseHTML5Page", "parse_html5_page"),
        ("X1Y", "x1_y"),
        ("A", "a"),
        ("", ""),
        ("用户Name", "用户_name"),
        ("user2Id", "user2_id"),
    ],
)
def test_u10_acronyms_digits_underscores_and_other_scripts_are_kept(name: str, snake: str) -> None:
    assert to_snake(name) == snake


@settings(deadline=None)
@given(SNAKES)
def test_u10_snake_comes_back_from_camel_and_pascal(name: str) -> None:
    assert to_snake(name) == name
    assert to_snake(to_camel(name)) == name
    assert to_snake(to_pascal(name)) == name


@settings(deadline=None)
@given(st.text())
def test_u10_no_name_is_lost(name: str) -> None:
    for change in (to_snake, to_camel, to_pascal):
        changed = change(name)
        assert bool(changed) == bool(name)
        assert change(changed) == changed or not name.isascii()


def test_styles() -> None:
    assert to_camel("user_id") == "userId"
    assert to_camel("UserId") == "userId"
    assert to_camel("_user_id") == "_userId"
    assert to_camel("user_2x") == "user_2x"
    assert to_camel("ID") == "id"
    assert to_pascal("user_id") == "UserId"


def test_keys_of_nested_values_lists_included() -> None:
    value = {"userId": 1, "orderList": [{"itemName": "camelCase stays"}, 2], "名字": None, 7: ("a",)}
    snake = {"user_id": 1, "order_list": [{"item_name": "camelCase stays"}, 2], "名字": None, 7: ["a"]}

    assert snake_keys(value) == snake
    assert camel_keys(snake) == {**value, 7: ["a"]}


def test_u10_two_keys_never_become_one_in_silence() -> None:
    with pytest.raises(BadValue, match="keys of which only one becomes 'user_id'"):
        snake_keys({"userId": 1, "user_id": 2})

    deep: Any = {}

    for _ in range(300):
        deep = {"a": deep}

    with pytest.raises(LimitExceeded, match="200 levels"):
        camel_keys(deep)
