"""The exceptions that an application has answered with 500, kept for the test that asks."""

import logging

from hagworm.facade.context import request_id

__all__ = ("ErrorWatch",)

LOGGER = logging.getLogger("hagworm")


class ErrorWatch(logging.Handler):
    """Listens to the error log, where every unhandled exception arrives once, inside the context of its request."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: dict[str, BaseException] = {}

    def attach(self) -> None:
        """Begin to listen."""
        LOGGER.addHandler(self)

    def detach(self) -> None:
        """Stop listening."""
        LOGGER.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exception of `record` under the id of the request being served."""
        if record.exc_info and record.exc_info[1] is not None and (key := request_id()) is not None:
            self.errors[key] = record.exc_info[1]

    def raise_for(self, key: str | None) -> None:
        """Raise what the request with id `key` failed with, if it is known."""
        if key is not None and (error := self.errors.pop(key, None)) is not None:
            raise error
