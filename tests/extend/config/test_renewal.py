"""Settings are read again all at once or not at all, and only those that were named."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.asyncio.config import SettingsWatcher
from hagworm.extend.config import Change, Secret, Settings, load_settings
from hagworm.extend.error import ConfigError
from hagworm.testing.sweep import cancel_sweep


@dataclass(frozen=True, slots=True)
class Shop:
    name: str = "Corner"
    open: int = 8
    close: int = 20
    key: Secret = Secret("demo")

    def validate(self, environment: str) -> Iterator[str]:
        if self.open >= self.close:
            yield "open: is not before close"


@dataclass(frozen=True, slots=True)
class Frame:
    level: str = "info"
    shop: Shop = field(default_factory=Shop)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return write(tmp_path, "") or load_settings(frame=Frame, environ={}, directory=tmp_path)


def write(folder: Path, text: str) -> None:
    (folder / "hagworm.toml").write_text(text)


def test_c1_named_keys_are_read_again_and_others_wait(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, 'level = "debug"\n[shop]\nname = "Tea"\nopen = 9\n')
    before = settings.shop
    renewal = settings.reload("shop.name", "level")
    assert (settings.level, settings.shop.name, settings.shop.open) == ("debug", "Tea", 8)
    assert before.name == "Corner", "sections are replaced, not changed"
    assert [change.key for change in renewal.changed] == ["level", "shop.name"]
    assert [(change.key, change.old, change.new, change.source) for change in renewal.pending] == [
        ("shop.open", 8, 9, "hagworm.toml:4")
    ]
    assert settings.sources["shop.name"] == "hagworm.toml:3"
    assert settings.reload("shop").changed[0].key == "shop.open"
    assert settings.reload("shop", "level").changed == ()


def test_c1_what_is_taken_out_of_a_file_is_its_default_again(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, '[shop]\nname = "Tea"\n')
    settings.reload("shop")
    write(tmp_path, "")
    (change,) = settings.reload("shop").changed
    assert (change.old, change.new, change.source) == ("Tea", "Corner", "default")
    assert settings.sources["shop.name"] == "default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[shop]\nopen = 'x'\n", "shop.open: expected an integer"),
        ("[shop\n", "hagworm.toml:1:6"),
        ("[shop]\nopne = 1\n", "did you mean 'shop.open'"),
        ("[shop]\nname = 'Tea'\nopen = 21\n", "is not before close"),
    ],
)
def test_c1_what_does_not_fit_changes_nothing(settings: Settings, tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, text)
    before = settings.as_dict()

    with pytest.raises(ConfigError, match=message):
        settings.reload("shop")

    assert settings.as_dict() == before


def test_new_values_that_do_not_go_with_old_ones_change_nothing(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, "[shop]\nopen = 21\nclose = 23\n")

    with pytest.raises(ConfigError, match="is not before close"):
        settings.reload("shop.open")

    assert settings.shop == Shop()
    assert len(settings.reload("shop").changed) == 2


def test_c1_those_who_listen_are_told_when_all_is_in_place(settings: Settings, tmp_path: Path) -> None:
    seen: list[Any] = []
    settings.on_change(lambda change: seen.append((change.key, settings.shop.name, settings.shop.open)), "shop")
    settings.on_change(lambda change: 1 / 0, "shop.open")
    settings.on_change(lambda change: seen.append(change.key), "level")
    write(tmp_path, '[shop]\nname = "Tea"\nopen = 9\n')

    with pytest.raises(ExceptionGroup, match="some who were told failed") as caught:
        settings.reload("shop")

    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)
    assert seen == [("shop.name", "Tea", 9), ("shop.open", "Tea", 9)]


def test_keys_that_there_are_not_are_named_with_the_nearest(settings: Settings) -> None:
    for use in (settings.reload, lambda key: settings.on_change(print, key)):
        with pytest.raises(ConfigError, match=r"shop\.nam: there is no such setting or section \(did you mean 'shop\."):
            use("shop.nam")


def test_c2_a_change_of_a_secret_does_not_show_it(settings: Settings, tmp_path: Path) -> None:
    write(tmp_path, '[shop]\nkey = "s3cret"\n')
    (change,) = settings.reload("shop").changed
    assert repr(change) == "<Change of shop.key: '********' -> '********' (hagworm.toml:2)>"
    assert change.new == "s3cret"


def test_settings_from_nowhere_cannot_be_read_again(settings: Settings) -> None:
    import pickle

    copied = pickle.loads(pickle.dumps(settings))
    assert copied.as_dict() == settings.as_dict()

    with pytest.raises(RuntimeError, match="not read from anywhere"):
        copied.reload("shop")


async def test_a_watcher_reads_them_again_and_tells_what_is_wrong_once(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[ConfigError] = []
    changes: asyncio.Queue[Change] = asyncio.Queue()
    settings.on_change(changes.put_nowait, "shop")

    with caplog.at_level(logging.INFO, "hagworm"):
        async with (
            SettingsWatcher(settings, "shop", interval=0.02, on_error=told.append) as watcher,
            asyncio.timeout(20),
        ):
            write(tmp_path, '[shop]\nname = "Tea"\n')
            assert (await changes.get()).new == "Tea"
            write(tmp_path, "[shop]\nopen = 30\n")

            while len(told) < 3:
                await asyncio.sleep(0.01)

            assert settings.shop.name == "Tea"
            write(tmp_path, 'level = "debug"\n[shop]\nname = "Coffee"\n')
            assert (await changes.get()).new == "Coffee"

            while not watcher.waiting:
                await asyncio.sleep(0.01)

    assert settings.level == "info"
    assert caplog.text.count("the settings were not reloaded") == 1
    assert caplog.text.count("waiting for a restart: level") == 1
    assert "reloaded: <Change of shop.name: 'Corner' -> 'Tea'" in caplog.text
    assert repr(watcher).startswith("<SettingsWatcher of shop: 2 renewals, ")

    with pytest.raises(ValueError, match="name the settings"):
        SettingsWatcher(settings)


async def test_a_cancelled_look_leaves_the_old_settings_or_the_new_ones(settings: Settings, tmp_path: Path) -> None:
    watcher = SettingsWatcher(settings, "shop")
    write(tmp_path, '[shop]\nname = "Tea"\nopen = 9\n')
    shops = (Shop(), Shop("Tea", 9))
    await cancel_sweep(watcher.look, lambda: settings.shop in shops or pytest.fail(repr(settings.shop)))
    # What a thread has begun to read, it reads to the end.
    await asyncio.get_running_loop().shutdown_default_executor()
