"""The routes that every service has: its description, its documentation page, its health."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("describe", "service_routes")

Handlers = dict[str, Callable[..., Any]]


def service_routes(app: "App") -> Handlers:
    """Return the handlers by path, as the section `docs` of the settings wants them; all answer GET."""
    docs = app.settings.docs
    routes: Handlers = {}

    if docs.openapi or docs.ui:
        from hagworm.facade.documentation import documentation_routes, find_swagger

        pages = documentation_routes(lambda: describe(app), openapi=docs.openapi, ui=docs.ui, swagger=find_swagger())
        routes.update(pages)

    if docs.health:
        from hagworm.facade.health import health_routes

        routes.update(health_routes(app.readiness_checks, app.metrics, lambda: app.freeze().reason, prefix=docs.health))

    return routes


def describe(app: "App") -> dict[str, Any]:
    """Return the OpenAPI document of `app`, the same whichever engine serves it.

    The routes of a native FastAPI application behind it are in it, once that has been asked for.
    """
    from hagworm.facade.openapi import document, merge_native

    made = document(
        app.freeze().plans,
        title=app.title,
        version=app.version,
        description=app.description,
        extra=app.openapi_extra,
        compat=app.compat,
    )

    if "fastapi" in app.natives:
        native: dict[str, Any] | None = import_module("hagworm.frame.fastapi").ENGINE.native_openapi(app)
        made = merge_native(made, native) if native else made

    return made
