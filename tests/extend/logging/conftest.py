"""Logging as it was before a test."""

import logging
from collections.abc import Iterator

import pytest

from hagworm.extend.logging import LineHandler
from hagworm.extend.logging.levels import apply_levels


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Put back what a configuration changes, and end the threads of our handlers."""
    root = logging.getLogger()
    handlers, level, factory = [*root.handlers], root.level, logging.getLogRecordFactory()
    yield

    for handler in root.handlers:
        if isinstance(handler, LineHandler):
            handler.close()

    root.handlers[:] = handlers
    root.setLevel(level)
    apply_levels({})
    logging.setLogRecordFactory(factory)

    for name in ("asyncio", "watchfiles", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.NOTSET)
