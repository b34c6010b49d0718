"""The Tornado application behind the facade: whether it has a handler for a request, and the way to it."""

from typing import TYPE_CHECKING, Any

from hagworm.frame.tornado.carrier import Way

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("Behind",)


class Behind:
    """Looks for handlers in `app.natives`. Most services have none, and never load `tornado.web`."""

    __slots__ = ("_app",)

    def __init__(self, app: "App") -> None:
        self._app = app

    def find_handler(self, exchange: Any) -> Way | None:
        """Return the way to what answers `exchange`, None where nothing does."""
        if (application := self._app.natives.get("tornado")) is None:
            return None

        from hagworm.frame.tornado.passage import find_passage

        return find_passage(application, exchange)

    def find_socket(self, socket: Any) -> Way | None:
        """Return the way to what takes the handshake of `socket`, None where nothing does."""
        if (application := self._app.natives.get("tornado")) is None:
            return None

        from hagworm.frame.tornado.handshake import find_handshake

        return find_handshake(application, socket)
