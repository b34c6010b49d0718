"""Laws of file responses and of static files (rows F1 to F22 of the conformance matrix)."""

import asyncio
import errno
import os
import re

import pytest

from hagworm import App
from hagworm.extend.error import DefinitionError
from hagworm.facade.dates import format_date
from hagworm.facade.files import File, StaticFiles
from hagworm.testing import Client

CONTENT = bytes(range(256)) * 1200
TEXT = b"0123456789"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "public"
    (root / "docs").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "a.txt").write_bytes(TEXT)
    (root / "big.bin").write_bytes(CONTENT)
    (root / "none.txt").write_bytes(b"")
    (root / "naïve file.txt").write_bytes(b"unicode")
    (root / "app.js").write_bytes(b"let a = 1")
    (root / "data.json").write_bytes(b"{}")
    (root / "docs" / "index.html").write_bytes(b"<p>docs")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (root / "link.txt").symlink_to("a.txt")
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    return root


def service(folder, **options):
    app = App()
    app.static("/static", str(folder), **options)

    @app.get("/file/{name:path}")
    async def file(name: str) -> File:
        return File(folder / name)

    return app


async def fetch(app, path, *, method="GET", **headers):
    async with Client(app) as client:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.request(method, path, headers=sent)


BOTH = pytest.mark.parametrize("base", ["/static", "/file"])
SIZES = pytest.mark.parametrize(("name", "content"), [("a.txt", TEXT), ("big.bin", CONTENT), ("none.txt", b"")])


# Both ways of serving -------------------------------------------------------------------------------------------------


@BOTH
@SIZES
async def test_a_file_is_sent_whole_with_its_validators(folder, base, name, content):
    response = await fetch(service(folder), f"{base}/{name}")
    info = (folder / name).stat()
    assert (response.status, response.body) == (200, content)
    assert response.headers["content-length"] == str(len(content))
    assert response.headers["etag"] == f'"{info.st_size}-{info.st_mtime_ns}"'
    assert response.headers["last-modified"] == format_date(info.st_mtime)
    assert response.headers["accept-ranges"] == "bytes"
    assert "content-disposition" not in response.headers


@BOTH
@SIZES
async def test_head_tells_what_get_would(folder, base, name, content):
    app = service(folder)
    got = await fetch(app, f"{base}/{name}")
    head = await fetch(app, f"{base}/{name}", method="HEAD", range="bytes=0-1")
    assert (head.status, head.body) == (200, b"")
    volatile = ("x-request-id", "date")
    assert {k: v for k, v in head.headers.items() if k not in volatile} == {
        k: v for k, v in got.headers.items() if k not in volatile
    }


@BOTH
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", "text/plain; charset=utf-8"),
        ("app.js", "text/javascript; charset=utf-8"),
        ("data.json", "application/json; charset=utf-8"),
        ("big.bin", "application/octet-stream"),
    ],
)
async def test_text_says_that_it_is_utf8(folder, base, name, expected):
    assert (await fetch(service(folder), f"{base}/{name}")).headers["content-type"] == expected


@BOTH
@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [("bytes=0-4", 0, 5), ("bytes=2-", 2, None), ("bytes=-3", -3, None), ("bytes=5-999999999", 5, None)],
)
@pytest.mark.parametrize(("name", "content"), [("a.txt", TEXT), ("big.bin", CONTENT)])
async def test_a_part_is_sent(folder, base, value, start, stop, name, content):
    response = await fetch(service(folder), f"{base}/{name}", range=value)
    first, last, _ = slice(start, stop).indices(len(content))
    assert (response.status, response.body) == (206, content[start:stop])
    assert response.headers["content-range"] == f"bytes {first}-{last - 1}/{len(content)}"
    assert response.headers["content-length"] == str(last - first)


@BOTH
@pytest.mark.parametrize(("name", "content"), [("a.txt", TEXT), ("big.bin", CONTENT)])
async def test_several_parts_are_sent_as_one_body(folder, base, name, content):
    response = await fetch(service(folder), f"{base}/{name}", range="bytes=0-1,4-4,-1")
    kind, boundary = response.headers["content-type"].split("; boundary=")
    assert (response.status, kind) == (206, "multipart/byteranges")
    parts = response.body.split(b"--" + boundary.encode())[1:-1]
    assert [part.partition(b"\r\n\r\n")[2][:-2] for part in parts] == [content[:2], content[4:5], content[-1:]]
    assert response.headers["content-length"] == str(len(response.body))


@BOTH
@pytest.mark.parametrize("value", ["bytes=abc", "items=0-1", "bytes=5-2"])
async def test_a_range_that_makes_no_sense_is_ignored(folder, base, value):
    response = await fetch(service(folder), f"{base}/a.txt", range=value)
    assert (response.status, response.body) == (200, TEXT)


