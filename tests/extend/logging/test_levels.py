"""Levels by logger, changed while a service runs."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from hagworm.extend.config import load_settings
from hagworm.extend.error import ConfigError
from hagworm.extend.logging import LogSettings, levels_in_force, set_level, set_up, use_level
from hagworm.extend.logging.levels import level_number
from hagworm.facade.settings import FrameSettings


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    logging.getLogger("orders").setLevel(logging.NOTSET)


def test_l3_a_level_changes_at_once_and_back() -> None:
    log = logging.getLogger("orders.stock")

    with use_level("critical", "orders"):
        assert not log.isEnabledFor(logging.ERROR)

        with use_level("debug", "orders"):
            assert log.isEnabledFor(logging.DEBUG)

        assert not log.isEnabledFor(logging.ERROR)

    assert logging.getLogger("orders").level == logging.NOTSET


def test_a_level_says_what_held_before() -> None:
    assert set_level("error", "orders") == logging.NOTSET
    assert set_level(25, "orders") == logging.ERROR
    assert levels_in_force()["orders"] == "level 25"


@pytest.mark.parametrize(("given", "number"), [("debug", 10), ("WARN", 30), (" 25 ", 25), (5, 5), ("Critical", 50)])
def test_names_and_numbers_are_levels(given: str | int, number: int) -> None:
    assert level_number(given) == number


@pytest.mark.parametrize("given", ["loud", "", "-1", -1, True])
def test_others_are_refused_with_the_nearest(given: str | int) -> None:
    with pytest.raises(ConfigError, match="unknown log level"):
        level_number(given)


def test_settings_name_loggers_and_take_the_names_back() -> None:
    set_up(LogSettings(levels={"orders": "debug"}, queue=0))
    assert logging.getLogger("orders").level == logging.DEBUG
    set_up(LogSettings(queue=0))
    assert logging.getLogger("orders").level == logging.NOTSET


def test_settings_are_read_from_every_layer_and_checked() -> None:
    settings = load_settings(
        frame=FrameSettings,
        environ={
            "HAGWORM_LOG__LEVELS": '{"orders": "debug"}',
            "HAGWORM_LOG__TO": "/var/log/orders.log",
            "HAGWORM_LOG__ROTATE_EVERY": "1d",
            "HAGWORM_LOG__ROTATE_BYTES": "1000000",
        },
    )
    assert settings.log.levels == {"orders": "debug"} and settings.log.rotate_every.days == 1


def test_a_file_names_loggers_with_dots(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text('[log]\nlevels = { "orders.stock" = "debug" }\n')
    settings = load_settings(frame=FrameSettings, environ={}, directory=tmp_path)

    assert settings.log.levels == {"orders.stock": "debug"}


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("LEVELS", '{"orders": "loud"}', "log: levels.orders: unknown log level 'loud'"),
        ("PATTERNS", "(", r"log.patterns: expected a regular expression, got '\('"),
        ("ROTATE_BYTES", "100", "log: rotate_bytes, rotate_every: are for a file, and log.to is 'stderr'"),
        ("FORMAT", "xml", "log.format"),
    ],
)
def test_wrong_settings_are_told_with_their_key(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load_settings(frame=FrameSettings, environ={f"HAGWORM_LOG__{name}": value})
