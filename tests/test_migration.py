"""The page for those who come from hagworm 4 and 5 names everything, and tells the truth about it."""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pkgutil import resolve_name

import pytest

from tests.tree import ROOT, modules

PAGE = ROOT / "docs" / "migration" / "hagworm.md"
ROOM = re.compile(r"### (?P<name>hagworm[\w.]*)")
LINE = re.compile(r"\| `(?P<old>hagworm[\w.]*)` \| (?P<new>.+?) \| (?P<difference>.+) \|")
NAME = re.compile(r"`(?P<name>hagworm[\w.]*)`")
NEW = re.compile(r"`hagworm[\w.]*`(, `hagworm[\w.]*`)*|not yet(: `hagworm[\w.]*`)?|not offered")

CUSTOMER = {
    "extend.asyncio": "base buffer cache command database event file future net ntp task transaction zmq",
    "extend": "base cache compile crypto error event excel interface logging media metaclass process qrcode struct"
    " transaction",
    "frame": "fastapi tornado gunicorn stress_tests",
    "static": "cacert.pem",
    "third": "aliyun.rocketmq",
}
"""The modules of version 4 that stay importable for good, or will be."""


@dataclass(frozen=True, slots=True)
class Line:
    """One old name, and what became of it."""

    room: str
    old: str
    new: str
    difference: str

    @property
    def names(self) -> list[str]:
        """What to import now, or the room that a name which is not there yet will come to."""
        return NAME.findall(self.new)


def read() -> list[Line]:
    lines, room = [], ""

    for text in PAGE.read_text("utf-8").splitlines():
        if match := ROOM.fullmatch(text):
            room = match["name"]
        elif match := LINE.fullmatch(text):
            lines.append(Line(room, match["old"], match["new"], match["difference"]))

    return lines


LINES = read()
OFFERED = sorted({name for line in LINES if not line.new.startswith("not ") for name in line.names})
PROMISED = sorted({name for line in LINES if line.new.startswith("not yet") for name in line.names})
SPOKEN_OF = sorted({name for line in LINES for name in NAME.findall(line.difference)} - set(PROMISED))


def test_every_line_of_a_table_of_names_is_understood() -> None:
    texts = [text for text in PAGE.read_text("utf-8").splitlines() if text.startswith("| `hagworm.")]

    assert len(LINES) == len(texts) > 400
    assert [line for line in LINES if NEW.fullmatch(line.new) is None] == []


@pytest.mark.parametrize("name", OFFERED)
def test_what_a_new_name_stands_for_is_there(name: str) -> None:
    resolve_name(name)


@pytest.mark.parametrize("name", SPOKEN_OF)
def test_a_name_that_is_recommended_meanwhile_is_there(name: str) -> None:
    resolve_name(name)


def test_what_is_not_there_yet_is_not_there() -> None:
    """Who builds such a room writes its names into the page."""
    assert [room for room in PROMISED if room in {module.name for module in modules()}] == []


@pytest.mark.parametrize("name", ["kill_process", "pickle_loads", "get_node_id"])
def test_u13_what_endangers_others_is_not_offered_any_more(name: str) -> None:
    (line,) = [line for line in LINES if line.old == f"hagworm.extend.base.Utils.{name}"]

    assert line.new == "not offered"
    assert [module.name for module in modules() for node in ast.walk(module.tree) if is_function(node, name)] == []


def is_function(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name


def test_every_module_of_the_customer_is_on_the_page() -> None:
    rooms = {line.room for line in LINES} | {line.old for line in LINES}
    named = [f"hagworm.{floor}.{name}" for floor, names in CUSTOMER.items() for name in names.split()]

    assert [name for name in named if not any(f"{room}.".startswith(f"{name}.") for room in rooms)] == []


def test_each_old_name_has_one_line() -> None:
    assert [name for name, count in Counter(line.old for line in LINES).items() if count > 1] == []


def test_old_names_are_in_order_of_their_modules() -> None:
    rooms = list(dict.fromkeys(line.room for line in LINES))

    assert rooms == sorted(rooms)
    assert [line.old for line in LINES] == [
        old for room in rooms for old in sorted(line.old for line in LINES if line.room == room)
    ]
    assert [line.old for line in LINES if not line.old.startswith(f"{line.room}.")] == []
