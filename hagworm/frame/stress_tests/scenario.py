"""What users of a service do, as a coroutine: subclass `Scenario`, and say what `run` does."""

import hashlib
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any, ClassVar

from hagworm.extend.error import CheckFailed, HagwormError, RequestFailed, ScenarioError, nearest
from hagworm.frame.stress_tests.protocols import load_protocol
from hagworm.frame.stress_tests.protocols.http import Http
from hagworm.frame.stress_tests.seat import Seat
from hagworm.frame.stress_tests.target import Target, parse_target

__all__ = ("Scenario", "digest_scenario", "load_scenarios", "reason_of")

clock = time.monotonic


class Scenario:
    """One run of it is one `run()`; a user runs it again and again, a process has many users.

    Of several scenarios each is chosen in proportion to its `weight`. There is one object for each user, so that what
    is stored on `self` is that user's own.
    """

    weight: ClassVar[float] = 1.0
    name: ClassVar[str] = ""
    """What it is called in reports; the name of the class unless given."""

    seat: Seat

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)

        if "name" not in vars(cls):
            cls.name = cls.__name__

        if not cls.weight > 0:
            raise ScenarioError(f"the weight of {cls.__name__} is a positive number, not {cls.weight!r}")

    @classmethod
    async def begin(cls) -> None:
        """Do what is needed once in each process before the load; overridden where there is something."""

    @classmethod
    async def end(cls) -> None:
        """Undo it after the load; called also when the run was interrupted."""

    async def set_up(self) -> None:
        """Do what this user needs before its first run: log in, say. Its time does not count."""

    async def tear_down(self) -> None:
        """Undo it after the load."""

    async def run(self) -> None:
        """Do what a user does, once. Whatever it raises counts as a failure, with its reason."""
        raise NotImplementedError(f"{type(self).__name__} has no run()")

    @property
    def number(self) -> int:
        """The number of this user, from 0; no other process has the same."""
        return self.seat.number

    @property
    def random(self) -> Random:
        """This user's randomness: the same in every run of the same seed."""
        return self.seat.random

    @property
    def target(self) -> Target:
        """What was given as the target of the run."""
        return self.seat.desk.order.target

    @property
    def http(self) -> Http:
        """The HTTP client of this user, for the target of the run."""
        return self.seat.http or self.plug_in()

    def plug_in(self) -> Http:
        http = self.seat.http = Http(self.seat, self.target)
        return http

    def client(self, url: str) -> Any:
        """Return a client for a URL, by the protocol of its scheme: http, https, ws, wss, or one of your own."""
        target = parse_target(url)
        return load_protocol(target.scheme)(self.seat, target)

    def success(self, name: str, seconds: float) -> None:
        """Count a success under `name`."""
        self.seat.success(name, seconds)

    def failure(self, name: str, seconds: float, reason: str = "") -> None:
        """Count a failure under `name`, and its reason."""
        self.seat.failure(name, seconds, reason)

    def check(self, name: str, condition: object) -> None:
        """End this run with a failure, `check: name`, where `condition` does not hold."""
        if not condition:
            raise CheckFailed(f"check: {name}")

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Time the block and count it: as a failure with its reason where it raises, as a success otherwise.

        Cancelled, it counts as neither.
        """
        began = clock()

        try:
            yield
        except Exception as exc:
            self.seat.failure(name, clock() - began, reason_of(exc))
            self.seat.counted = exc
            raise
        else:
            self.seat.success(name, clock() - began)


def reason_of(exc: BaseException) -> str:
    """Return the reason that an exception counts under."""
    if isinstance(exc, RequestFailed | CheckFailed):
        return str(exc)

    text = str(exc)
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def load_scenarios(path: str) -> list[type[Scenario]]:
    """Return the scenarios of `file.py:Class` or `package.module:Class`; without a class, all that are defined there.

    Raises `ScenarioError` saying what is wrong, with the line where the file itself fails.
    """
    place, _, attribute = path.rpartition(":") if ":" in path else (path, "", "")
    module = load_module(place)

    if attribute:
        return [as_scenario(module, attribute, path)]

    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Scenario) and value.__module__ == module.__name__
    ]

    if not found:
        raise ScenarioError(f"there is no scenario in {place}: a class that inherits from Scenario")

    return found


def digest_scenario(path: str) -> str:
    """Return the SHA-256 of the file that `path` names, as `load_scenarios` finds it; what that imports is not in it.

    Raises `ScenarioError` where there is none.
    """
    place = path.rpartition(":")[0] if ":" in path else path

    try:
        if not place.endswith(".py"):
            if str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))

            spec = find_spec(place)
            place = (spec and spec.origin) or place

        return hashlib.sha256(Path(place).read_bytes()).hexdigest()
    except (ImportError, OSError, ValueError) as exc:
        raise ScenarioError(f"cannot read the scenario {path!r}: {getattr(exc, 'strerror', None) or exc}") from exc


def as_scenario(module: ModuleType, attribute: str, path: str) -> type[Scenario]:
    value = getattr(module, attribute, None)

    if isinstance(value, type) and issubclass(value, Scenario) and value is not Scenario:
        return value

    if value is not None:
        raise ScenarioError(f"{path!r} is not a scenario: a class that inherits from Scenario")

    known = [name for name, kind in vars(module).items() if isinstance(kind, type) and issubclass(kind, Scenario)]
    raise ScenarioError(f"there is no {attribute!r} in {module.__name__}{nearest(attribute, known)}")


def load_module(place: str) -> ModuleType:
    try:
        if place.endswith(".py"):
            return load_file(Path(place))

        if not all(part.isidentifier() for part in place.split(".")):
            raise ScenarioError(f"not a scenario: {place!r}; expected file.py:Class or package.module:Class")

        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))

        return import_module(place)
    except HagwormError:
        raise
    except ModuleNotFoundError as exc:
        if exc.name and f"{place}.".startswith(f"{exc.name}."):
            raise ScenarioError(f"no module named {exc.name!r} in {Path.cwd()} or where Python looks for it") from exc

        raise ScenarioError(f"cannot import {place}: {where(exc)}") from exc
    except (Exception, SystemExit) as exc:
        raise ScenarioError(f"cannot import {place}: {where(exc)}") from exc


def load_file(path: Path) -> ModuleType:
    if not path.is_file():
        known = [file.name for file in path.parent.glob("*.py")] if path.parent.is_dir() else []
        raise ScenarioError(f"no such file: {path}{nearest(path.name, known)}")

    path = path.resolve()
    name = path.stem

    if (loaded := sys.modules.get(name)) is not None:
        if getattr(loaded, "__file__", None) == str(path):
            return loaded

        name = f"{name}_scenarios"

    folder = str(path.parent)

    if folder not in sys.path:
        sys.path.insert(0, folder)

    spec = spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a name that ends with .py has a loader"
    module = module_from_spec(spec)
    sys.modules[name] = module

    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise

    return module


def where(exc: BaseException) -> str:
    """Return an exception with the line that raised it."""
    frames = traceback.extract_tb(exc.__traceback__)
    last = frames[-1] if frames else None

    if isinstance(exc, SyntaxError):
        return f"SyntaxError: {exc.msg} ({exc.filename}:{exc.lineno})"

    return f"{reason_of(exc)}{f' ({last.filename}:{last.lineno})' if last else ''}"
