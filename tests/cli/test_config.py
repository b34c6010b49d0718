"""`hagworm config` shows every value and where it comes from."""

import json

import pytest

from tests.cli.conftest import Project


def test_every_setting_stands_with_its_source(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAGWORM_SERVER__PORT", "9000")
    shop.write("hagworm.toml", "[orders]\npage = 10\n")
    shop.write("named.toml", "[log]\nlevel = 'debug'\n")
    shop.write(".env", "HAGWORM_ORDERS__TOKEN=hunter2\n")
    done = shop.run("config", "shop:app", "--config", "named.toml", "--set", "server.host=::1", "--json")
    found = {item["key"]: (item["value"], item["source"]) for item in json.loads(done.stdout)}

    assert done.exit_code == 0
    assert found["server.port"] == (9000, "env HAGWORM_SERVER__PORT")
    assert found["orders.page"] == (10, "hagworm.toml:2")
    assert found["log.level"] == ("debug", "named.toml:2")
    assert found["orders.token"] == ("********", ".env:1")
    assert found["server.host"] == ("::1", "--set server.host")
    assert found["server.workers"] == (1, "default")
    assert "hunter2" not in done.output


def test_what_nobody_set_can_be_left_out(shop: Project) -> None:
    done = shop.run("config", "shop:app", "--changed", "--set", "orders.page=7")

    assert done.stdout == "KEY          VALUE  SOURCE\norders.page  7      --set orders.page\n"


def test_everything_wrong_is_told_and_the_exit_code_is_2(shop: Project) -> None:
    shop.write("hagworm.toml", "[server]\nprot = 1\nport = 'eight'\n")
    done = shop.run("config", "shop:app", "--set", "orders.pag=1")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error: 3 problems in the settings",
        "  server.prot: unknown key (hagworm.toml:2) (did you mean 'server.port'?)",
        "  server.port: expected an integer, got 'eight' (hagworm.toml:3)",
        "  orders.pag: unknown key (--set orders.pag) (did you mean 'orders.page'?)",
    ]


def test_a_broken_file_is_told_with_its_line(shop: Project) -> None:
    shop.write("hagworm.toml", "[server\n")
    done = shop.run("config", "shop:app")

    assert done.exit_code == 2
    assert done.stderr.startswith("error: hagworm.toml:1:8: ")


def test_the_target_may_stand_in_the_configuration(shop: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.write("hagworm.toml", "[app]\ntarget = 'shop:app'\n[orders]\npage = 3\n")
    assert "orders.page" in shop.run("config", "--changed").stdout

    monkeypatch.setenv("HAGWORM_APP__TARGET", "nowhere:app")
    assert "no module named 'nowhere'" in shop.run("config").stderr


def test_a_setting_without_a_value_is_a_usage_error(shop: Project) -> None:
    done = shop.run("config", "shop:app", "--set", "orders.page")

    assert done.exit_code == 2
    assert "expected KEY=VALUE, got 'orders.page'" in done.stderr


def test_an_application_and_those_mounted_in_it_share_one_file(shop: Project) -> None:
    shop.write(
        "both.py",
        "from dataclasses import dataclass, field\nfrom hagworm import App\nfrom shop import app as inner\n"
        "@dataclass(frozen=True)\nclass Billing:\n    currency: str = 'EUR'\n"
        "@dataclass(frozen=True)\nclass Settings:\n    billing: Billing = field(default_factory=Billing)\n"
        "app = App(settings=Settings)\napp.mount('/shop', inner)\n",
    )
    shop.write("hagworm.toml", "[billing]\ncurrency = 'CNY'\n[orders]\npage = 3\n")
    done = shop.run("config", "both:app", "--changed")

    assert done.stdout.splitlines()[1:] == ['billing.currency  "CNY"  hagworm.toml:2']

    from shop import app  # type: ignore[import-not-found]  # the project's

    assert app.settings.orders.page == 3


def test_a_setting_is_explained_by_every_place_that_says_something(shop: Project) -> None:
    shop.write("hagworm.staging.toml", "[orders]\npage = 20\n")
    done = shop.run(
        "config", "shop:app", "--profile", "staging", "--set", "orders.page=7", "--explain", "orders.page", "--json"
    )
    (item,) = json.loads(done.stdout)
    assert item["variable"] == "HAGWORM_ORDERS__PAGE"
    assert [(said["value"], said["source"], said["holds"]) for said in item["said"]][:2] == [
        (7, "--set orders.page", True),
        (20, "hagworm.staging.toml:2", False),
    ]
    done = shop.run("config", "shop:app", "--explain", "orders.page")
    assert done.stdout.startswith("orders.page (integer")
    assert "holds" in done.stdout


def test_what_cannot_be_explained_or_read_ends_with_2(shop: Project) -> None:
    done = shop.run("config", "shop:app", "--explain", "orders.pag")
    assert (done.exit_code, "did you mean 'orders.page'" in done.stderr) == (2, True)
    done = shop.run("config", "shop:app", "--profile", "nowhere")
    assert (done.exit_code, "there is no hagworm.nowhere.toml (--profile)" in done.stderr) == (2, True)
    done = shop.run("config", "shop:app", "--source", "https+x://a")
    assert (done.exit_code, "known schemes: http, https" in done.stderr) == (2, True)


def test_the_schema_names_every_section(shop: Project) -> None:
    schema = json.loads(shop.run("config", "shop:app", "--schema").stdout)
    assert {"server", "orders"} <= schema["properties"].keys()
