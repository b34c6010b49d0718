"""Writes the parts of the reference that the code knows better: `python docs/reference/generate.py [--check]`."""

import configparser
import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union

__all__ = ("PARTS", "main", "rewrite")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

NAMES = {
    "bool": "true or false",
    "float": "number",
    "int": "whole number",
    "str": "text",
    "timedelta": "duration",
}

PART = re.compile(r"(?P<begin><!-- generated: (?P<name>[\w-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head)]
    lines.append(["---"] * len(lines[0]))
    lines += [list(row) for row in rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def type_name(annotation: Any) -> str:
    from hagworm.extend.config import Range

    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)

    if origin is typing.Annotated:
        bounds = "".join(f" {item}" for item in arguments[1:] if isinstance(item, Range))
        return type_name(arguments[0]) + bounds

    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)

    if origin in (Union, UnionType):
        return " or ".join("nothing" if part is NoneType else type_name(part) for part in arguments)

    if origin is tuple:
        return f"list of {type_name(arguments[0])}"

    if origin is dict:
        return f"table of {type_name(arguments[1])}"

    return NAMES[annotation.__name__]


def shown(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case ():
            return "empty"
        case dict() if not value:
            return "empty"
        case "":
            return "empty"
        case _:
            return f"`{value}`"


def settings() -> str:
    from hagworm.facade.settings import FrameSettings

    parts = []
    hints = typing.get_type_hints(FrameSettings, include_extras=True)
    plain = [item for item in dataclasses.fields(FrameSettings) if not dataclasses.is_dataclass(hints[item.name])]
    parts.append(section(FrameSettings, "", plain))

    for item in dataclasses.fields(FrameSettings):
        cls = hints[item.name]

        if dataclasses.is_dataclass(cls):
            about = inspect.getdoc(cls) or ""
            parts.append(f"## `{item.name}`\n\n{about}\n\n{section(typing.cast(type, cls), f'{item.name}.')}")

    return "\n\n".join(parts)


def section(cls: type, prefix: str, fields: Iterable[Any] | None = None) -> str:
    hints = typing.get_type_hints(cls, include_extras=True)
    from hagworm.extend.config import notes_of

    notes = notes_of(cls)
    return table(
        ("setting", "type", "default", ""),
        (
            (f"`{prefix}{item.name}`", type_name(hints[item.name]), shown(default(item)), notes.get(item.name, ""))
            for item in (dataclasses.fields(cls) if fields is None else fields)
        ),
    )


def default(item: dataclasses.Field[Any]) -> Any:
    return item.default if item.default_factory is dataclasses.MISSING else item.default_factory()


def tree(module: Any, root: type) -> list[type]:
    """Return the subclasses of `root` that a module offers, the root first."""
    offered = [getattr(module, name) for name in module.__all__]
    found = [thing for thing in offered if inspect.isclass(thing) and issubclass(thing, root) and thing is not root]
    return [root, *sorted(found, key=lambda cls: cls.__name__)]


def sentence(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def errors() -> str:
    from hagworm.extend import error

    found: list[Any] = tree(error, error.HagwormError)
    return table(
        ("error", "code", "exit code", ""),
        ((f"`{cls.__name__}`", f"`{cls.code}`", str(cls.exit_code), sentence(cls)) for cls in found),
    )


def http_errors() -> str:
    from hagworm.facade import failure

    found = tree(failure, failure.HTTPError)
    return table(
        ("error", ""),
        ((f"`{cls.__name__}{arguments(cls)}`", sentence(cls)) for cls in found),
    )


def arguments(cls: type) -> str:
    parameters = list(inspect.signature(cls).parameters.values())
    named = [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    return f"({', '.join(named)}{', …' if len(named) < len(parameters) else ''})"


def requirements() -> str:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    core = parser["options"]["install_requires"].split("\n")[1:]
    extras = {name: text.split("\n")[1:] for name, text in parser["options.extras_require"].items()}
    rows = [("", core), *((f"`{name}`", extras[name]) for name in extras if name not in ("all", "test"))]
    python = parser["options"]["python_requires"]
    return f"Python {python}\n\n" + table(
        ("extra", "packages"), ((name or "always", ", ".join(f"`{line}`" for line in lines)) for name, lines in rows)
    )


def front_door() -> str:
    import hagworm

    return table(
        ("name", ""), ((f"`{name}`", sentence(getattr(hagworm, name))) for name in sorted(hagworm.HOMES, key=str.lower))
    )


def commands() -> str:
    import click

    from hagworm.cli.group import COMMANDS, hagworm

    parts = []

    for name in COMMANDS:
        command = hagworm.get_command(click.Context(hagworm), name)
        assert command is not None
        usage = " ".join(command.collect_usage_pieces(click.Context(command)))
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        rows = (
            (f"`{' '.join(filter(None, (', '.join(option.opts), option.metavar)))}`", option.help or "")
            for option in options
        )
        parts.append(
            f"## `hagworm {name} {usage}`\n\n{inspect.cleandoc(command.help or '')}\n\n{table(('option', ''), rows)}"
        )

    return "\n\n".join(parts)


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "errors": errors,
    "front-door": front_door,
    "http-errors": http_errors,
    "requirements": requirements,
    "settings": settings,
}


def rewrite(text: str) -> str:
    """Return the text of a page with its generated parts as they are now."""
    return PART.sub(lambda part: f"{part['begin']}\n{PARTS[part['name']]()}\n\n{part['end']}", text)


def main(arguments: list[str]) -> int:
    """Write the pages; with `--check` write nothing, and return 1 if one is not up to date."""
    stale = [page for page in sorted(HERE.glob("*.md")) if rewrite(page.read_text("utf-8")) != page.read_text("utf-8")]

    for page in stale:
        sys.stdout.write(f"{page.relative_to(ROOT)} {'is out of date' if '--check' in arguments else 'written'}\n")

        if "--check" not in arguments:
            page.write_text(rewrite(page.read_text("utf-8")), "utf-8")

    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
