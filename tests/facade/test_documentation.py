"""The document and its page are served whole from here, once made, to clients that do not have them yet."""

import re
from pathlib import Path
from typing import Any

import pytest

from hagworm import App
from hagworm.facade import documentation
from hagworm.facade.documentation import documentation_routes, find_swagger
from hagworm.testing import Client

LINK = re.compile(r'(?:href|src|data-document)="([^"]+)"')


def description() -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "Lots & <more>", "version": "1"}, "paths": {}}


def application(*, swagger: Path | None = None, **paths: str) -> App:
    app = App()

    for path, handler in documentation_routes(description, swagger=swagger, **paths).items():
        app.add(f"/served{path}", handler)

    return app


def swagger_of(folder: Path) -> Path:
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"):
        folder.joinpath(name).write_bytes(name.encode())

    return folder


async def linked(client: Client, page: str) -> dict[str, int]:
    """Return the status behind each link of `page`, as a browser resolves it."""
    from urllib.parse import urljoin

    text = (await client.get(page)).body.decode()
    links = [link for link in LINK.findall(text) if not link.startswith("data:")]
    assert all("://" not in link for link in links)
    return {link: (await client.get(urljoin(page, link))).status for link in links}


@pytest.mark.parametrize(
    ("openapi", "ui"),
    [("/openapi.json", "/docs"), ("/openapi.json", "/"), ("/a/b.json", "/c/d/docs"), ("/a/b.json", "/a/docs/")],
)
@pytest.mark.parametrize("has_swagger", [True, False])
async def test_every_link_of_the_page_leads_to_a_file_of_ours_below_any_prefix(
    tmp_path: Path, openapi: str, ui: str, has_swagger: bool
) -> None:
    app = application(openapi=openapi, ui=ui, swagger=swagger_of(tmp_path) if has_swagger else None)

    async with Client(app) as client:
        statuses = await linked(client, f"/served{ui}")

    assert set(statuses.values()) == {200}
    assert len(statuses) == (5 if has_swagger else 1)


async def test_the_page_of_swagger_ui_runs_no_script_that_stands_in_it(tmp_path: Path) -> None:
    async with Client(application(swagger=swagger_of(tmp_path))) as client:
        page = await client.get("/served/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "Lots &amp; &lt;more&gt;" in page.body.decode()
    assert not re.search(r"<script(?! src=)", page.body.decode())


async def test_without_the_extra_the_page_says_how_to_get_it() -> None:
    async with Client(application()) as client:
        page = await client.get("/served/docs")

    assert 'pip install "hagworm[docs]"' in page.body.decode()
    assert "script-src" not in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("favicon-32x32.png", "image/png"),
        ("start.js", "text/javascript; charset=utf-8"),
    ],
)
async def test_a_file_is_kept_for_good_under_its_version_and_asked_for_anew_without(
    tmp_path: Path, name: str, media_type: str
) -> None:
    async with Client(application(swagger=swagger_of(tmp_path))) as client:
        versioned = await client.get(f"/served/docs/{name}?v=1")
        plain = await client.get(f"/served/docs/{name}")

    assert versioned.headers["content-type"] == media_type
    assert versioned.headers["x-content-type-options"] == "nosniff"
    assert versioned.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert plain.headers["cache-control"] == "no-cache"
    assert plain.body == versioned.body


@pytest.mark.parametrize("path", ["/served/openapi.json", "/served/docs", "/served/docs/reference.css"])
async def test_who_has_it_already_is_told_so(path: str) -> None:
    async with Client(application()) as client:
        first = await client.get(path)
        etag = first.headers["etag"]
        answers = [
            await client.get(path, headers={"if-none-match": known})
            for known in (etag, f"W/{etag}", f'"other", {etag}', "*", '"other"')
        ]

    assert [answer.status for answer in answers] == [304, 304, 304, 304, 200]
    assert answers[0].headers["etag"] == etag
    assert answers[0].body == b""


async def test_the_description_is_made_once() -> None:
    calls = []

    def count() -> dict[str, Any]:
        calls.append(1)
        return description()

    app = App()

    for path, handler in documentation_routes(count).items():
        app.add(f"/served{path}", handler)

    async with Client(app) as client:
        for path in ("/served/docs", "/served/openapi.json", "/served/docs", "/served/openapi.json"):
            assert (await client.get(path)).status == 200

    assert calls == [1]


async def test_a_description_that_fails_is_tried_again() -> None:
    answers = [ValueError("broken"), description()]

    def fail_once() -> dict[str, Any]:
        answer = answers.pop(0)

        if isinstance(answer, Exception):
            raise answer

        return answer

    app = App()

    for path, handler in documentation_routes(fail_once, ui="").items():
        app.add(f"/served{path}", handler)

    async with Client(app) as client:
        assert [(await client.get("/served/openapi.json")).status for _ in range(2)] == [500, 200]


def test_h21_an_empty_path_switches_its_part_off() -> None:
    assert list(documentation_routes(description, ui="")) == ["/openapi.json"]
    assert list(documentation_routes(description, openapi="", ui="")) == []


async def test_without_the_document_there_is_the_page_of_our_own_still(tmp_path: Path) -> None:
    async with Client(application(openapi="", swagger=swagger_of(tmp_path))) as client:
        page = await client.get("/served/docs")

    assert page.status == 200
    assert "Swagger" not in page.body.decode()


def test_the_files_of_swagger_ui_are_found_without_importing_what_ships_them() -> None:
    import subprocess
    import sys

    code = """
import sys
from hagworm.facade.documentation import find_swagger
folder = find_swagger()
assert folder.joinpath("swagger-ui-bundle.js").is_file()
assert "fastapi" not in sys.modules and "fastapi_swagger" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_the_package_there_is_no_swagger_ui(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "find_spec", lambda name: None)
    assert find_swagger() is None


async def test_every_service_serves_its_description() -> None:
    async with Client(App(title="Orders")) as client:
        page, document = await client.get("/docs"), await client.get("/openapi.json")
        statuses = await linked(client, "/docs")

    assert document.headers["content-type"] == "application/json"
    assert "Orders" in page.body.decode()
    assert set(statuses.values()) == {200}
