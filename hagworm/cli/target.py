"""From `package.module:attribute` to an application."""

import inspect
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hagworm.extend.error import HagwormError, TargetError, nearest

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("load_target", "shown")

PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep


def load_target(target: str, app_dir: Path | None = None) -> "App":
    """Import `package.module:attribute` and return the application there.

    The attribute is an `App`, or a function without arguments that returns one. Modules are looked for in `app_dir`,
    the working directory unless given, before anywhere else. Raises `TargetError` saying what is wrong and, where the
    module itself fails, in which line of it; errors of hagworm that it raises pass as they are.
    """
    module_name, colon, attribute = target.partition(":")

    if not colon or not attribute or not all(part.isidentifier() for part in module_name.split(".")):
        raise TargetError(f"{target!r} is not of the form 'package.module:attribute'{meant(target)}")

    folder = (app_dir or Path.cwd()).resolve()

    if not folder.is_dir():
        raise TargetError(f"--app-dir {app_dir}: no such directory")

    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

    return as_application(find_attribute(load_module(module_name, folder), attribute), target)


def meant(target: str) -> str:
    """Return a guess at what was meant by a target that is none: a file, a module without an attribute."""
    name, _, attribute = target.partition(":")
    name = name.removesuffix(".py").strip("./").replace("/", ".").replace(os.sep, ".")

    if not name or not all(part.isidentifier() for part in name.split(".")):
        return ", like 'orders.app:app'"

    return f" (did you mean '{name}:{attribute or 'app'}'?)"


def load_module(name: str, folder: Path) -> ModuleType:
    try:
        return import_module(name)
    except HagwormError:
        raise
    except ModuleNotFoundError as exc:
        if exc.name is not None and f"{name}.".startswith(f"{exc.name}.") and not own_frame(exc):
            raise TargetError(explain_missing(name, exc.name, folder)) from exc

        raise TargetError(f"cannot import {name!r}: {where(exc)}") from exc
    except (Exception, SystemExit) as exc:
        raise TargetError(f"cannot import {name!r}: {where(exc)}") from exc


def explain_missing(name: str, missing: str, folder: Path) -> str:
    """Say which part of a module's name leads nowhere, with the nearest file."""
    parent, _, last = missing.rpartition(".")

    if parent:
        package = sys.modules.get(parent)
        paths = [Path(path) for path in getattr(package, "__path__", ())]

        if not paths:
            return f"cannot import {name!r}: {parent!r} is a module, not a package"
    else:
        paths = [folder]

    known = [module for path in paths for module in modules_in(path)]
    hint = nearest(last, known)

    if hint and parent:
        hint = hint.replace("'", f"'{parent}.", 1)

    place = ", ".join(str(path) for path in paths)
    remedy = "" if hint or parent else "; --app-dir names another directory"
    return f"no module named {missing!r} in {place}{hint}{remedy}"


def modules_in(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []

    entries = [path for path in folder.iterdir() if path.stem.isidentifier()]
    return sorted(path.stem for path in entries if path.suffix == ".py" or (path.is_dir() and any(path.glob("*.py"))))


def find_attribute(module: ModuleType, path: str) -> Any:
    value: Any = module
    name = module.__name__

    for part in path.split("."):
        try:
            value = getattr(value, part)
        except AttributeError as exc:
            hint = nearest(part, [known for known in dir(value) if not known.startswith("_")]) or applications(value)
            raise TargetError(f"{name!r} has no attribute {part!r}{hint} ({place_of(module)})") from exc

        name = f"{name}.{part}"

    return value


def applications(value: Any) -> str:
    """Return a hint at the applications that there are in a module."""
    from hagworm.facade.application import App

    found = [name for name, member in vars(value).items() if isinstance(member, App)] if inspect.ismodule(value) else []
    return f" (did you mean {', '.join(map(repr, found))}?)" if found else ""


def as_application(value: Any, target: str) -> "App":
    from hagworm.facade.application import App

    if isinstance(value, App):
        return value

    if not callable(value):
        raise TargetError(f"{target!r} is {describe(value)}, not an App, nor a function that returns one")

    if needed := required_arguments(value):
        raise TargetError(
            f"{target!r} is {describe(value)}; a function that returns an App takes no argument, "
            f"this one needs {', '.join(needed)}"
        )

    try:
        made = value()
    except HagwormError:
        raise
    except Exception as exc:
        raise TargetError(f"{target}() failed: {where(exc)}") from exc

    if inspect.iscoroutine(made):
        made.close()
        raise TargetError(f"{target!r} is a coroutine function; a function that returns an App is a plain one")

    if not isinstance(made, App):
        raise TargetError(f"{target}() returned {describe(made)}, not an App")

    return made


def required_arguments(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # what is written in C may have none
        return []

    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [item.name for item in parameters if item.default is item.empty and item.kind not in variable]


def describe(value: Any) -> str:
    kind = type(value)

    if inspect.isclass(value):
        return f"the class {value.__module__}.{value.__qualname__}"

    if inspect.ismodule(value):
        return f"the module {value.__name__}"

    if inspect.isroutine(value):
        return f"the function {value.__qualname__}"

    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def where(error: BaseException) -> str:
    """Return `file:line: Type: message` of an error, the place being in the code of the user where that is possible."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")

    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(error.filename)}:{error.lineno}: {type(error).__name__}: {error.msg}"

    frame = own_frame(error)
    return f"{shown(frame.filename)}:{frame.lineno}: {text}" if frame else text


def own_frame(error: BaseException) -> traceback.FrameSummary | None:
    """Return the innermost frame that is neither the import system's nor ours; one of the user's, if there is any."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<", PACKAGE)) and f"{os.sep}importlib{os.sep}" not in frame.filename
    ]
    installed = (f"{os.sep}site-packages{os.sep}", os.path.dirname(os.__file__))
    own = [frame for frame in frames if not any(part in frame.filename for part in installed)]
    return own[-1] if own else frames[-1] if frames else None


def place_of(module: ModuleType) -> str:
    return shown(module.__file__) if module.__file__ else "a namespace package"


def shown(filename: str) -> str:
    """Return how a file is called in messages: relative to the working directory where it lies in it."""
    path, here = Path(filename), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else filename
