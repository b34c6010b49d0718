"""Where an application describes itself: the OpenAPI document and a page for people, both without a network.

With the extra `docs` the page is Swagger UI, served from files of the package `fastapi-swagger`; without it, it is a
page of our own that needs no script.
"""

import asyncio
import hashlib
import posixpath
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hagworm.extend.static import static_file
from hagworm.facade.openapi import render
from hagworm.facade.reference import page
from hagworm.facade.response import Response

if TYPE_CHECKING:
    from hagworm.facade.request import Request

__all__ = ("Described", "Route", "documentation_routes", "find_swagger")

Route = Callable[["Request"], Awaitable[Response]]

PACKAGE = "fastapi-swagger"
HTML = "text/html; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
STYLE = "text/css; charset=utf-8"
SWAGGER_FILES = {"swagger-ui-bundle.js": SCRIPT, "swagger-ui.css": STYLE, "favicon-32x32.png": "image/png"}
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


class Described:
    """The description of an application, made when somebody first asks for it, and only once."""

    __slots__ = ("describe", "lock", "made", "rendered")

    def __init__(self, describe: Callable[[], dict[str, Any]]) -> None:
        self.describe = describe
        self.lock = asyncio.Lock()
        self.made: dict[str, Any] | None = None
        self.rendered = b""

    async def document(self) -> dict[str, Any]:
        """Return the document. It is made in a thread, as hundreds of models take longer than the loop may stand."""
        if self.made is None:
            async with self.lock:
                if self.made is None:
                    made = await asyncio.to_thread(self.describe)
                    self.rendered = await asyncio.to_thread(render, made)
                    self.made = made

        return self.made

    async def text(self) -> bytes:
        """Return the document as it is sent."""
        await self.document()
        return self.rendered


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
    described = Described(describe)
    routes: dict[str, Route] = {}

    if openapi:

        async def document(request: "Request") -> Response:
            """Answer with the OpenAPI document."""
            return lasting(request, await described.text(), "application/json")

        routes[openapi] = document

    if not ui:
        return routes

    stem, _, leaf = ui.rpartition("/")
    folder = f"{leaf}/" if leaf else ""
    base = f"{stem}/{folder}"

    # Swagger UI reads the document by its URL.
    if swagger is None or not openapi:
        routes[ui] = partial(show_reference, described=described, style=f"{folder}reference.css")
        routes[f"{base}reference.css"] = asset(static_file("docs/reference.css"), STYLE)
        return routes

    link = posixpath.relpath(openapi, stem or "/")
    routes[ui] = partial(show_swagger, described=described, folder=folder, document=link, version=swagger_version())
    routes[f"{base}start.js"] = asset(static_file("docs/start.js"), SCRIPT)
    routes |= {f"{base}{name}": asset(swagger / name, kind) for name, kind in SWAGGER_FILES.items()}
    return routes


async def show_reference(request: "Request", *, described: Described, style: str) -> Response:
    """Answer with the page of our own."""
    document = await described.document()
    text = await asyncio.to_thread(page, document, style=style, notice=NOTICE)
    return lasting(request, text, HTML, policy=REFERENCE_POLICY)


async def show_swagger(
    request: "Request", *, described: Described, folder: str, document: str, version: str
) -> Response:
    """Answer with the page that starts Swagger UI."""
    title = (await described.document())["info"]["title"]
    values = {"title": title, "folder": folder, "document": document, "version": version}
    text = SWAGGER_PAGE.format_map({name: escape(value) for name, value in values.items()})
    return lasting(request, text.encode(), HTML, policy=SWAGGER_POLICY)


def swagger_version() -> str:
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        # Files that were put there by hand have no version; they are asked for anew each time.
        return ""


def asset(path: Path, media_type: str) -> Route:
    """Return the handler that sends a file that never changes under the URL that carries its version."""
    kept: list[bytes] = []

    async def send(request: "Request") -> Response:
        if not kept:
            kept.append(await asyncio.to_thread(path.read_bytes))

        return lasting(request, kept[0], media_type, cache=FOREVER if request.query.get("v") else REVALIDATE)

    return send


def lasting(request: "Request", body: bytes, media_type: str, *, cache: str = REVALIDATE, policy: str = "") -> Response:
    """Return `body`, or 304 where the client has it already."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"etag": etag, "cache-control": cache, "x-content-type-options": "nosniff"}

    if policy:
        headers["content-security-policy"] = policy

    known = request.headers.get("if-none-match", "")

    if etag in known or known.strip() == "*":
        return Response(status=304, headers=headers)

    return Response(body, headers=headers, media_type=media_type)