@BOTH
@pytest.mark.parametrize("name", ["a.txt", "big.bin"])
async def test_a_part_that_does_not_exist_is_a_problem(folder, base, name):
    response = await fetch(service(folder), f"{base}/{name}", range="bytes=999999999-")
    assert response.status == 416
    assert response.headers["content-range"] == f"bytes */{(folder / name).stat().st_size}"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == 416
    assert "etag" not in response.headers
    assert "accept-ranges" not in response.headers


@BOTH
@pytest.mark.parametrize("name", ["a.txt", "big.bin"])
async def test_a_client_that_has_the_file_is_told_so(folder, base, name):
    app = service(folder)
    first = await fetch(app, f"{base}/{name}")

    for conditions in (
        {"if_none_match": first.headers["etag"]},
        {"if_none_match": f"W/{first.headers['etag']}"},
        {"if_none_match": "*"},
        {"if_modified_since": first.headers["last-modified"]},
    ):
        response = await fetch(app, f"{base}/{name}", **conditions)
        assert (response.status, response.body) == (304, b"")
        assert response.headers["etag"] == first.headers["etag"]

        for absent in ("content-length", "content-type", "last-modified", "accept-ranges"):
            assert absent not in response.headers


@BOTH
async def test_a_client_that_expects_another_file_is_refused(folder, base):
    for name, value in (("if_match", '"other"'), ("if_unmodified_since", "Sat, 01 Jan 2000 00:00:00 GMT")):
        response = await fetch(service(folder), f"{base}/a.txt", **{name: value})
        assert (response.status, response.json()["status"]) == (412, 412)
        assert "etag" not in response.headers


@BOTH
async def test_a_download_goes_on_only_where_the_file_is_the_same(folder, base):
    app = service(folder)
    os.utime(folder / "a.txt", (1_000_000_000, 1_000_000_000))
    etag = (await fetch(app, f"{base}/a.txt")).headers["etag"]

    for value, status in ((etag, 206), ('"old"', 200), (f"W/{etag}", 200), (format_date(1_000_000_000), 206)):
        assert (await fetch(app, f"{base}/a.txt", range="bytes=0-1", if_range=value)).status == status


@BOTH
async def test_a_bad_date_is_ignored(folder, base):
    assert (await fetch(service(folder), f"{base}/a.txt", if_modified_since="yesterday")).status == 200


@BOTH
async def test_a_file_that_shrinks_while_it_is_sent_aborts_the_response(folder, base, monkeypatch):
    monkeypatch.setattr("hagworm.facade.files.CHUNK", 1000)

    async with Client(service(folder)) as client:
        async with client.stream("GET", f"{base}/big.bin") as response:
            os.truncate(folder / "big.bin", 5000)

            with pytest.raises(ConnectionError):
                await response.read()


@BOTH
async def test_a_file_is_closed_when_the_client_leaves(folder, base, monkeypatch):
    monkeypatch.setattr("hagworm.facade.files.CHUNK", 1000)

    async with Client(service(folder)) as client:
        async with client.stream("GET", f"{base}/big.bin") as response:
            assert await response.next_piece()


# File -----------------------------------------------------------------------------------------------------------------


async def one(make, **headers):
    app = App()

    @app.get("/")
    async def index() -> File:
        return make()

    return await fetch(app, "/", **headers)


async def test_a_download_has_a_name(folder):
    response = await one(lambda: File(folder / "naïve file.txt", download=True))
    assert response.headers["content-disposition"] == (
        "attachment; filename=\"naive file.txt\"; filename*=UTF-8''na%C3%AFve%20file.txt"
    )
    response = await one(lambda: File(folder / "big.bin", filename="b.pdf"))
    assert response.headers["content-disposition"] == 'inline; filename="b.pdf"'
    assert response.headers["content-type"] == "application/pdf"
    response = await one(lambda: File(str(folder / "big.bin"), filename="b.pdf", media_type="text/x", download=True))
    assert response.headers["content-disposition"] == 'attachment; filename="b.pdf"'
    assert response.headers["content-type"] == "text/x"


async def test_what_the_handler_sets_outranks_what_the_file_says(folder):
    headers = {
        "etag": '"mine"',
        "last-modified": format_date(1000),
        "cache-control": "no-store",
        "content-disposition": "attachment",
    }
    response = await one(lambda: File(folder / "a.txt", headers=headers, download=True))
    assert {name: response.headers[name] for name in headers} == headers
    assert (await one(lambda: File(folder / "a.txt", headers=headers), if_none_match='"mine"')).status == 304
    assert (
        await one(lambda: File(folder / "a.txt", headers=headers), if_modified_since=format_date(1000))
    ).status == 304
    assert (
        await one(lambda: File(folder / "a.txt", headers=headers), if_modified_since=format_date(999))
    ).status == 200


