"""`hagworm check` finds what is wrong before a start does, and with --deploy what production forbids."""

import json

import pytest

from tests.cli.conftest import Project

FIT = (
    "--set=environment=production",
    "--set=orders.token=hunter2",
    "--set=docs.ui=",
    "--set=docs.openapi=",
    "--set=server.workers=2",
    "--set=server.allowed_hosts=shop.example",
    "--set=server.host=0.0.0.0",
)


def findings(project: Project, *arguments: str) -> tuple[int, set[tuple[str, str]]]:
    done = project.run("check", "shop:app", "--json", *arguments)
    return done.exit_code, {(item["level"], item["code"]) for item in json.loads(done.stdout)}


def test_an_application_without_fault_passes(shop: Project) -> None:
    done = shop.run("check", "shop:app")

    assert (done.exit_code, done.stdout) == (0, "shop:app: nothing is wrong\n")


def test_every_mistake_of_every_declaration_is_told_at_once(project: Project) -> None:
    project.write(
        "wrong.py",
        "from hagworm import App, Depends\n"
        "app = App()\n"
        "@app.get('/a')\nasync def one(): ...\n"
        "@app.get('/a')\nasync def two(): ...\n"
        "@app.get('/b/{x:nothing}')\nasync def three(x): ...\n"
        "@app.get('/fine')\nasync def four(): ...\n"
        "@app.get('/c')\nasync def five(x: 'Nowhere'): ...\n",
    )
    done = project.run("check", "wrong:app")
    lines = done.stdout.splitlines()

    assert done.exit_code == 2
    assert all(line.startswith("error: ") for line in lines)
    assert [sum(f"wrong.py:{number}" in line for line in lines) for number in (5, 7, 9, 11)] == [1, 1, 0, 1]


def test_wrong_settings_are_told_one_by_one(shop: Project) -> None:
    shop.write("hagworm.toml", "[server]\nprot = 1\nport = 'eight'\n")
    done = shop.run("check", "shop:app")

    assert done.exit_code == 2
    assert done.stdout.splitlines() == [
        "error: server.prot: unknown key (hagworm.toml:2) (did you mean 'server.port'?)",
        "error: server.port: expected an integer, got 'eight' (hagworm.toml:3)",
    ]


def test_an_unknown_engine_is_told(shop: Project) -> None:
    done = shop.run("check", "shop:app", "--set", "server.engine=tornadoo")

    assert done.exit_code == 2
    assert "unknown engine 'tornadoo' (did you mean 'tornado'?)" in done.stdout


def test_development_is_not_fit_for_production(shop: Project) -> None:
    code, found = findings(shop, "--deploy", "--set=debug=true", "--set=server.reload=true")

    assert code == 1
    assert {("error", "environment"), ("error", "debug"), ("error", "reload")} <= found
    assert {("warning", "docs"), ("warning", "workers"), ("warning", "hosts"), ("warning", "proxies")} <= found
    assert ("error", "production") in found  # what the sections themselves refuse there
    assert ("error", "secret") not in found  # said by the section already


def test_what_is_fit_passes(shop: Project) -> None:
    assert findings(shop, "--deploy", *FIT) == (0, set())


@pytest.mark.parametrize(
    ("setting", "finding"),
    [
        ("environment=staging", ("error", "environment")),
        ("debug=true", ("error", "debug")),
        ("server.engine=memory", ("error", "engine")),
        ("docs.ui=/docs", ("warning", "docs")),
        ("server.workers=1", ("warning", "workers")),
        ("server.allowed_hosts=", ("warning", "hosts")),
        ("server.host=127.0.0.1", ("warning", "proxies")),
        ("limits.body=none", ("warning", "limits")),
    ],
)
def test_each_thing_is_found_by_itself(shop: Project, setting: str, finding: tuple[str, str]) -> None:
    key = setting.partition("=")[0]
    others = [option for option in FIT if not option.startswith(f"--set={key}=")]
    code, found = findings(shop, "--deploy", *others, f"--set={setting}")

    assert found == {finding}
    assert code == (1 if finding[0] == "error" else 0)


def test_warnings_fail_where_they_are_told_to(shop: Project) -> None:
    others = [option for option in FIT if "docs.ui" not in option]

    assert shop.run("check", "shop:app", "--deploy", *others).exit_code == 0
    assert shop.run("check", "shop:app", "--deploy", "--strict", *others).exit_code == 1


def test_a_default_secret_is_found_though_the_section_does_not_look(project: Project) -> None:
    project.write(
        "shop.py",
        "from dataclasses import dataclass, field\nfrom hagworm import App\nfrom hagworm.extend.config import Secret\n"
        "@dataclass(frozen=True)\nclass Mail:\n    password: str = 'hunter2'\n    empty: Secret = Secret('')\n"
        "@dataclass(frozen=True)\nclass Settings:\n    mail: Mail = field(default_factory=Mail)\n"
        "app = App(settings=Settings)\n",
    )
    done = project.run("check", "shop:app", "--deploy", "--set=environment=production")

    assert "error: mail.password: is still the default, which is in the source code" in done.stdout
    assert "mail.empty" not in done.stdout
    assert "hunter2" not in done.output
