"""Layers: who wins, where a value came from, and that nothing wrong goes unsaid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from hagworm.extend.config import Given, Range, Secret, Settings, load_settings, peek, read_places
from hagworm.extend.error import ConfigError, DefinitionError


@dataclass(frozen=True, slots=True)
class Server:
    engine: str = "fastapi"
    host: str = "127.0.0.1"
    port: Annotated[int, Range(0, 65535)] = 8000
    hosts: tuple[str, ...] = ()
    uds: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    environment: Literal["development", "production"] = "development"
    debug: bool = False
    server: Server = field(default_factory=Server)


@dataclass(frozen=True, slots=True)
class Orders:
    token: Secret = Secret("demo")
    page: int = 50
    token_file: str = ""

    def validate(self, environment: str) -> Iterator[str]:
        if environment == "production" and self.token == "demo":
            yield "token: is the default, which everybody knows"


@dataclass(frozen=True, slots=True)
class Database:
    url: str
    password: Secret = Secret("")
    timeout: float | None = 5.0


@dataclass(frozen=True, slots=True)
class Business:
    orders: Orders = field(default_factory=Orders)
    database: Database = field(default_factory=lambda: Database("sqlite://"))


@dataclass(frozen=True, slots=True)
class NeedsDatabase:
    database: Database


def load(
    directory: Path,
    business: type | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    **options: Any,
) -> Settings:
    return load_settings(business, frame=Frame, environ=environ or {}, directory=directory, **options)


def problems(
    directory: Path, business: type | None = None, *, environ: Mapping[str, str] | None = None, **options: Any
) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(directory, business, environ=environ, **options)

    assert caught.value.exit_code == 2
    return list(caught.value.problems)


def test_defaults_stand_where_nothing_is_set(tmp_path: Path) -> None:
    settings = load(tmp_path, Business)

    assert (settings.server.port, settings.orders.page, settings.database.url) == (8000, 50, "sqlite://")
    assert set(settings.sources.values()) == {"default"}


def test_the_nearer_place_wins_and_each_value_knows_its_place(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text('[server]\nengine = "a"\nhost = "a"\nport = 1\nuds = "a"\nhosts = ["a"]\n')
    (tmp_path / "more.toml").write_text('\n[server]\nengine = "b"\nhost = "b"\nport = 2\nuds = "b"\n')
    (tmp_path / ".env").write_text("HAGWORM_SERVER__ENGINE=c\nHAGWORM_SERVER__HOST=c\nHAGWORM_SERVER__PORT=3\n")

    settings = load(
        tmp_path,
        environ={"HAGWORM_SERVER__ENGINE": "d", "HAGWORM_SERVER__HOST": "d"},
        overrides={"server.engine": Given("e", "--engine")},
        config_file="more.toml",
    )

    assert settings.server == Server(engine="e", host="d", port=3, uds="b", hosts=("a",))
    assert dict(settings.sources) == {
        "environment": "default",
        "debug": "default",
        "server.engine": "--engine",
        "server.host": "env HAGWORM_SERVER__HOST",
        "server.port": ".env:3",
        "server.uds": "more.toml:6",
        "server.hosts": "hagworm.toml:6",
    }


def test_the_environment_is_the_process_environment_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAGWORM_SERVER__PORT", "1234")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hagworm.toml").write_text("debug = true\n")

    settings = load_settings(frame=Frame)
    assert (settings.server.port, settings.debug) == (1234, True)


def test_the_file_beside_the_application_is_read_where_the_working_directory_has_none(tmp_path: Path) -> None:
    app_dir, here = tmp_path / "app", tmp_path / "here"
    app_dir.mkdir()
    here.mkdir()
    (app_dir / "hagworm.toml").write_text("[server]\nport = 1\nhost = 'a'\n")

    assert load(here, app_dir=app_dir).sources["server.port"] == f"{app_dir}/hagworm.toml:2"

    (here / "hagworm.toml").write_text("[server]\nport = 2\n")
    assert load(here, app_dir=app_dir).server == Server(port=2)


@pytest.mark.parametrize("place", ["environ", "dotenv", "argument"])
def test_the_configuration_file_can_be_named(tmp_path: Path, place: str) -> None:
    named = tmp_path / "elsewhere" / "prod.toml"
    named.parent.mkdir()
    named.write_text("[server]\nport = 9\n")

    if place == "dotenv":
        (tmp_path / ".env").write_text(f"HAGWORM_CONFIG={named}\n")

    environ = {"HAGWORM_CONFIG": str(named)} if place == "environ" else {}
    settings = load(tmp_path, environ=environ, config_file=named if place == "argument" else None)

    assert settings.sources["server.port"] == "elsewhere/prod.toml:2"


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    assert problems(tmp_path, config_file="no.toml") == ["no.toml: no such file (--config)"]
    assert problems(tmp_path, environ={"HAGWORM_CONFIG": "no.toml"}) == ["no.toml: no such file (env HAGWORM_CONFIG)"]


def test_naming_the_usual_file_reads_it_once(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text("[server]\nprot = 9\n")

    assert len(problems(tmp_path, config_file="hagworm.toml")) == 1


def test_every_problem_of_every_place_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text(
        '[server]\nengine = "tornado"\nprot = 1\nport = "eight"\n\n[srver]\nx = 1\n[orders]\ntoken = 5\npage = 2.5\n'
    )
    (tmp_path / ".env").write_text("HAGWORM_SERVER__PORT=70000\n")
    environ = {"HAGWORM_SRVER__PORT": "1", "HAGWORM_ORDERS__PAGES": "3", "HAGWORM_DEBUG": "perhaps"}

    assert problems(tmp_path, Business, environ=environ, overrides={"server.egine": "x", "server": "y"}) == [
        "server.prot: unknown key (hagworm.toml:3) (did you mean 'server.port'?)",
        "srver: unknown key (hagworm.toml:6) (did you mean 'server'?)",
        "server.port: expected an integer, got 'eight' (hagworm.toml:4)",
        "orders.token: expected text (in quotes) (hagworm.toml:9)",
        "orders.page: expected an integer, got 2.5 (hagworm.toml:10)",
        "server.port: expected a number from 0 to 65535, got 70000 (.env:1)",
        "srver.port: unknown key (env HAGWORM_SRVER__PORT) (did you mean 'HAGWORM_SERVER__PORT'?)",
        "orders.pages: unknown key (env HAGWORM_ORDERS__PAGES) (did you mean 'HAGWORM_ORDERS__PAGE'?)",
        "debug: expected true or false, got 'perhaps' (env HAGWORM_DEBUG)",
        "server.egine: unknown key (argument) (did you mean 'server.engine'?)",
        (
            "server: is a section, set one of its keys (argument): "
            "server.engine, server.host, server.port, server.hosts, server.uds"
        ),
    ]


def test_several_problems_read_as_a_list_and_one_as_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, overrides={"a": "1"})

    assert str(caught.value) == "a: unknown key (argument)"

    with pytest.raises(ConfigError) as caught:
        load(tmp_path, overrides={"a": "1", "server.port": "x"})

    assert str(caught.value).splitlines() == [
        "2 problems in the settings",
        "  a: unknown key (argument)",
        "  server.port: expected an integer, got 'x' (argument)",
    ]


def test_broken_files_are_told_together_and_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text("[server]\nport = \n")
    (tmp_path / "b.toml").write_bytes(b"a = '\xff'")
    (tmp_path / ".env").write_text("what\n")

    assert problems(tmp_path, config_file="b.toml", environ={"HAGWORM_SERVER__PORT": "x"}) == [
        ".env:1: expected NAME=value",
        "hagworm.toml:2:8: Invalid value",
        "b.toml: not UTF-8 text (byte 5)",
    ]


def test_a_key_in_the_wrong_section_is_shown_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text("port = 1\n")

    assert problems(tmp_path) == ["port: unknown key (hagworm.toml:1) (did you mean 'server.port'?)"]


def test_a_value_where_a_section_belongs_and_the_reverse_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text("server = 1\n[debug]\nx = 1\n")

    assert problems(tmp_path) == [
        "server: expected a section [server], got 1 (hagworm.toml:1)",
        "debug: expected true or false, got a table (hagworm.toml:2)",
    ]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HAGWORM_SERVER_PORT", "HAGWORM_SERVER__PORT"),
        ("HAGWORM_ENVIROMENT", "HAGWORM_ENVIRONMENT"),
        ("HAGWORM_ENV", "HAGWORM_ENVIRONMENT"),
        ("HAGWORM_SERVER__PROT", "HAGWORM_SERVER__PORT"),
        ("HAGWORM_SERVR__ENGINE", "HAGWORM_SERVER__ENGINE"),
    ],
)
def test_h17_a_misspelled_variable_is_caught(tmp_path: Path, name: str, meant: str) -> None:
    [problem] = problems(tmp_path, environ={name: "1"})

    assert problem.endswith(f": unknown key (env {name}) (did you mean {meant!r}?)")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HAGWORM_HOME", "/opt"),
        ("HAGWORM_TRACEBACK", "1"),
        ("HAGWORM_SERVICE_PORT", "8000"),
        ("HAGWORM_SERVER_PORT", "tcp://10.0.0.1:8000"),
        ("SERVER__PORT", "5"),
        ("PATH", "/bin"),
    ],
)
def test_variables_of_others_are_left_alone(tmp_path: Path, name: str, value: str) -> None:
    assert load(tmp_path, environ={name: value}).server == Server()


def test_a_variable_named_like_a_section_is_shown_its_keys(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, environ={"HAGWORM_ORDERS": "x"}, business=Business)

    assert problem == (
        "orders: is a section, set one of its keys (env HAGWORM_ORDERS): "
        "HAGWORM_ORDERS__TOKEN, HAGWORM_ORDERS__PAGE, HAGWORM_ORDERS__TOKEN_FILE"
    )


def test_a_variable_may_name_a_file_that_holds_the_value(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    settings = load(tmp_path, Business, environ={"HAGWORM_DATABASE__PASSWORD_FILE": "secret"})

    assert settings.database.password == "hunter2"
    assert settings.sources["database.password"] == "env HAGWORM_DATABASE__PASSWORD_FILE -> secret"


def test_a_setting_that_is_really_called_file_is_itself(tmp_path: Path) -> None:
    settings = load(tmp_path, Business, environ={"HAGWORM_ORDERS__TOKEN_FILE": "/nowhere"})

    assert (settings.orders.token_file, settings.orders.token) == ("/nowhere", "demo")


def test_a_value_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path, Business, environ={"HAGWORM_DATABASE__PASSWORD_FILE": "/nowhere"}) == [
        "database.password: cannot read '/nowhere': No such file or directory (env HAGWORM_DATABASE__PASSWORD_FILE)"
    ]


def test_a_value_given_both_ways_in_one_place_is_ambiguous(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a")
    environ = {"HAGWORM_DATABASE__PASSWORD": "b", "HAGWORM_DATABASE__PASSWORD_FILE": "secret"}

    assert problems(tmp_path, Business, environ=environ) == [
        (
            "database.password: set twice, by env HAGWORM_DATABASE__PASSWORD and by "
            "env HAGWORM_DATABASE__PASSWORD_FILE: remove one"
        )
    ]


def test_what_has_no_default_must_be_set(tmp_path: Path) -> None:
    assert problems(tmp_path, NeedsDatabase) == [
        "database.url: must be set, it has no default (for example HAGWORM_DATABASE__URL=...)"
    ]
    assert load(tmp_path, NeedsDatabase, environ={"HAGWORM_DATABASE__URL": "x"}).database == Database("x")


def test_a_wrong_value_is_not_called_missing_too(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text("[database]\nurl = 5\n")

    assert problems(tmp_path, NeedsDatabase) == ["database.url: expected text (in quotes), got 5 (hagworm.toml:2)"]


def test_a_section_checks_itself_in_its_environment(tmp_path: Path) -> None:
    production = {"HAGWORM_ENVIRONMENT": "production"}

    assert problems(tmp_path, Business, environ=production) == [
        "orders.token: is the default, which everybody knows (default)"
    ]
    assert problems(tmp_path, Business, environ=production | {"HAGWORM_ORDERS__TOKEN": "demo"}) == [
        "orders.token: is the default, which everybody knows (env HAGWORM_ORDERS__TOKEN)"
    ]
    assert load(tmp_path, Business, environ=production | {"HAGWORM_ORDERS__TOKEN": "x"}).orders.token == "x"
    assert load(tmp_path, Business).orders.token == "demo"


def test_checks_wait_for_an_environment_that_can_be_read(tmp_path: Path) -> None:
    assert problems(tmp_path, Business, environ={"HAGWORM_ENVIRONMENT": "prodution"}) == [
        (
            "environment: expected one of 'development', 'production', got 'prodution' "
            "(env HAGWORM_ENVIRONMENT) (did you mean 'production'?)"
        )
    ]


def test_what_a_class_refuses_is_a_problem_of_its_section(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Pool:
        low: int = 1
        high: int = 2

        def __post_init__(self) -> None:
            if self.low > self.high:
                raise ValueError("low is above high")

        def validate(self, environment: str) -> list[str]:
            return ["never asked"] if self.low > self.high else []

    @dataclass(frozen=True)
    class App:
        pool: Pool = Pool()

    assert problems(tmp_path, App, environ={"HAGWORM_POOL__LOW": "3"}) == ["pool: low is above high"]


def test_the_whole_may_check_what_its_sections_cannot(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class App:
        orders: Orders = Orders()
        size: int = 3

        def validate(self, environment: str) -> list[str]:
            return ["orders and size do not fit"] if self.orders.page < self.size else []

        @property
        def double(self) -> int:
            return self.size * 2

    assert problems(tmp_path, App, environ={"HAGWORM_SIZE": "51"}) == ["orders and size do not fit"]
    assert load(tmp_path, App).double == 6


def test_a_business_may_change_the_defaults_of_a_section_of_the_frame(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Wider(Server):
        zone: str = "eu"

    @dataclass(frozen=True)
    class App:
        debug: bool = True
        server: Wider = Wider(port=9000)

    settings = load(tmp_path, App, environ={"HAGWORM_SERVER__HOST": "h"})
    assert settings.server == Wider(port=9000, host="h", zone="eu")
    assert settings.debug is True


def test_a_section_of_the_frame_cannot_be_something_else(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class App:
        server: Orders = Orders()

    with pytest.raises(DefinitionError, match=r"App\.server: hagworm reads a setting of this name itself"):
        load(tmp_path, App)


@pytest.mark.parametrize("name", ["sources", "as_dict", "override", "_private"])
def test_a_section_cannot_hide_what_settings_offer(tmp_path: Path, name: str) -> None:
    app: type = dataclass(frozen=True)(type("App", (), {"__annotations__": {name: int}, name: 1}))

    with pytest.raises(DefinitionError, match="a section cannot have this name"):
        load(tmp_path, app)


def test_settings_are_declared_by_frozen_classes(tmp_path: Path) -> None:
    @dataclass
    class Changing:
        x: int = 1

    with pytest.raises(DefinitionError, match=r"Changing: settings do not change: declare it with @dataclass"):
        load(tmp_path, Changing)

    with pytest.raises(DefinitionError, match="settings are declared by a dataclass or a pydantic model"):
        load(tmp_path, dict)


def test_a_section_that_may_be_none_is_made_when_something_in_it_is_set(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class App:
        database: Database | None = None

    assert load(tmp_path, App).database is None
    assert load(tmp_path, App, environ={"HAGWORM_DATABASE__URL": "x"}).database == Database("x")
    assert problems(tmp_path, App, environ={"HAGWORM_DATABASE__TIMEOUT": "1"}) == [
        "database.url: must be set, it has no default (for example HAGWORM_DATABASE__URL=...)"
    ]


def test_sections_nest_and_hold_collections_of_tables(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Cluster:
        primary: Database = Database("a://")
        replicas: tuple[Database, ...] = ()
        named: dict[str, Database] = field(default_factory=dict)

    @dataclass(frozen=True)
    class App:
        cluster: Cluster = Cluster()

    (tmp_path / "hagworm.toml").write_text(
        "[cluster.primary]\ntimeout = 1\n[[cluster.replicas]]\nurl = 'b://'\n[[cluster.replicas]]\nurl = 'c://'\n"
        "[cluster.named.main]\nurl = 'd://'\n"
    )
    settings = load(tmp_path, App, environ={"HAGWORM_CLUSTER__PRIMARY__PASSWORD": "x"})

    assert settings.cluster.primary == Database("a://", Secret("x"), 1.0)
    assert [replica.url for replica in settings.cluster.replicas] == ["b://", "c://"]
    assert settings.cluster.named == {"main": Database("d://")}


def test_a_fault_deep_in_a_collection_has_its_own_line(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class App:
        replicas: tuple[Database, ...] = ()

    (tmp_path / "hagworm.toml").write_text("[[replicas]]\nurl = 'b'\n\n[[replicas]]\nurl = 'c'\ntimeout = 'x'\n")

    assert problems(tmp_path, App) == ["replicas.1.timeout: expected a number, got 'x' (hagworm.toml:6)"]


def test_two_applications_do_not_see_each_others_settings(tmp_path: Path) -> None:
    one = load(tmp_path, Business, environ={"HAGWORM_ORDERS__PAGE": "1"})
    two = load(tmp_path, Business, environ={"HAGWORM_ORDERS__PAGE": "2"})

    assert (one.orders.page, two.orders.page) == (1, 2)


@pytest.mark.parametrize(
    ("environ", "value", "source"),
    [
        ({}, "shop.app:app", "hagworm.toml:2"),
        ({"HAGWORM_SERVER__HOST": "x:y"}, "x:y", "env HAGWORM_SERVER__HOST"),
    ],
)
def test_one_key_can_be_read_before_the_others_are_understood(
    tmp_path: Path, environ: dict[str, str], value: str, source: str
) -> None:
    (tmp_path / "hagworm.toml").write_text('[server]\nhost = "shop.app:app"\n[orders]\nanything = 1\n')

    assert peek("server.host", read_places(environ=environ, directory=tmp_path)) == Given(value, source)


def test_a_key_that_nobody_sets_is_none_to_peek_at(tmp_path: Path) -> None:
    (tmp_path / "hagworm.toml").write_text("server = 1\n")

    assert peek("server.host", read_places(environ={}, directory=tmp_path)) is None


def test_the_sections_of_an_application_beside_are_no_mistake_and_not_ours(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Other:
        orders: Orders = Orders()
        billing: Orders = Orders()
        Plain: int = 1

    (tmp_path / "hagworm.toml").write_text("Plain = 2\n[orders]\npage = 1\n[billing]\nnothing = 1\n")
    environ = {"HAGWORM_BILLING__NOTHING": "1", "HAGWORM_PLAIN": "x"}
    settings = load(tmp_path, Business, environ=environ, beside=[Other], overrides={"billing.page": 1})

    assert settings.orders.page == 1
    assert not hasattr(settings, "billing")
    assert "billing.page" not in settings.sources