async def test_a_file_may_have_no_tag_or_one_of_its_content(folder):
    assert "etag" not in (await one(lambda: File(folder / "a.txt", etag=None))).headers
    tag = (await one(lambda: File(folder / "a.txt", etag="content"))).headers["etag"]
    assert re.fullmatch('"[0-9a-f]{32}"', tag)
    assert (await one(lambda: File(folder / "a.txt", etag='"v1"'))).headers["etag"] == '"v1"'


async def test_conditions_and_ranges_are_for_200_only(folder):
    response = await one(lambda: File(folder / "a.txt", status=404), range="bytes=0-1", if_none_match="*")
    assert (response.status, response.body) == (404, TEXT)


async def test_a_missing_file_is_a_failure_of_the_service(folder):
    for path in (folder / "missing.txt", folder):
        response = await one(lambda path=path: File(path, headers={"cache-control": "max-age=60"}))
        assert response.status == 500
        assert response.headers["content-type"] == "application/problem+json"
        assert "cache-control" not in response.headers


async def test_what_middleware_adds_stays_when_an_error_is_sent_instead(folder):
    app = service(folder)

    @app.middleware
    async def cors(request, call_next):
        response = await call_next(request)
        response.headers["access-control-allow-origin"] = "*"
        return response

    for path in ("/file/a.txt", "/file/missing", "/static/a.txt"):
        response = await fetch(app, path, range="bytes=99-")
        assert response.status in (416, 500)
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["content-type"] == "application/problem+json"


async def test_an_exception_handler_may_answer_for_a_file(folder):
    app = service(folder)

    @app.exception_handler(FileNotFoundError)
    async def missing(request, error):
        return File(folder / "big.bin", status=404, headers={"x-own": "1"})

    response = await fetch(app, "/file/missing")
    assert (response.status, response.body, response.headers["x-own"]) == (404, CONTENT, "1")


async def test_one_response_is_for_one_request(folder):
    app = App()
    kept = File(folder / "a.txt")
    app.add("/", lambda: kept)
    assert (await fetch(app, "/")).status == 200
    assert (await fetch(app, "/")).status == 500


def test_a_file_tells_its_path(folder):
    assert repr(File("/x/a.txt")) == "<File '/x/a.txt' 200>"
    assert repr(StaticFiles(folder)) == f"<StaticFiles {str(folder)!r}>"


# StaticFiles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static",
        "/static/missing",
        "/static/docs",
        "/static/docs/",
        "/static/empty/",
        "/static//a.txt",
        "/static/a.txt/",
        "/static/./a.txt",
        "/static/../secret.txt",
        "/static/../public/a.txt",
        "/static/docs/../a.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/docs%2findex.html",
        "/static/docs%2Findex.html",
        "/static/..%5csecret.txt",
        "/static/a.txt%5c",
        "/static/out.txt",
        "/static/%20",
        "/static/" + "x" * 300,
        "/static/a.txt/b",
    ],
)
async def test_what_is_no_file_of_the_folder_is_not_found(folder, path):
    response = await fetch(service(folder), path)
    assert response.status == 404
    assert response.headers["content-type"] == "application/problem+json"


async def test_nul_in_a_path_is_a_bad_request(folder):
    assert (await fetch(service(folder), "/static/a%00.txt")).status == 400


async def test_names_are_decoded_and_links_inside_are_followed(folder):
    app = service(folder)
    assert (await fetch(app, "/static/na%C3%AFve%20file.txt")).body == b"unicode"
    assert (await fetch(app, "/static/link.txt")).body == TEXT
    assert (await fetch(app, "/static/docs/index.html")).body == b"<p>docs"


async def test_links_outside_are_followed_on_demand_only(folder):
    assert (await fetch(service(folder, follow_links=True), "/static/out.txt")).body == b"secret"
    assert (await fetch(service(folder, follow_links=True), "/static/../secret.txt")).status == 404


async def test_other_methods_are_not_allowed(folder):
    response = await fetch(service(folder), "/static/a.txt", method="POST")
    assert response.status == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_an_index_is_served_on_demand(folder):
    app = service(folder, index=True)
    response = await fetch(app, "/static/docs/")
    assert (response.body, response.headers["content-type"]) == (b"<p>docs", "text/html; charset=utf-8")
    response = await fetch(app, "/static/docs?a=%20b")
    assert (response.status, response.headers["location"]) == (308, "/static/docs/?a=%20b")
    assert (await fetch(app, "/static/docs")).headers["location"] == "/static/docs/"

    for path in ("/static/empty", "/static/empty/", "/static/", "/static/docs//", "/static/a.txt/"):
        assert (await fetch(app, path)).status == 404

    (folder / "index.html").write_bytes(b"<p>root")
    assert (await fetch(app, "/static/")).body == b"<p>root"


