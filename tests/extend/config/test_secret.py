"""A secret is not shown unless asked for by name."""

import copy
import json
import logging
import pickle
from typing import Any

import pytest

from hagworm.extend.config import Secret
from hagworm.extend.config.secret import MASK, is_secret_name, mask, reveal


def test_no_usual_way_of_printing_shows_a_secret() -> None:
    secret = Secret("hunter2")
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>30}",
        f"{[secret]}",
        logging.LogRecord("x", 20, "x", 1, "%s and %r", (secret, [secret]), None).getMessage(),
    ]

    assert all("hunter2" not in text and MASK in text for text in shown)
    assert secret.reveal() == "hunter2"


def test_a_secret_cannot_be_joined_or_encoded_by_accident() -> None:
    secret: Any = Secret("hunter2")

    with pytest.raises(TypeError):
        "".join([secret])

    with pytest.raises(TypeError):
        json.dumps(secret)

    with pytest.raises(TypeError):
        secret + "x"


def test_a_secret_equals_its_text_and_another_secret_of_it() -> None:
    assert Secret("demo") == "demo" == Secret("demo") == Secret(Secret("demo"))
    assert Secret("demo") != "other"
    assert Secret("é") == "é"
    assert Secret("1") != 1
    assert {Secret("demo"): 1}["demo"] == 1  # type: ignore[index]  # equal, so hashed alike


def test_an_empty_secret_is_false_and_shows_that_it_is_empty() -> None:
    assert not Secret()
    assert str(Secret()) == ""


def test_a_secret_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Secret("a")._value = "b"

    with pytest.raises(AttributeError):
        del Secret("a")._value


def test_a_secret_survives_copies_and_other_processes() -> None:
    secret = Secret("hunter2")
    assert pickle.loads(pickle.dumps(secret)) == copy.deepcopy(secret) == secret


def test_a_pydantic_model_may_hold_a_secret() -> None:
    from pydantic import BaseModel, ValidationError

    class Model(BaseModel):
        token: Secret

    model = Model.model_validate({"token": "hunter2"})
    assert model.token.reveal() == "hunter2"
    assert "hunter2" not in model.model_dump_json()

    with pytest.raises(ValidationError):
        Model.model_validate({"token": 5})


@pytest.mark.parametrize("name", ["password", "db_password", "api_key", "token", "tokens", "SECRET", "client_secret"])
def test_names_that_hold_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["token_ttl", "keys", "monkey", "passwords_max", "sort_key", "compass"])
def test_names_that_only_look_alike_are_not_secret(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("mysql+aiomysql://user:pa:ss@host/db", f"mysql+aiomysql://user:{MASK}@host/db"),
        ("redis://:p@ss/word@host", f"redis://:{MASK}@host"),
        ("sqlite+aiosqlite:///orders.db", "sqlite+aiosqlite:///orders.db"),
        ("http://host:8000/a", "http://host:8000/a"),
        ("http://host/a@b", "http://host/a@b"),
        ("http://host:8000/a@b", f"http://host:{MASK}@b"),  # a password may hold a slash: in doubt, hide
        ("", ""),
        (None, None),
        (("redis://u:p@h", 3), [f"redis://u:{MASK}@h", 3]),
        ({"password": "x", "user": "y"}, {"password": MASK, "user": "y"}),
        (Secret("x"), MASK),
        ([Secret("x"), Secret("")], [MASK, ""]),
    ],
)
def test_masking_hides_secrets_and_nothing_else(value: object, shown: object) -> None:
    assert mask(value, secret=False) == shown


def test_revealing_returns_plain_values() -> None:
    assert reveal({"a": (Secret("x"), 1), "b": Secret("y")}) == {"a": ["x", 1], "b": "y"}
