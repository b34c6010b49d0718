"""What a reloading worker serves while the application cannot be imported."""

from hagworm.facade.application import App
from hagworm.facade.failure import phrase
from hagworm.facade.response import Response, Text
from hagworm.facade.settings import FrameSettings

__all__ = ("broken_app",)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def broken_app(traceback: str) -> App:
    """Return an application that answers everything with 500 and `traceback`: for development."""
    app = App(title="an application that cannot be imported")
    app.configure(FrameSettings())

    async def explain() -> Response:
        return Text(f"{phrase(500)}\n\n{traceback}", 500)

    for path in ("/", "/{rest:path}"):
        app.route(path, methods=[*METHODS], include_in_schema=False)(explain)

    return app
