"""Levels by name or number, of the whole process or of one logger, at any time."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hagworm.extend.error import ConfigError, nearest

__all__ = ("LEVELS", "apply_levels", "level_name", "level_number", "levels_in_force", "set_level", "use_level")

LEVELS = ("debug", "info", "warning", "error", "critical")

APPLIED: dict[str, int] = {}
"""What loggers had for a level before `apply_levels` gave them another."""


def level_number(level: str | int) -> int:
    """Return the number behind a name, whatever its case, or a number itself; raises `ConfigError` for others.

    Names that `logging.addLevelName` has made known count too.
    """
    if isinstance(level, int) and not isinstance(level, bool) and level >= 0:
        return level

    text = str(level).strip()

    if text.isdecimal():
        return int(text)

    found = logging.getLevelNamesMapping().get(text.upper())

    if found is None or not text:
        raise ConfigError(f"unknown log level {level!r}{nearest(text.lower(), LEVELS)}; known: {', '.join(LEVELS)}")

    return found


def level_name(record: logging.LogRecord) -> str:
    """Return the name of a record's level; of a number nobody has named, that of the next known level below it."""
    name = record.levelname

    if not name.startswith("Level "):
        return name

    known = [number for number in (50, 40, 30, 20) if number <= record.levelno]
    return logging.getLevelName(known[0]) if known else "DEBUG"


def set_level(level: str | int, logger: str = "") -> int:
    """Let a logger (the root, unless told otherwise) and those below it log from `level` on; return what held before.

    Takes effect at once, in this process. Raises `ConfigError` for a level that there is not.
    """
    found = logging.getLogger(logger)
    before = found.level
    found.setLevel(level_number(level))
    return before


@contextmanager
def use_level(level: str | int, logger: str = "") -> Iterator[None]:
    """Let another level hold inside the block, in every thread and task."""
    before = set_level(level, logger)

    try:
        yield
    finally:
        set_level(before, logger)


def levels_in_force() -> dict[str, str]:
    """Return the level of each logger that has one of its own, in lower case; `""` is the root."""
    loggers = {"": logging.getLogger()} | {
        name: found for name, found in logging.root.manager.loggerDict.items() if isinstance(found, logging.Logger)
    }
    return {name: logging.getLevelName(found.level).lower() for name, found in loggers.items() if found.level}


def apply_levels(levels: Mapping[str, str | int]) -> None:
    """Give each logger named its level; those that an earlier call named and this one does not get their own back."""
    wanted = {name: level_number(level) for name, level in levels.items()}

    for name in [*APPLIED]:
        if name not in wanted:
            logging.getLogger(name).setLevel(APPLIED.pop(name))

    for name, number in wanted.items():
        APPLIED.setdefault(name, logging.getLogger(name).level)
        logging.getLogger(name).setLevel(number)
