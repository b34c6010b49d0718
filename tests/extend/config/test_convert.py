"""Values become what a setting declares, or it is said what was expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional

import pytest

from hagworm.extend.config import Range, Secret
from hagworm.extend.config.convert import convert, demand_supported
from hagworm.extend.config.fault import Unfit
from hagworm.extend.error import DefinitionError

UserId = NewType("UserId", int)


class Colour(Enum):
    RED = "red"
    DARK_BLUE = "dark-blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Replica:
    url: str
    weight: Annotated[int, Range(1, 10)] = 1
    token: Secret = Secret("")

    def __post_init__(self) -> None:
        if "://" not in self.url:
            raise ValueError(f"{self.url!r} is no URL")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str, "8000", "8000"),
        (int, "8_000", 8000),
        (int, "-3", -3),
        (float, "2", 2.0),
        (float, "1e3", 1000.0),
        (bool, "TRUE", True),
        (bool, "off", False),
        (bool, "0", False),
        (int | None, "", None),
        (int | None, "none", None),
        (int | None, "3", 3),
        (str | None, "", None),
        (str | None, "none", "none"),
        (Optional[float], "1.5", 1.5),  # noqa: UP045  # both spellings are met
        (int | str, "3", 3),
        (str | int, "3", 3),
        (str | int, "x", "x"),
        (Literal["auto", "uvloop"], "Auto", "auto"),
        (Literal[1, 2], "2", 2),
        (Colour, "dark-blue", Colour.DARK_BLUE),
        (Colour, "DARK_BLUE", Colour.DARK_BLUE),
        (Level, "2", Level.HIGH),
        (Level, "high", Level.HIGH),
        (Path, "/var/lib", Path("/var/lib")),
        (Path, "~/x", Path.home() / "x"),
        (timedelta, "90", timedelta(seconds=90)),
        (timedelta, "250ms", timedelta(milliseconds=250)),
        (timedelta, "1.5 h", timedelta(minutes=90)),
        (date, "2024-02-29", date(2024, 2, 29)),
        (datetime, "2024-02-29T10:00:00", datetime(2024, 2, 29, 10)),
        (Secret, "x", Secret("x")),
        (UserId, "7", 7),
        (tuple[str, ...], "a, b,,c", ("a", "b", "c")),
        (tuple[str, ...], "", ()),
        (list[int], "1,2", [1, 2]),
        (list[str], '["a,b", "c"]', ["a,b", "c"]),
        (set[int], "1,1,2", {1, 2}),
        (frozenset[str], "a", frozenset({"a"})),
        (tuple[str, int], "a,1", ("a", 1)),
        (dict[str, int], '{"a": 1}', {"a": 1}),
        (Mapping[str, Any], '{"a": [1]}', {"a": [1]}),
        (dict[str, list[int]], '{"a": [1, 2]}', {"a": [1, 2]}),
        (Replica, '{"url": "redis://x"}', Replica("redis://x")),
        (Annotated[int, Range(0, 9)], "9", 9),
        (list, "a,b", ["a", "b"]),
        (Any, "text", "text"),
    ],
)
def test_text_is_read_as_the_declared_type(kind: Any, text: str, value: Any) -> None:
    found = convert(kind, text, text=True)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        (str, "x", "x"),
        (float, 1, 1.0),
        (bool, False, False),
        (int | None, None, None),
        (int | None, "none", None),
        (Literal["debug", "info"], "INFO", "info"),
        (timedelta, 3, timedelta(seconds=3)),
        (timedelta, timedelta(1), timedelta(1)),
        (date, date(2024, 1, 1), date(2024, 1, 1)),
        (tuple[str, ...], ["a"], ("a",)),
        (dict[str, Replica], {"a": {"url": "x://"}}, {"a": Replica("x://")}),
        (list[Replica], [Replica("x://")], [Replica("x://")]),
    ],
)
def test_typed_values_of_the_right_type_pass(kind: Any, given: Any, value: Any) -> None:
    assert convert(kind, given, text=False) == value


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (int, "eight", "expected an integer, got 'eight'"),
        (int, "1.0", "expected an integer, got '1.0'"),
        (float, "nan", "expected a number, got 'nan'"),
        (bool, "maybe", "expected true or false, got 'maybe'"),
        (int | float, "x", "expected an integer or a number, got 'x'"),
        (int | None, "x", "expected an integer, got 'x'"),
        (timedelta, "soon", "expected a duration: seconds, or text like '250ms', '30s', '5m', '2h', '1d', got 'soon'"),
        (
            timedelta,
            "1.2.3s",
            "expected a duration: seconds, or text like '250ms', '30s', '5m', '2h', '1d', got '1.2.3s'",
        ),
        (date, "today", "expected a date (ISO 8601), got 'today'"),
        (Literal["auto", "uvloop"], "uvlop", "expected one of 'auto', 'uvloop', got 'uvlop'"),
        (Colour, "green", "expected one of 'red', 'dark-blue', got 'green'"),
        (dict[str, int], "{", "expected a JSON object, got '{'"),
        (dict[str, int], "[1]", "expected a table, got a list"),
        (list[str], "[1", "expected a list: a,b,c or JSON, got '[1'"),
        (tuple[str, int], "a", "expected a list of 2, got a list"),
        (Annotated[int, Range(0, 9)], "10", "expected a number from 0 to 9, got 10"),
        (Annotated[int | None, Range(1)], "0", "expected a number of at least 1, got 0"),
        (Annotated[float, Range(high=1)], "2", "expected a number up to 1, got 2.0"),
    ],
)
def test_text_that_does_not_fit_is_refused(kind: Any, given: str, message: str) -> None:
    with pytest.raises(Unfit) as caught:
        convert(kind, given, text=True)

    assert [fault.describe(secret=False) for fault in caught.value.faults] == [message]


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (int, "8000", "expected an integer, got '8000'"),
        (int, True, "expected an integer, got True"),
        (int, 1.0, "expected an integer, got 1.0"),
        (float, float("inf"), "expected a number, got inf"),
        (bool, "true", "expected true or false, got 'true'"),
        (bool, 1, "expected true or false, got 1"),
        (str, 8000, "expected text (in quotes), got 8000"),
        (str, {"a": 1}, "expected text (in quotes), got a table"),
        (Secret, 12345, "expected text (in quotes)"),
        (Path, 1, "expected a path (in quotes), got 1"),
        (date, "2024-01-01", "expected a date, got '2024-01-01'"),
        (date, datetime(2024, 1, 1), "expected a date, got datetime.datetime(2024, 1, 1, 0, 0)"),
        (tuple[str, ...], "a,b", "expected a list, got 'a,b'"),
        (Literal[1, 2], "2", "expected one of 1, 2, got '2'"),
        (Replica, 3, "expected a table, got 3"),
        (str, "x" * 99, None),
    ],
)
def test_typed_values_are_not_guessed_at(kind: Any, given: Any, message: str | None) -> None:
    if message is None:
        assert convert(kind, given, text=False) == given
        return

    with pytest.raises(Unfit) as caught:
        convert(kind, given, text=False)

    assert [fault.describe(secret=False) for fault in caught.value.faults] == [message]


def test_every_fault_of_a_nested_value_is_told_with_its_place() -> None:
    with pytest.raises(Unfit) as caught:
        convert(
            dict[str, list[Replica]],
            {"read": [{"url": "x://", "weight": 99, "wieght": 1}, {"weight": "a"}, {"url": "x"}, {"token": 5}]},
            text=False,
        )

    told = [(fault.where, fault.describe(secret=False), fault.hint) for fault in caught.value.faults]
    assert told == [
        (("read", "0", "wieght"), "unknown key", " (did you mean 'weight'?)"),
        (("read", "0", "weight"), "expected a number from 1 to 10, got 99", ""),
        (("read", "1", "url"), "must be set, it has no default", ""),
        (("read", "1", "weight"), "expected an integer, got 'a'", ""),
        (("read", "2"), "'x' is no URL", ""),
        (("read", "3", "url"), "must be set, it has no default", ""),
        (("read", "3", "token"), "expected text (in quotes)", ""),
    ]


def test_a_value_under_a_secret_name_is_not_shown() -> None:
    with pytest.raises(Unfit) as caught:
        convert(dict[str, int], {"password": "hunter2"}, text=False)

    assert caught.value.faults[0].describe(secret=False) == "expected an integer"


@pytest.mark.parametrize("kind", [bytes, complex, type, tuple[bytes, ...], list[set[bytes]], "int"])
def test_types_nobody_can_write_are_refused_when_declared(kind: Any) -> None:
    with pytest.raises(DefinitionError, match=r"^server\.thing: a setting cannot be of type"):
        demand_supported(kind, "server.thing")


def test_a_type_that_cannot_be_resolved_names_its_class() -> None:
    @dataclass(frozen=True)
    class Broken:
        item: "Nowhere"  # type: ignore[name-defined]  # noqa: F821  # what is tested

    with pytest.raises(DefinitionError, match=r"Broken: a type cannot be resolved: .*Nowhere"):
        demand_supported(Broken, "x")
