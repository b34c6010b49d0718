"""Profiles, other formats and other places: each in its turn, and each told when it cannot be read."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import pytest

from hagworm.extend.config import Found, Range, Secret, Settings, describe_schema, explain, load_settings
from hagworm.extend.config.format import parse_ini, parse_json
from hagworm.extend.config.schema import Schema
from hagworm.extend.config.sources import https
from hagworm.extend.error import ConfigError


@dataclass(frozen=True, slots=True)
class Shop:
    """Section `shop`."""

    name: str = "Corner"
    """How it is
    called."""
    open: Annotated[int, Range(0, 24)] = 8
    days: tuple[str, ...] = ()
    key: Secret = Secret("demo")
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    level: str = "info"
    shop: Shop = field(default_factory=Shop)


def load(folder: Path, environ: Mapping[str, str] | None = None, **options: Any) -> Settings:
    return load_settings(frame=Frame, environ=environ or {}, directory=folder, **options)


def test_a_profile_goes_over_the_file_and_under_what_is_named(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text('level = "a"\n[shop]\nname = "a"\nopen = 1\n')
    (tmp_path / "hagworm.staging.toml").write_text('level = "b"\n[shop]\nname = "b"\n')
    (tmp_path / "other.toml").write_text('level = "c"\n')
    settings = load(tmp_path, {"HAGWORM_PROFILE": "staging"}, config_file="other.toml")
    assert (settings.level, settings.shop.name, settings.shop.open) == ("c", "b", 1)
    assert settings.sources["shop.name"] == "hagworm.staging.toml:3"
    assert load(tmp_path, {"HAGWORM_PROFILE": "production"}, profile="staging").level == "b"


def test_a_profile_that_there_is_not_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "hagworm.staging.toml").write_text("")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, {"HAGWORM_PROFILE": "stagign"})

    told = "profile 'stagign': there is no hagworm.stagign.toml (env HAGWORM_PROFILE) (did you mean 'staging'?)"
    assert caught.value.problems == (f"{told}; profiles: staging",)


def test_a_named_file_may_be_json_or_ini(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"shop": {"open": 9, "days": ["Mo"]}}))
    settings = load(tmp_path, config_file="a.json")
    assert (settings.shop.open, settings.shop.days) == (9, ("Mo",))
    assert settings.sources["shop.open"] == "a.json"
    (tmp_path / "a.ini").write_text("; old\n[shop]\nopen = 9\ndays=Mo, Tu\nname: x = y\n")
    settings = load(tmp_path, config_file="a.ini")
    assert (settings.shop.open, settings.shop.days, settings.shop.name) == (9, ("Mo", "Tu"), "x = y")
    assert settings.sources["shop.days"] == "a.ini:4"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[1]", "a.json: expected one object of sections, got list"),
        ("a.json", '{"a": 1,}', "a.json:1:"),
        ("a.json", '{"shop": {"open": 1, "open": 2}}', "a.json: 'open' is set twice"),
        ("a.ini", "[shop]\nopen\n", "a.ini:2: expected a [section], or key = value, got 'open'"),
        ("a.ini", "[shop]\nopen = 1\nopen = 2\n", "a.ini:3: 'open' is set twice"),
        ("a.ini", "[shop]\nopen = x\n", "shop.open: expected an integer, got 'x' (a.ini:2)"),
        ("a.ini", "[shop]\nname = a\n  b\n", "a.ini:3: expected a [section]"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, config_file=name)

    assert message in str(caught.value)


def test_sections_in_sections_of_an_ini_file() -> None:
    assert parse_ini("a = 1\n[b.c]\nd = 2\n", "x").values == {"a": "1", "b": {"c": {"d": "2"}}}
    assert parse_json('{"a": {"b": 1}}', "x").values == {"a": {"b": 1}}


class Answers(BaseHTTPRequestHandler):
    pages: dict[str, tuple[int, str, bytes]] = {}
    seen: list[dict[str, str]] = []

    def do_GET(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        status, kind, body = self.pages.get(self.path, (404, "text/plain", b""))
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("location", "https://elsewhere.example/")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Answers.pages = {
        "/a": (200, "application/json", b'{"shop": {"open": 9}}'),
        "/a.toml": (200, "text/plain", b'level = "far"\n[shop]\nopen = 10\n'),
        "/long": (200, "text/plain", b" " * (https.LARGEST + 1)),
        "/bytes": (200, "text/plain", b"\xff"),
        "/moved": (302, "text/plain", b""),
    }
    Answers.seen = []

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"127.0.0.1:{http.server_address[1]}"
        http.shutdown()
        thread.join()


def test_settings_may_be_kept_elsewhere_and_go_over_files_and_under_variables(tmp_path: Path, server: str) -> None:
    (tmp_path / "hagworm.toml").write_text('level = "near"\n[shop]\nname = "near"\n')
    url = f"http://{server}/a.toml"
    settings = load(tmp_path, {"HAGWORM_SOURCE": url, "HAGWORM_SHOP__OPEN": "11"})
    assert (settings.level, settings.shop.name, settings.shop.open) == ("far", "near", 11)
    assert settings.sources["level"] == f"{url}:1"
    assert load(tmp_path, source=f"http://{server}/a").shop.open == 9


def test_a_password_of_a_source_is_used_and_never_shown(tmp_path: Path, server: str) -> None:
    settings = load(tmp_path, source=f"http://ann:p%40ss@{server}/a")
    assert Answers.seen[-1]["authorization"] == "Basic YW5uOnBAc3M="
    assert settings.sources["shop.open"] == f"http://ann:********@{server}/a"

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, source=f"http://ann:p%40ss@{server}/nothing")

    assert "p%40ss" not in str(caught.value)
    assert "404" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/long", "longer than"),
        ("/bytes", "can't decode"),
        ("/moved", "it leads to https://elsewhere.example/"),
    ],
)
def test_a_source_that_answers_something_else_is_told(tmp_path: Path, server: str, path: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, source=f"http://{server}{path}")

    assert caught.value.problems[0].endswith("(--source)")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("htps://x/", r"cannot be read from htps \(did you mean 'https'\?\); known schemes: http, https"),
        ("x", "cannot be read from a place without a scheme"),
        ("http://config.example/", "http shows them to everybody on the way: use https"),
        ("http://127.0.0.1:1/", "refused"),
    ],
)
def test_a_source_that_there_is_not_is_told(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, source=url)


def test_other_packages_bring_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name = "vault"

        def load(self) -> Any:
            return lambda url: Found(f"level = {json.dumps(url)}")

    class Wrong(Point):
        def load(self) -> Any:
            return lambda url: Found("", "yaml")

    points = [Point()]
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group, name=None: points if name in (None, "vault") else []
    )
    assert load(tmp_path, source="vault://orders").level == "vault://orders"
    points[0] = Wrong()

    with pytest.raises(ConfigError, match="is 'yaml', and neither toml nor json nor ini"):
        load(tmp_path, source="vault://orders")


def test_a_setting_is_explained_by_every_place_that_says_something(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text('[shop]\nname = "a"\nkey = "s3cret"\n')
    settings = load(tmp_path, {"HAGWORM_SHOP__NAME": "b"}, overrides={"shop.name": "c"})
    (name,) = explain(settings, "shop.name")
    assert (name.variable, name.type, name.note) == ("HAGWORM_SHOP__NAME", {"type": "string"}, "How it is called.")
    assert [(said.source, said.value, said.holds) for said in name.said] == [
        ("argument", "c", True),
        ("env HAGWORM_SHOP__NAME", "b", False),
        ("hagworm.toml:2", "a", False),
        ("default", "Corner", False),
    ]
    (key,) = explain(settings, "shop.key")
    assert {said.value for said in key.said} == {"********"}
    assert [item.key for item in explain(settings, "shop")] == [
        "shop.name",
        "shop.open",
        "shop.days",
        "shop.key",
        "shop.note",
    ]

    with pytest.raises(ConfigError, match="there is no such setting"):
        explain(settings, "shop.nam")


def test_the_schema_says_what_a_file_may_hold() -> None:
    schema = describe_schema(Schema(None, Frame))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    assert schema["properties"]["level"] == {"type": "string", "default": "info"}
    shop = schema["properties"]["shop"]
    assert shop["description"] == "Section `shop`."
    assert shop["properties"] == {
        "name": {"type": "string", "default": "Corner", "description": "How it is called."},
        "open": {"type": "integer", "minimum": 0, "maximum": 24, "default": 8},
        "days": {"type": "array", "items": {"type": "string"}, "default": []},
        "key": {"type": "string", "writeOnly": True},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
    }


def test_the_schema_of_hagworm_itself_takes_what_it_takes() -> None:
    from jsonschema import Draft202012Validator

    from hagworm.facade.settings import FrameSettings

    schema = describe_schema(Schema(None, FrameSettings))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"server": {"port": 8000, "engine": "tornado"}, "environment": "production"})
    assert not validator.is_valid({"server": {"port": "8000"}})
    assert not validator.is_valid({"server": {"prot": 8000}})
    assert not validator.is_valid({"server": {"port": 70_000}})
