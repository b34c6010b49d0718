"""The engine `fastapi`: what no facade handler answers goes to a real `fastapi.FastAPI` on the same connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from fastapi import FastAPI

from hagworm.frame.asgi.engine import AsgiEngine
from hagworm.frame.asgi.entrance import Entrance
from hagworm.frame.asgi.native import Native
from hagworm.frame.asgi.tenancy import Tenancy
from hagworm.frame.fastapi.openapi import describe

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("ENGINE", "FastapiEngine")


class FastapiEngine(AsgiEngine):
    """Serves an application, and a FastAPI application behind it, through any ASGI server.

    The FastAPI application is there once somebody has asked for it (`app.native("fastapi")`) or has put one into
    `app.natives["fastapi"]`; nothing is made, and nothing costs anything, before.
    """

    name = "fastapi"

    def __init__(self) -> None:
        self.tenancies: WeakKeyDictionary[App, Tenancy] = WeakKeyDictionary()

    def native(self, app: "App") -> Any:
        """Return the FastAPI application behind `app`, made on the first call.

        It has no documentation pages: its paths appear in the one document that the facade serves.
        """
        if self.name not in app.natives:
            app.natives[self.name] = FastAPI(
                title=app.title,
                version=app.version,
                description=app.description,
                openapi_url=None,
                docs_url=None,
                redoc_url=None,
            )

        return app.natives[self.name]

    def build(self, app: "App") -> Entrance:
        """Return the ASGI callable; the application is frozen by it."""
        return Entrance(app.freeze(), partial(self.find_native, app))

    def find_native(self, app: "App") -> Native | None:
        """Return what stands behind `app`, if something does."""
        if (native := app.natives.get(self.name)) is None:
            return None

        tenancy = self.tenancies.get(app)
        return Native(native, {} if tenancy is None else tenancy.state)

    @asynccontextmanager
    async def native_lifespan(self, app: "App") -> AsyncIterator[None]:
        """Run the lifespan of the FastAPI application, if there is one, around the block. Raises `StartupFailed`."""
        if (native := app.natives.get(self.name)) is None:
            yield
            return

        tenancy = self.tenancies[app] = Tenancy(native)
        await tenancy.startup()

        try:
            yield
        finally:
            await tenancy.shutdown()

    def native_openapi(self, app: "App") -> dict[str, Any] | None:
        """Return the OpenAPI document of the FastAPI application, None where there is none or it describes nothing."""
        native = app.natives.get(self.name)
        return None if native is None else describe(native)


ENGINE = FastapiEngine()
