"""What the tests have done in worker processes; imported in many of them, and therefore quickly."""

import contextvars
import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

MARK: contextvars.ContextVar[str] = contextvars.ContextVar("mark")
STATE: dict[str, Any] = {}


class Awkward(Exception):
    """Cannot be made again from what is pickled of it."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


class Stubborn(Exception):
    """Cannot be pickled, and has no text either."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("no")

    def __str__(self) -> str:
        raise ValueError("no")


class Poison:
    """Harmless where it is made, an error where it is made again."""

    def __reduce__(self) -> Any:
        return fail, ("poison",)


class Exit:
    """Ends whoever makes it again."""

    def __reduce__(self) -> Any:
        return sys.exit, (0,)


class Place:
    @classmethod
    def of(cls, name: str) -> str:
        return f"{cls.__name__} {name}"


def echo(*values: Any, **named: Any) -> Any:
    return (values, named) if named or len(values) != 1 else values[0]


async def double(number: int) -> int:
    import asyncio

    await asyncio.sleep(0)
    return 2 * number


def fail(text: str) -> NoReturn:
    raise ValueError(text)


def raise_awkward() -> NoReturn:
    raise Awkward(1, 2)


def raise_stubborn() -> NoReturn:
    raise Stubborn


def raise_stop() -> NoReturn:
    raise StopIteration(3)


def raise_cancelled() -> NoReturn:
    import asyncio

    raise asyncio.CancelledError


def poison() -> Poison:
    return Poison()


def way_out() -> Exit:
    return Exit()


def unpicklable() -> Any:
    return threading.Lock()


def leave(code: int) -> NoReturn:
    sys.exit(code)


def drop_dead(code: int) -> NoReturn:
    os._exit(code)


def kill_myself(number: int = signal.SIGKILL) -> None:
    os.kill(os.getpid(), number)
    time.sleep(60)


def spin() -> NoReturn:
    while True:
        pass


def sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def sleep_stubbornly(seconds: float) -> None:
    """Take every interruption for a mistake."""
    end = time.monotonic() + seconds

    while (left := end - time.monotonic()) > 0:
        try:
            time.sleep(left)
        except BaseException:
            continue


def tidy_up(path: str) -> None:
    try:
        Path(path + ".begun").touch()
        time.sleep(60)
    finally:
        Path(path).write_text("tidy")


async def tidy_up_later(path: str) -> None:
    import asyncio

    try:
        Path(path + ".begun").touch()
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        Path(path).write_text("tidy")


def eat() -> None:
    eaten = []

    while True:
        eaten.append(bytearray(1 << 20))


def who() -> int:
    return os.getpid()


def append(path: str, text: str) -> None:
    """Leave a trace that outlives this process, all of it or nothing."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def append_and_sleep(path: str, text: str, seconds: float) -> str:
    append(path, text)
    time.sleep(seconds)
    return text


def append_and_die_at_first(path: str, text: str) -> str:
    append(path, text)

    if Path(path).read_text() == text:
        kill_myself()

    return text


def start_a_child(seconds: float = 60) -> int:
    import subprocess

    return subprocess.Popen(["sleep", str(seconds)]).pid


def start_a_child_and_spin(path: str) -> NoReturn:
    append(path, str(start_a_child()))
    spin()


def mark() -> str:
    return MARK.get("none")


async def mark_later() -> str:
    import asyncio

    await asyncio.sleep(0)
    return MARK.get("none")


def remember(value: Any) -> None:
    STATE["value"] = value


def remembered() -> Any:
    return STATE.get("value")


def limits() -> tuple[int, int]:
    import resource

    return resource.getrlimit(resource.RLIMIT_DATA)


def sometimes(number: int, seconds: float) -> int:
    time.sleep(seconds)

    if number % 50 == 7:
        raise ValueError(number)

    return number


def threads() -> int:
    return threading.active_count()


def modules() -> list[str]:
    return sorted(sys.modules)


def say(text: str) -> None:
    sys.stdout.write(text)


def redirect(path: str) -> None:
    sys.stdout = open(path, "w")


def fail_if(path: str) -> None:
    if Path(path).exists():
        raise ValueError("not any more")


def remembered_after(seconds: float) -> Any:
    time.sleep(seconds)
    return STATE.get("value")


def hang_if(path: str) -> None:
    if Path(path).exists():
        time.sleep(60)


def open_everything(path: str) -> None:
    """Leave this process without a free descriptor."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, hard))
    kept = STATE.setdefault("kept", [])

    while True:
        try:
            kept.append(open(path))
        except OSError:
            return


def load(name: str) -> str:
    return str(importlib.import_module(name))


def find_in(path: str) -> None:
    sys.path.append(path)
