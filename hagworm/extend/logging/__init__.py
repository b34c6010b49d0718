"""Logging for services: the standard library's, in one configuration, and never in the way."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.logging.configuration import FORMATS as FORMATS
    from hagworm.extend.logging.configuration import configure as configure
    from hagworm.extend.logging.configuration import open_handler as open_handler
    from hagworm.extend.logging.configuration import set_up as set_up
    from hagworm.extend.logging.document import JsonFormatter as JsonFormatter
    from hagworm.extend.logging.document import quote as quote
    from hagworm.extend.logging.fields import annotate as annotate
    from hagworm.extend.logging.fields import bind as bind
    from hagworm.extend.logging.fields import bound as bound
    from hagworm.extend.logging.fields import read_field as read_field
    from hagworm.extend.logging.handler import LineHandler as LineHandler
    from hagworm.extend.logging.levels import LEVELS as LEVELS
    from hagworm.extend.logging.levels import levels_in_force as levels_in_force
    from hagworm.extend.logging.levels import set_level as set_level
    from hagworm.extend.logging.levels import use_level as use_level
    from hagworm.extend.logging.redaction import redact as redact
    from hagworm.extend.logging.servers import SERVERS as SERVERS
    from hagworm.extend.logging.servers import gunicorn_logging as gunicorn_logging
    from hagworm.extend.logging.servers import surrender as surrender
    from hagworm.extend.logging.servers import uvicorn_logging as uvicorn_logging
    from hagworm.extend.logging.settings import LogSettings as LogSettings
    from hagworm.extend.logging.text import TextFormatter as TextFormatter
    from hagworm.extend.logging.text import one_line as one_line

# Loaded on first use: who binds a field needs no file, no thread and no settings.
HOMES = {
    "FORMATS": "hagworm.extend.logging.configuration",
    "LEVELS": "hagworm.extend.logging.levels",
    "SERVERS": "hagworm.extend.logging.servers",
    "JsonFormatter": "hagworm.extend.logging.document",
    "LineHandler": "hagworm.extend.logging.handler",
    "LogSettings": "hagworm.extend.logging.settings",
    "TextFormatter": "hagworm.extend.logging.text",
    "annotate": "hagworm.extend.logging.fields",
    "bind": "hagworm.extend.logging.fields",
    "bound": "hagworm.extend.logging.fields",
    "configure": "hagworm.extend.logging.configuration",
    "gunicorn_logging": "hagworm.extend.logging.servers",
    "levels_in_force": "hagworm.extend.logging.levels",
    "one_line": "hagworm.extend.logging.text",
    "open_handler": "hagworm.extend.logging.configuration",
    "quote": "hagworm.extend.logging.document",
    "read_field": "hagworm.extend.logging.fields",
    "redact": "hagworm.extend.logging.redaction",
    "set_level": "hagworm.extend.logging.levels",
    "set_up": "hagworm.extend.logging.configuration",
    "surrender": "hagworm.extend.logging.servers",
    "use_level": "hagworm.extend.logging.levels",
    "uvicorn_logging": "hagworm.extend.logging.servers",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