async def test_a_redirect_never_leads_to_another_host(folder):
    app = App()
    app.static("/", str(folder), index=True)
    (folder / "docs" / "b").mkdir()
    (folder / "docs" / "b" / "index.html").write_bytes(b"")
    assert (await fetch(app, "/docs/b")).headers["location"] == "/docs/b/"
    assert (await fetch(app, "//docs")).status == 404
    assert (await fetch(app, "/%2fdocs")).status == 404


async def test_a_compressed_sibling_is_sent_to_those_who_accept_it(folder):
    (folder / "app.js.br").write_bytes(b"brotli!")
    (folder / "app.js.gz").write_bytes(b"gzipped")
    app = service(folder, precompressed=True)
    tags = set()

    for accept, body, coding in (
        ("gzip, br", b"brotli!", "br"),
        ("gzip", b"gzipped", "gzip"),
        ("br;q=0.1, gzip", b"gzipped", "gzip"),
        ("zstd", b"let a = 1", None),
        ("gzip;q=0", b"let a = 1", None),
        ("identity", b"let a = 1", None),
    ):
        response = await fetch(app, "/static/app.js", accept_encoding=accept)
        assert (response.status, response.body) == (200, body)
        assert response.headers.get("content-encoding") == coding
        assert response.headers["content-type"] == "text/javascript; charset=utf-8"
        assert response.headers["vary"] == "Accept-Encoding"
        tags.add(response.headers["etag"])
        again = await fetch(app, "/static/app.js", accept_encoding=accept, if_none_match=response.headers["etag"])
        assert (again.status, again.headers["vary"]) == (304, "Accept-Encoding")

    assert len(tags) == 3


async def test_siblings_are_left_alone_unless_asked_for(folder):
    (folder / "app.js.gz").write_bytes(b"gzipped")
    response = await fetch(service(folder), "/static/app.js", accept_encoding="gzip")
    assert (response.body, response.headers.get("vary")) == (b"let a = 1", None)


async def test_a_sibling_that_leads_outside_is_no_sibling(folder):
    (folder / "app.js.gz").symlink_to(folder.parent / "secret.txt")
    (folder / "app.js.br").mkdir()
    response = await fetch(service(folder, precompressed=True), "/static/app.js", accept_encoding="gzip, br")
    assert response.body == b"let a = 1"


async def test_headers_may_be_added_to_every_file(folder):
    app = service(folder, headers={"cache-control": "max-age=60"})

    for name in ("a.txt", "big.bin"):
        response = await fetch(app, f"/static/{name}")
        assert response.headers["cache-control"] == "max-age=60"
        again = await fetch(app, f"/static/{name}", if_none_match=response.headers["etag"])
        assert (again.status, again.headers["cache-control"]) == (304, "max-age=60")

    assert "cache-control" not in (await fetch(app, "/static/missing")).headers
    assert "cache-control" not in (await fetch(app, "/static/a.txt", range="bytes=99-")).headers


def test_a_folder_that_does_not_exist_is_a_mistake_found_at_once(tmp_path):
    with pytest.raises(DefinitionError, match="there is no folder"):
        StaticFiles(tmp_path / "none")


async def test_many_at_once_get_what_they_asked_for(folder):
    async with Client(service(folder)) as client:
        names = ["a.txt", "big.bin", "app.js"] * 20
        responses = await asyncio.gather(*(client.get(f"/static/{name}") for name in names))

    assert [response.body for response in responses] == [(folder / name).read_bytes() for name in names]


async def test_the_access_log_tells_the_status_that_was_sent(folder, caplog):
    app = service(folder)

    with caplog.at_level("INFO", logger="hagworm.access"):
        for conditions in ({}, {"range": "bytes=0-1"}, {"if_none_match": "*"}, {"range": "bytes=99-"}):
            await fetch(app, "/file/a.txt", **conditions)

    assert [record.status for record in caplog.records if record.name == "hagworm.access"] == [200, 206, 304, 416]


@BOTH
async def test_a_disk_that_fails_is_a_failure_and_not_a_missing_file(folder, base, monkeypatch):
    def broken(path, **options):
        raise OSError(errno.EIO, "Input/output error", path)

    monkeypatch.setattr("hagworm.facade.files.look", broken)
    assert (await fetch(service(folder), f"{base}/a.txt")).status == 500
