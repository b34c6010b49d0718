"""Sections of a business may be pydantic models, which check their values themselves."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, model_validator

from hagworm.extend.config import Secret, Settings, describe, load_settings
from hagworm.extend.error import ConfigError


class Pool(BaseModel):
    size: Annotated[int, Field(ge=1)] = 5
    hosts: list[str] = []


class Orders(BaseModel):
    model_config = ConfigDict(frozen=True)

    url: HttpUrl
    token: SecretStr = SecretStr("demo")
    other: Secret = Secret("demo")
    pool: Pool = Pool()
    name: str = Field("x", alias="Name")

    @model_validator(mode="after")
    def check(self) -> "Orders":
        if self.name == "forbidden":
            raise ValueError("this name is forbidden")

        return self


class Whole(BaseModel):
    orders: Orders
    size: int = 1


@dataclass(frozen=True)
class Business:
    orders: Orders = field(default_factory=lambda: Orders.model_validate({"url": "http://default/"}))


@dataclass(frozen=True)
class Frame:
    environment: str = "development"


def load(directory: Path, business: type, **environ: str) -> Settings:
    return load_settings(business, frame=Frame, environ=environ, directory=directory)


@pytest.mark.parametrize("business", [Whole, Business])
def test_a_model_is_a_section(tmp_path: Path, business: Any) -> None:
    (tmp_path / "hagworm.toml").write_text("[orders]\nurl = 'http://x'\nname = 'y'\n[orders.pool]\nhosts = ['a']\n")
    settings = load(tmp_path, business, HAGWORM_ORDERS__POOL__SIZE="7", HAGWORM_ORDERS__TOKEN="hunter2")

    assert str(settings.orders.url) == "http://x/"
    assert settings.orders.pool == Pool(size=7, hosts=["a"])
    assert settings.orders.token.get_secret_value() == "hunter2"
    assert settings.orders.name == "y"
    assert settings.sources["orders.pool.hosts"] == "hagworm.toml:5"
    assert settings.as_dict(masked=False)["orders"]["token"] == "hunter2"
    assert "hunter2" not in repr(describe(settings))


def test_a_default_object_gives_its_values(tmp_path: Path) -> None:
    assert str(load(tmp_path, Business).orders.url) == "http://default/"


def test_a_model_has_the_say_over_its_values(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text("[orders]\nurl = 'x'\ntokn = 1\n[orders.pool]\nsize = 0\n")

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, Whole, HAGWORM_ORDERS__POOL__HOSTS="a,b", HAGWORM_SIZE="x")

    assert list(caught.value.problems) == [
        "orders.tokn: unknown key (hagworm.toml:3) (did you mean 'orders.token'?)",
        "orders.url: input should be a valid URL, relative URL without a base, got 'x' (hagworm.toml:2)",
        "orders.pool.size: input should be greater than or equal to 1, got 0 (hagworm.toml:5)",
        "size: input should be a valid integer, unable to parse string as an integer, got 'x' (env HAGWORM_SIZE)",
    ]


def test_what_is_missing_or_refused_as_a_whole_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^orders\.url: must be set.*HAGWORM_ORDERS__URL"):
        load(tmp_path, Whole)

    with pytest.raises(ConfigError, match=r"^orders: value error, this name is forbidden$"):
        load(tmp_path, Whole, HAGWORM_ORDERS__URL="http://x", HAGWORM_ORDERS__NAME="forbidden")


def test_a_model_that_allows_more_gets_more(tmp_path: Path) -> None:
    class Open(BaseModel):
        model_config = ConfigDict(extra="allow", frozen=True)

        known: int = 1

    @dataclass(frozen=True)
    class App:
        plugin: Open = Open()

    (tmp_path / "hagworm.toml").write_text("[plugin]\nanything = 3\n")
    settings = load(tmp_path, App, HAGWORM_PLUGIN__PASSWORD="hunter2")

    assert (settings.plugin.anything, settings.plugin.password) == (3, "hunter2")
    assert settings.as_dict()["plugin"] == {"known": 1, "anything": 3, "password": "********"}


def test_the_check_of_a_section_is_not_taken_from_pydantic(tmp_path: Path) -> None:
    class Open(BaseModel, frozen=True):
        pass

    class Checked(BaseModel, frozen=True):
        size: int = 1

        def validate(self, environment: str) -> list[str]:  # type: ignore[override]  # pydantic has one of another kind
            return [f"size: is {self.size} in {environment}"] if self.size > 1 else []

    @dataclass(frozen=True)
    class App:
        checked: Checked = Checked()
        plain: Open = Open()

    assert load(tmp_path, App).checked.size == 1

    with pytest.raises(ConfigError, match=r"^checked\.size: is 2 in development \(env HAGWORM_CHECKED__SIZE\)$"):
        load(tmp_path, App, HAGWORM_CHECKED__SIZE="2")
