"""What a FastAPI application says about its own routes."""

from typing import Any

__all__ = ("describe",)


def describe(native: Any) -> dict[str, Any] | None:
    """Return the OpenAPI document of `native`, None where it describes nothing or cannot.

    FastAPI makes it on the first call and keeps it until a route is added; it is not a copy, so leave it as it is.
    """
    make = getattr(native, "openapi", None)
    document: dict[str, Any] | None = make() if callable(make) else None
    return document if document and (document.get("paths") or document.get("webhooks")) else None
