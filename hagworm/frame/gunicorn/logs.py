"""Logging under gunicorn: one format for arbiter and workers, or the user's own where there is one."""

import logging
from dataclasses import replace
from typing import Any

from gunicorn import glogging

from hagworm.extend.error import ConfigError
from hagworm.extend.logging import LineHandler, LogSettings, read_field, set_up, surrender
from hagworm.facade.access import NAME
from hagworm.facade.context import request_id
from hagworm.frame.gunicorn.ahead import look_ahead

__all__ = ("Logger", "join_arbiter", "join_worker")

ERRORS = logging.getLogger("gunicorn.error")
ACCESS = logging.getLogger("gunicorn.access")


class Logger(glogging.Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's logger without handlers of its own: everything goes to those of the program."""

    def setup(self, cfg: Any) -> None:
        """Follow a configuration that has been read anew."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.INFO)

        for logger in (ERRORS, ACCESS):
            surrender(logger)


def join_arbiter() -> None:
    """Let the arbiter log in the format of its workers, where gunicorn's own would be used.

    The application is not known yet, and so is not what else may be configured; wrong values are told by the workers.
    """
    if not is_ours_to_set():
        return

    names = ("level", "format", "to")
    values = zip(names, look_ahead(*(f"log.{name}" for name in names)), strict=True)
    given: dict[str, Any] = {name: value for name, value in values if value}
    level: Any = logging.getLevelName(ERRORS.level).lower()
    default = LogSettings(level=level)

    try:
        set_up(replace(default, **given))
    except ConfigError:
        set_up(default)


def join_worker(cfg: Any, settings: Any) -> None:
    """Let everything in a worker log where gunicorn logs: as configured here, or else as gunicorn was told to."""
    root = logging.getLogger()

    if is_ours_to_set():
        # gunicorn's --log-level is in force already; it stands unless the settings say something of their own.
        level = settings.log.level if settings.log.level != LogSettings().level else logging.getLevelName(root.level)
        set_up(replace(settings.log, level=level.lower()))
        read_field("request_id", request_id)
    elif not root.handlers:
        root.setLevel(ERRORS.level)

        for handler in ERRORS.handlers:
            root.addHandler(handler)

    if cfg.accesslog is not None:
        access = logging.getLogger(NAME)
        access.propagate = False
        access.setLevel(logging.INFO)

        for handler in ACCESS.handlers:
            access.addHandler(handler)


def is_ours_to_set() -> bool:
    """Whether nobody has set up logging yet but us and gunicorn, and gunicorn only its default: stderr."""
    match logging.getLogger().handlers:
        case []:
            return [is_default(handler) for handler in ERRORS.handlers] == [True]
        case [LineHandler()]:
            return True

    return False


def is_default(handler: logging.Handler) -> bool:
    stream = getattr(handler, "stream", None)
    return getattr(handler, "_gunicorn", False) and getattr(stream, "name", "") == "<stderr>"
