"""Where an application describes itself: the OpenAPI document and a page for people, both without a network.

With the extra `docs` the page is Swagger UI, served from files of the package `fastapi-swagger`; without it, it is a
page of our own that needs no script.
"""

import asyncio
import hashlib
import posixpath
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hagworm.extend.static import static_file
from hagworm.facade.openapi import render, served_below
from hagworm.facade.reference import page
from hagworm.facade.request import Request
from hagworm.facade.response import Response

__all__ = ("Route", "documentation_routes", "find_swagger")

Route = Callable[[Request], Awaitable[Response]]

PACKAGE = "fastapi-swagger"
HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"
SWAGGER_FILES = {"swagger-ui-bundle.js": SCRIPT, "swagger-ui.css": STYLE, "favicon-32x32.png": "image/png"}
MOST_MOUNTS = 16
REVALIDATE = "no-cache"
FOREVER = "public, max-age=31536000, immutable"

# Only our own files run; Swagger UI sets styles in elements, and calls whatever server the document names.
SWAGGER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src data:; "
    "connect-src *; base-uri 'none'; frame-ancestors 'self'"
)
REFERENCE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

SWAGGER_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} – API</title>
<link rel="icon" href="{folder}favicon-32x32.png?v={version}">
<link rel="stylesheet" href="{folder}swagger-ui.css?v={version}">
</head>
<body>
<noscript>This page needs JavaScript; the description is at <a href="{document}">{document}</a>.</noscript>
<div id="reference" data-document="{document}"></div>
<script src="{folder}swagger-ui-bundle.js?v={version}"></script>
<script src="{folder}start.js?v={version}"></script>
</body></html>
"""

NOTICE = 'This page only shows. To try requests from it: <code>pip install "hagworm[docs]"</code>.'


class Kept:
    """Bytes that are made when somebody first asks for them, and only once, in a thread."""

    __slots__ = ("body", "etag", "lock", "make")

    def __init__(self, make: Callable[[], bytes]) -> None:
        self.make = make
        self.lock = asyncio.Lock()
        self.body = b""
        self.etag = ""

    async def fill(self) -> None:
        """Make the bytes, unless they are there."""
        async with self.lock:
            if not self.etag:
                self.body = await asyncio.to_thread(self.make)
                self.etag = f'"{hashlib.sha256(self.body).hexdigest()[:32]}"'


def find_swagger() -> Path | None:
    """Return the folder that holds Swagger UI's files, None where the extra `docs` is not installed."""
    # The package itself would import a framework; only its files are wanted.
    if (spec := find_spec("fastapi_swagger")) is None:
        return None

    for place in spec.submodule_search_locations or ():
        if all((Path(place) / "resources" / name).is_file() for name in SWAGGER_FILES):
            return Path(place) / "resources"

    return None


def documentation_routes(
    describe: Callable[[], dict[str, Any]],
    *,
    openapi: str = "/openapi.json",
    ui: str = "/docs",
    swagger: Path | None = None,
) -> Mapping[str, Route]:
    """Return the handlers of the description by path; all answer GET. An empty path has none.

    `describe` returns the document. `swagger` is what `find_swagger` returns. Links are relative, so that they hold
    behind a proxy that adds a prefix.
    """
    routes: dict[str, Route] = {}
    # The page and the document tell the same.
    known = cache(describe)

    if openapi:
        routes[openapi] = document_handler(known)

    if not ui:
        return routes

    stem, _, leaf = ui.rpartition("/")
    folder = f"{leaf}/" if leaf else ""
    base = f"{stem}/{folder}"

    # Swagger UI reads the document by its URL.
    if swagger is None or not openapi:
        text = Kept(lambda: page(known(), style=f"{folder}reference.css", notice=NOTICE))
        routes[ui] = handler(text, HTML, policy=REFERENCE_POLICY)
        routes[f"{base}reference.css"] = handler(Kept(static_file("docs/reference.css").read_bytes), STYLE)
        return routes

    values = {"folder": folder, "document": posixpath.relpath(openapi, stem or "/"), "version": swagger_version()}
    text = Kept(lambda: swagger_page(title=known()["info"]["title"], **values))
    routes[ui] = handler(text, HTML, policy=SWAGGER_POLICY)
    routes[f"{base}start.js"] = handler(Kept(static_file("docs/start.js").read_bytes), SCRIPT)
    routes |= {
        f"{base}{name}": handler(Kept((swagger / name).read_bytes), kind) for name, kind in SWAGGER_FILES.items()
    }
    return routes


def swagger_page(**values: str) -> bytes:
    return SWAGGER_PAGE.format_map({name: escape(value) for name, value in values.items()}).encode()


def swagger_version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        # Files that were put there by hand have no version; they are asked for anew each time.
        return ""


def document_handler(known: Callable[[], dict[str, Any]]) -> Route:
    """Return the handler that sends the document; below a mount it says where that is, for those who call from it."""
    rendered: dict[str, Kept] = {}

    async def send(request: "Request") -> Response:
        """Answer with the OpenAPI document."""
        base = request.base_path

        if base not in rendered:
            # There are as many as there are mounts of the application, unless somebody makes prefixes up.
            if len(rendered) >= MOST_MOUNTS:
                rendered.clear()

            rendered[base] = Kept(lambda: render(served_below(base, known())))

        return await answer(request, rendered[base], "application/json")

    return send


def handler(kept: Kept, media_type: str, *, policy: str = "") -> Route:
    """Return the handler that sends `kept`."""

    async def send(request: "Request") -> Response:
        """Answer with what is kept."""
        return await answer(request, kept, media_type, policy=policy)

    return send


async def answer(request: "Request", kept: Kept, media_type: str, *, policy: str = "") -> Response:
    """Return `kept`, or 304 where the client has it.

    What is asked for by its version never changes; everything else is revalidated.
    """
    if not kept.etag:
        await kept.fill()

    headers = {
        "etag": kept.etag,
        "cache-control": FOREVER if request.query.get("v") else REVALIDATE,
        "x-content-type-options": "nosniff",
    }

    if policy:
        headers["content-security-policy"] = policy

    if kept.etag in (known := request.headers.get("if-none-match", "")) or known.strip() == "*":
        return Response(status=304, headers=headers)

    return Response(kept.body, headers=headers, media_type=media_type)
