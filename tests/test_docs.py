"""The documentation works: every Python block runs, every command and setting exists, every link leads somewhere."""

import asyncio
import importlib
import inspect
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tree import ROOT

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"# (?P<name>[\w/-]+\.(?:py|toml))\n")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")

PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if "changes" not in path.relative_to(ROOT).parts
)


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that it is, where its first line says so."""
        match = FILE.match(self.text)
        return match["name"] if match else None


def blocks(page: Path, *languages: str) -> list[Block]:
    text = page.read_text("utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 1, match["language"], match["text"])
        for match in FENCE.finditer(text)
        if match["language"] in languages
    ]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in; modules that are imported from it are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path

    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_of)
async def test_z3_the_python_of_a_page_runs(page: Path, desk: Path) -> None:
    """Blocks run in order and see each other's names; one that begins with a file's name is imported from that file."""
    seen: dict[str, Any] = {"__name__": "page"}

    for block in blocks(page, "python", "toml"):
        if block.file is not None:
            path = desk / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, "utf-8")
            importlib.invalidate_caches()

        if block.language == "python":
            await run(block, seen)


async def run(block: Block, seen: dict[str, Any]) -> None:
    if block.file is not None:
        name = block.file.removesuffix(".py").replace("/", ".")
        sys.modules.pop(name, None)
        fresh = vars(importlib.import_module(name))
    else:
        before = dict(seen)
        exec(compile("\n" * block.line + block.text, str(block.page), "exec", dont_inherit=True), seen)
        fresh = {name: value for name, value in seen.items() if before.get(name) is not value}

    for name, value in fresh.items():
        if name.startswith("test_") and callable(value):
            if inspect.iscoroutinefunction(value):
                await value()
            else:
                # Away from this loop: a plain test may run one of its own.
                await asyncio.to_thread(value)

    seen.update({name: value for name, value in fresh.items() if not name.startswith("__")})


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=name_of)
def test_every_setting_of_a_page_exists(page: Path) -> None:
    from hagworm.extend.config.schema import Leaf, Schema
    from hagworm.facade.settings import FrameSettings
    from orders.settings import Settings

    schema = Schema(Settings, FrameSettings)

    def is_known(path: tuple[str, ...]) -> bool:
        """The path is that of a setting, or leads into one that is a table itself."""
        return any(isinstance(schema.find(path[:end]), Leaf) for end in range(1, len(path) + 1))

    for block in blocks(page, "toml"):
        unknown = [path for path in leaves(tomllib.loads(block.text)) if not is_known(path)]
        assert unknown == [], f"{name_of(page)}:{block.line}"


def leaves(table: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


def commands(page: Path) -> list[list[str]]:
    lines = [line for block in blocks(page, "console") for line in block.text.replace("\\\n", " ").splitlines()]
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines if line.startswith("$ ")]
    return [[word for word in line if not re.match(r"[A-Z_]+=", word) or line[0] == "make"] for line in words if line]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=name_of)
def test_every_command_of_a_page_exists(page: Path) -> None:
    import click

    from hagworm.cli.group import hagworm

    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

    for words in commands(page):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, words
        elif words[0] == "hagworm":
            sub = hagworm.get_command(click.Context(hagworm), words[1])
            assert sub is not None, words
            known = {option for parameter in sub.params for option in parameter.opts} | {"--help"}
            assert {word.partition("=")[0] for word in words[2:] if word.startswith("-")} <= known, words
        else:
            assert words[0] in {
                "curl",
                "git",
                "gunicorn",
                "uvicorn",
                "granian",
                "hypercorn",
                "cd",
                "pip",
                "python",
                "pytest",
            }, words


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    targets = [target["target"].partition("#")[0] for target in LINK.finditer(text)]
    local = [target for target in targets if target and "://" not in target]

    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_generated_parts_are_up_to_date() -> None:
    sys.path.insert(0, str(ROOT / "docs" / "reference"))

    try:
        rewrite = importlib.import_module("generate").rewrite
    finally:
        sys.path.pop(0)

    texts = {page.name: page.read_text("utf-8") for page in (ROOT / "docs" / "reference").glob("*.md")}

    assert [name for name, text in texts.items() if rewrite(text) != text] == [], "make docs writes them"


def test_every_page_can_be_reached_from_the_index() -> None:
    start = ROOT / "docs" / "index.md"
    reached, open_pages = {start}, [start]

    while open_pages:
        page = open_pages.pop()

        for match in LINK.finditer(page.read_text("utf-8")):
            target = (page.parent / match["target"].partition("#")[0]).resolve()

            if target.suffix == ".md" and target.is_file() and target not in reached:
                reached.add(target)
                open_pages.append(target)

    assert {page for page in PAGES if "docs" in page.relative_to(ROOT).parts} - reached == set()
