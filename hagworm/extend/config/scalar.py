"""How single values are read: numbers, text, paths, moments."""

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hagworm.extend.config.fault import Fault, Unfit, expected
from hagworm.extend.config.secret import Secret

__all__ = ("READERS", "read_json")

TRUE = frozenset({"1", "on", "true", "yes"})
FALSE = frozenset({"0", "false", "no", "off"})
DURATION = re.compile(r"([0-9.]+)\s*(ms|s|m|h|d)?")
UNITS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def read_json(value: str, what: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as exc:
        raise expected(what, value) from exc


def read_text(value: Any, text: bool) -> str:
    if not isinstance(value, str):
        raise expected("text (in quotes)", value)

    return value


def read_secret(value: Any, text: bool) -> Secret:
    if not isinstance(value, str | Secret):
        raise Unfit(Fault("expected text (in quotes)"))  # never with the value

    return Secret(value)


def read_path(value: Any, text: bool) -> Path:
    if not isinstance(value, str | Path):
        raise expected("a path (in quotes)", value)

    return Path(value).expanduser()


def read_bool(value: Any, text: bool) -> bool:
    if isinstance(value, bool):
        return value

    if text and isinstance(value, str):
        word = value.strip().lower()

        if word in TRUE or word in FALSE:
            return word in TRUE

    raise expected("true or false", value)


def read_integer(value: Any, text: bool) -> int:
    if text and isinstance(value, str):
        try:
            return int(value)
        except ValueError as exc:
            raise expected("an integer", value) from exc

    if not isinstance(value, int) or isinstance(value, bool):
        raise expected("an integer", value)

    return value


def read_number(value: Any, text: bool) -> float:
    number: Any = value

    if text and isinstance(value, str):
        try:
            number = float(value)
        except ValueError as exc:
            raise expected("a number", value) from exc

    if not isinstance(number, int | float) or isinstance(number, bool) or not math.isfinite(number):
        raise expected("a number", value)

    return float(number)


def read_duration(value: Any, text: bool) -> timedelta:
    if isinstance(value, timedelta):
        return value

    if isinstance(value, str):
        match = DURATION.fullmatch(value.strip().lower())

        try:
            return timedelta(seconds=float(match[1]) * UNITS[match[2]] if match else float("nan"))
        except (ValueError, OverflowError) as exc:
            raise expected("a duration: seconds, or text like '250ms', '30s', '5m', '2h', '1d'", value) from exc

    return timedelta(seconds=read_number(value, text=False))


def read_moment(kind: type[date] | type[time]) -> Callable[[Any, bool], Any]:
    def read(value: Any, text: bool) -> Any:
        if type(value) is kind:
            return value

        if text and isinstance(value, str):
            try:
                return kind.fromisoformat(value.strip())
            except ValueError as exc:
                raise expected(f"a {kind.__name__} (ISO 8601)", value) from exc

        raise expected(f"a {kind.__name__}", value)

    return read


READERS: dict[Any, Callable[[Any, bool], Any]] = {
    str: read_text,
    int: read_integer,
    float: read_number,
    bool: read_bool,
    Secret: read_secret,
    Path: read_path,
    timedelta: read_duration,
    date: read_moment(date),
    datetime: read_moment(datetime),
    time: read_moment(time),
}
