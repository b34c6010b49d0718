"""Class-style handlers: one class per resource, one method per HTTP method."""

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from hagworm.facade.application import App
    from hagworm.facade.request import Request

__all__ = ("METHODS", "Handler")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class Handler:
    """Define `get`, `post`, `put`, `patch`, `delete`, `head` or `options`; each is bound like a handler function.

    An instance lives for one request. Override `prepare` for what every method needs first.
    """

    status: ClassVar[int] = 200

    def __init__(self, request: "Request") -> None:
        self.request = request

    @property
    def app(self) -> "App":
        """The application that serves the request."""
        return self.request.app

    async def prepare(self) -> None:
        """Run before the method; raise `HTTPError` to answer instead of it."""

    @classmethod
    def allowed(cls) -> tuple[str, ...]:
        """The HTTP methods that this class defines."""
        return tuple(method for method in METHODS if hasattr(cls, method.lower()))
