"""The settings object: attributes by section, frozen, masked, overridable in tests."""

import json
import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.config import Secret, Setting, Settings, describe, load_settings
from hagworm.extend.error import ConfigError


@dataclass(frozen=True)
class Server:
    port: int = 8000
    host: str = "127.0.0.1"


@dataclass(frozen=True)
class Frame:
    environment: str = "development"
    server: Server = field(default_factory=Server)


@dataclass(frozen=True)
class Orders:
    token: Secret = Secret("demo")
    url: str = "mysql://root:hunter2@db/orders"
    api_key: str = "hunter2"


@dataclass(frozen=True)
class Business:
    orders: Orders = field(default_factory=Orders)
    cache: Server | None = None

    @property
    def title(self) -> str:
        return f"orders on {self.orders.api_key[:0]}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        Business,
        frame=Frame,
        environ={"HAGWORM_ORDERS__TOKEN": "hunter2", "HAGWORM_SERVER__PORT": "1"},
        directory=tmp_path,
    )


def test_nothing_that_shows_settings_shows_a_secret(settings: Settings) -> None:
    shown = [repr(settings), str(settings), repr(settings.as_dict()), repr(describe(settings))]

    assert all("hunter2" not in text for text in shown)
    assert repr(settings) == "<Settings server.port=1, orders.token='********'>"


def test_the_plain_values_can_be_had(settings: Settings) -> None:
    assert json.loads(json.dumps(settings.as_dict(masked=False))) == {
        "environment": "development",
        "server": {"port": 1, "host": "127.0.0.1"},
        "orders": {"token": "hunter2", "url": "mysql://root:hunter2@db/orders", "api_key": "hunter2"},
        "cache": None,
    }


def test_a_description_has_every_setting_in_order(settings: Settings) -> None:
    assert describe(settings) == [
        Setting("environment", "development", "default"),
        Setting("server.port", 1, "env HAGWORM_SERVER__PORT"),
        Setting("server.host", "127.0.0.1", "default"),
        Setting("orders.token", "********", "env HAGWORM_ORDERS__TOKEN"),
        Setting("orders.url", "mysql://root:********@db/orders", "default"),
        Setting("orders.api_key", "********", "default"),
        Setting("cache", None, "default"),
    ]


def test_settings_do_not_change(settings: Settings) -> None:
    with pytest.raises(AttributeError, match="settings do not change"):
        settings.server = Server(1)

    with pytest.raises(AttributeError, match="settings do not change"):
        del settings.server

    with pytest.raises(TypeError):
        settings.sources["server.port"] = "x"  # type: ignore[index]  # what is tested


def test_an_unknown_section_is_named_with_those_there_are(settings: Settings) -> None:
    with pytest.raises(AttributeError, match="'ordres'; there are: environment, server, orders, cache"):
        _ = settings.ordres


def test_the_business_class_lends_its_properties(settings: Settings) -> None:
    assert settings.title == "orders on "
    assert {"server", "orders", "as_dict"} <= set(dir(settings))


def test_other_values_hold_inside_a_block_and_not_after(settings: Settings) -> None:
    with settings.override(**{"server.port": 0, "orders.token": "other"}) as changed:
        assert changed is settings
        assert (settings.server.port, settings.orders.token, settings.sources["server.port"]) == (
            0,
            "other",
            "argument",
        )

        with settings.override(**{"server.host": "h"}):
            assert settings.server == Server(0, "h")

        assert settings.server.host == "127.0.0.1"

    assert settings.server.port == 1
    assert settings.sources["server.port"] == "env HAGWORM_SERVER__PORT"


def test_an_override_ends_when_its_block_fails(settings: Settings) -> None:
    with pytest.raises(KeyError), settings.override(**{"server.port": 0}):
        raise KeyError

    assert settings.server.port == 1


@pytest.mark.parametrize("values", [{"server.prot": 1}, {"server.port": "x"}, {"server.port": 1.5}])
def test_an_override_is_checked_like_any_other_value(settings: Settings, values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError), settings.override(**values):
        raise AssertionError("never entered")

    assert settings.server.port == 1


def test_settings_reach_other_processes(settings: Settings) -> None:
    other = pickle.loads(pickle.dumps(settings))

    assert describe(other) == describe(settings)
    assert other.orders.token == "hunter2"


def test_declaring_a_section_needs_neither_the_loader_nor_another_package() -> None:
    code = (
        "import sys; from hagworm.extend.config import Range, Secret\n"
        "assert 'hagworm.extend.config.loader' not in sys.modules\n"
        "from hagworm.extend.config import load_settings\n"
        "known = sys.stdlib_module_names | {'hagworm', '__main__'}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - known))"
    )
    root = str(Path(__file__).resolve().parents[3])
    found = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=root)

    assert found.stdout.strip() == "[]"
