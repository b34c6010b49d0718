"""The loggers of the servers below hagworm, and one configuration for each of them."""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.extend.logging.settings import LogSettings

__all__ = ("SERVERS", "dict_config", "gunicorn_logging", "surrender", "uvicorn_logging")

SERVERS = ("uvicorn", "gunicorn", "tornado", "granian", "hypercorn")
"""Loggers of the servers below hagworm: what they have to say goes where everything goes."""


def surrender(logger: logging.Logger) -> None:
    """Let a logger speak through its parent only, from the parent's level on."""
    for handler in [*logger.handlers]:
        logger.removeHandler(handler)

    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def dict_config(
    settings: "LogSettings | None" = None, *, access: bool = True, silent: tuple[str, ...]
) -> dict[str, Any]:
    """Return a configuration for `logging.config.dictConfig`: one handler of ours on the root, nothing anywhere else.

    Without `access`, the loggers in `silent` say nothing below a warning.
    """
    if settings is None:
        from hagworm.extend.logging.settings import LogSettings

        settings = LogSettings()

    quiet = {} if access else {name: {"level": "WARNING", "handlers": [], "propagate": True} for name in silent}
    named = {name: {"level": level.upper()} for name, level in settings.levels.items()}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"hagworm": {"()": "hagworm.extend.logging.open_handler", "settings": settings}},
        "root": {"level": settings.level.upper(), "handlers": ["hagworm"]},
        "loggers": {name: {"handlers": [], "propagate": True} for name in spoken_by_servers()} | quiet | named,
    }


def spoken_by_servers() -> tuple[str, ...]:
    return (
        "gunicorn.error",
        "gunicorn.access",
        "uvicorn",
        "uvicorn.error",
        "uvicorn.access",
        "uvicorn.asgi",
        "tornado.access",
        "tornado.application",
        "tornado.general",
        "hypercorn.error",
        "hypercorn.access",
        "_granian",
        "granian.access",
    )


def gunicorn_logging(settings: "LogSettings | None" = None, *, access: bool = True) -> dict[str, Any]:
    """Return the value of gunicorn's `logconfig_dict`, for a service that hagworm's own worker does not serve.

    In `gunicorn.conf.py`: `logconfig_dict = gunicorn_logging()`, and `accesslog = "-"` where access lines are wanted.
    """
    return dict_config(settings, access=access, silent=("gunicorn.access", "uvicorn.access", "tornado.access"))


def uvicorn_logging(settings: "LogSettings | None" = None, *, access: bool = True) -> dict[str, Any]:
    """Return the value of uvicorn's `log_config`: `uvicorn.run(app, log_config=uvicorn_logging())`."""
    return dict_config(settings, access=access, silent=("uvicorn.access",))
