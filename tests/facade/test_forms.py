"""Laws of forms (rows B9 to B31 of the conformance matrix)."""

import asyncio
import codecs
import tempfile
import threading
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm import App
from hagworm import Form as FormField
from hagworm.facade.forms import CHARSETS, Form, FormError, read_form
from hagworm.facade.headers import Headers
from hagworm.facade.limits import Limits
from hagworm.facade.upload import UploadFile
from hagworm.testing import Client

URLENCODED = b"application/x-www-form-urlencoded"
MULTIPART = b"multipart/form-data; boundary=b"
LIMITS = Limits()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


async def feed(*pieces):
    for piece in pieces:
        yield piece


async def read(content_type, *pieces, limits=LIMITS):
    headers = Headers([] if content_type is None else [(b"content-type", content_type)])
    return await read_form(headers, feed(*pieces), limits)


def parts(*texts):
    """A multipart body: each text is what stands behind `form-data; `, then headers, then the content."""
    body = b"".join(b"--b\r\nContent-Disposition: form-data; " + text + b"\r\n" for text in texts)
    return body + b"--b--\r\n"


def field(name, value, extra=b""):
    return b'name="' + name + b'"\r\n' + extra + b"\r\n" + value


def file(name, filename, content, extra=b""):
    return b'name="' + name + b'"; filename="' + filename + b'"\r\n' + extra + b"\r\n" + content


async def refused(status, *args, **options):
    with pytest.raises(FormError) as caught:
        await read(*args, **options)

    assert caught.value.status == status
    return caught.value.detail


@pytest.fixture
def temporary(monkeypatch):
    """Every temporary file that is made."""
    made = []
    make = tempfile.TemporaryFile

    def recorded(*args, **options):
        made.append(make(*args, **options))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", recorded)
    return made


# urlencoded -----------------------------------------------------------------------------------------------------------


async def test_a_urlencoded_form_keeps_its_order_and_repeats():
    form = await read(URLENCODED, b"a=1&b=", b"x+y&a=2&c&d=%zz", b"")
    assert form.pairs == [("a", "1"), ("b", "x y"), ("a", "2"), ("c", ""), ("d", "%zz")]
    assert (form["a"], form.all("a"), form.get("none")) == ("2", ["1", "2"], None)
    assert form.files() == []
    await form.close()


@pytest.mark.parametrize(
    "content_type", [b"APPLICATION/X-WWW-FORM-URLENCODED", b"application/x-www-form-urlencoded; charset=latin-1"]
)
async def test_the_type_is_compared_without_case_and_its_charset_means_nothing(content_type):
    assert (await read(content_type, b"a=%C3%BC")).pairs == [("a", "ü")]


@given(st.lists(st.tuples(TEXT, TEXT), max_size=6))
def test_a_urlencoded_form_is_read_back(pairs):
    assert asyncio.run(read(URLENCODED, urlencode(pairs).encode())).pairs == pairs


@pytest.mark.parametrize("body", [b"a=%FF", b"%FF=a", b"a=\xff"])
async def test_what_is_not_utf8_is_a_bad_request(body):
    assert "UTF-8" in await refused(400, URLENCODED, body)


async def test_fields_are_limited_in_number_and_size():
    limits = replace(LIMITS, form_fields=2, field_bytes=4)
    assert len(await read(URLENCODED, b"a=1&b=2", limits=limits)) == 2
    await refused(413, URLENCODED, b"a=1&b=2&c=3", limits=limits)
    assert (await read(URLENCODED, b"a=%C3%BC%C3%BC", limits=limits))["a"] == "üü"
    assert "'a'" in await refused(413, URLENCODED, b"a=12345", limits=limits)


async def test_a_large_urlencoded_form_is_decoded_in_a_thread(monkeypatch):
    seen = []
    monkeypatch.setattr(
        "hagworm.facade.forms.parse_pairs", lambda raw, limit: seen.append(threading.current_thread()) or []
    )
    await read(URLENCODED, b"a=" + b"x" * 1000)
    await read(URLENCODED, b"a=" + b"x" * 1_000_000)
    assert [thread is threading.main_thread() for thread in seen] == [True, False]


# The content type -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/json",
        b"text/plain",
        b"multipart/mixed; boundary=b",
        b"multipart/form-datax; boundary=b",
        b"",
        b"x",
    ],
)
async def test_another_type_is_unsupported(content_type):
    assert "multipart/form-data" in await refused(415, content_type, b"a=1")


async def test_no_type_is_a_form_only_where_there_is_no_body():
    assert (await read(None)).pairs == []
    assert (await read(None, b"", b"")).pairs == []
    await refused(415, None, b"", b"a=1")


# multipart ------------------------------------------------------------------------------------------------------------


async def test_fields_and_files_come_in_the_order_sent():
    body = parts(field(b"a", b"1"), file(b"f", b"n.txt", b"data", b"Content-Type: text/x\r\n"), field(b"a", b"2"))
    form = await read(MULTIPART, body)
    [upload] = form.files()
    assert form.pairs == [("a", "1"), ("f", upload), ("a", "2")]
    assert (upload.filename, upload.content_type, upload.size) == ("n.txt", "text/x", 4)
    assert upload.headers["content-type"] == "text/x"
    assert await upload.read() == b"data"
    await form.close()


@pytest.mark.parametrize("boundary", [b'"a b"', b'"a\\"b"', b"a'b"])
async def test_the_boundary_may_be_quoted(boundary):
    plain = boundary.strip(b'"').replace(b"\\", b"")
    body = b"--" + plain + b'\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--' + plain + b"--"
    assert (await read(b"Multipart/Form-Data; Boundary=" + boundary, body)).pairs == [("x", "1")]


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b"multipart/form-data; boundary=b; boundary=c",
        b"multipart/form-data; boundary=" + b"x" * 71,
        b"multipart/form-data; boundary=\xff",
        b'multipart/form-data; boundary="b',
    ],
)
async def test_there_must_be_one_boundary(content_type):
    assert "boundary" in await refused(400, content_type, parts(field(b"a", b"1")))


async def test_a_truncated_form_is_a_bad_request():
    assert "closing boundary" in await refused(400, MULTIPART, parts(file(b"a", b"b", b"c"))[:-6])


async def test_a_file_field_in_which_nothing_was_chosen_is_missing():
    body = parts(file(b"f", b"", b"", b"Content-Type: application/octet-stream\r\n"), field(b"a", b"1"))
    assert (await read(MULTIPART, body)).pairs == [("a", "1")]


async def test_a_nameless_file_that_has_content_is_a_file():
    form = await read(MULTIPART, parts(file(b"f", b"", b"data")))
    assert (form["f"].filename, form["f"].size) == ("", 4)
    await form.close()


async def test_a_chosen_file_may_be_empty():
    form = await read(MULTIPART, parts(file(b"f", b"empty.txt", b"")))
    assert (form["f"].filename, form["f"].size) == ("empty.txt", 0)
    await form.close()


async def test_the_charset_of_a_part_is_honoured():
    body = parts(field(b"a", b"\xfc", b"Content-Type: text/plain; charset=ISO_8859-1\r\n"), field(b"b", b"\xc3\xbc"))
    assert (await read(MULTIPART, body)).pairs == [("a", "ü"), ("b", "ü")]


async def test_the_field_charset_is_the_default_of_all_parts_wherever_it_stands():
    body = parts(
        field(b"a", b"\xfc"),
        field(b"b", b"\xc3\xbc", b"Content-Type: text/plain; charset=utf-8\r\n"),
        field(b"_charset_", b"iso-8859-1"),
    )
    assert (await read(MULTIPART, body)).pairs == [("a", "ü"), ("b", "ü"), ("_charset_", "iso-8859-1")]


@pytest.mark.parametrize("charset", [b"base64", b"rot13", b"zlib", b"idna", b"unicode-escape", b"x" * 1000, b"\0", b""])
async def test_an_unknown_charset_is_a_bad_request(charset):
    body = parts(field(b"a", b"x"), field(b"_charset_", charset))
    assert "unknown charset" in await refused(400, MULTIPART, body)


@pytest.mark.parametrize("label", sorted(CHARSETS))
def test_every_charset_makes_text(label):
    assert isinstance(b"ab".decode(label), str)
    assert codecs.lookup(label).name


async def test_text_that_is_not_of_its_charset_is_a_bad_request():
    assert "not valid utf-8" in await refused(400, MULTIPART, parts(field(b"a", b"\xff")))
    body = parts(field(b"a", b"\xff", b"Content-Type: text/plain; charset=us-ascii\r\n"))
    assert "not valid us-ascii" in await refused(400, MULTIPART, body)


async def test_a_transfer_encoding_of_a_part_is_ignored():
    body = parts(field(b"a", b"YQ==", b"Content-Transfer-Encoding: base64\r\n"))
    assert (await read(MULTIPART, body)).pairs == [("a", "YQ==")]


async def test_parts_are_limited_in_number_and_plain_fields_in_size():
    limits = replace(LIMITS, form_fields=2, field_bytes=4)
    form = await read(MULTIPART, parts(field(b"a", b"1234"), file(b"f", b"x", b"123456")), limits=limits)
    assert len(form) == 2
    await form.close()
    await refused(413, MULTIPART, parts(*[field(b"a", b"1")] * 3), limits=limits)
    body = parts(field(b"a", b"12345"))
    assert "'a'" in await refused(413, MULTIPART, body, limits=limits)
    assert "'a'" in await refused(413, MULTIPART, *[body[i : i + 1] for i in range(len(body))], limits=limits)


# Files are closed -----------------------------------------------------------------------------------------------------


async def test_a_form_closes_its_files_and_twice_is_fine(temporary):
    limits = replace(LIMITS, spool=2)
    form = await read(MULTIPART, parts(file(b"a", b"x", b"12"), file(b"b", b"y", b"123")), limits=limits)
    assert [upload.on_disk for upload in form.files()] == [False, True]
    assert not temporary[0].closed
    await form.close()
    await form.close()
    assert temporary[0].closed
    assert all(upload.file.closed for upload in form.files())


@pytest.mark.parametrize(
    "rest",
    [
        b"",
        b"--b\r\nnonsense\r\n\r\n",
        parts(field(b"t", b"\xff")),
        parts(file(b"c", b"z", b"x" * 10))[:-6],
        parts(*[field(b"t", b"1")] * 10),
    ],
)
async def test_a_form_that_cannot_be_read_leaves_no_file_open(temporary, rest):
    limits = replace(LIMITS, spool=2, form_fields=8)
    body = parts(file(b"a", b"x", b"123"), file(b"b", b"y", b"123"))[:-7]

    with pytest.raises(FormError):
        await read(MULTIPART, body, rest, limits=limits)

    assert temporary
    assert all(made.closed for made in temporary)


async def test_a_body_that_breaks_off_leaves_no_file_open(temporary):
    async def broken():
        yield parts(file(b"a", b"x", b"123"), file(b"b", b"y", b"123"))[:-8]
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        await read_form(Headers([(b"content-type", MULTIPART)]), broken(), replace(LIMITS, spool=0))

    assert temporary
    assert all(made.closed for made in temporary)


async def test_a_cancelled_reader_leaves_no_file_open(temporary):
    waiting = asyncio.Event()

    async def stalled():
        yield parts(file(b"a", b"x", b"123"), file(b"b", b"y", b"x" * 300_000))[:-8]
        waiting.set()
        await asyncio.Event().wait()

    reading = asyncio.ensure_future(
        read_form(Headers([(b"content-type", MULTIPART)]), stalled(), replace(LIMITS, spool=0))
    )
    await waiting.wait()
    reading.cancel()
    await asyncio.wait((reading,))
    assert reading.cancelled()
    assert len(temporary) == 2
    assert all(made.closed for made in temporary)


# Round trip -----------------------------------------------------------------------------------------------------------


ENTRY = st.tuples(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\r\n\0"\\'), max_size=8),
    st.none()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\r\n\0"\\'), min_size=1, max_size=8),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda text: "--b" not in text),
).filter(lambda entry: entry[0] != "_charset_")


@given(st.lists(ENTRY, max_size=5), st.integers(1, 50), st.integers(0, 60))
def test_a_multipart_form_is_read_back_however_it_is_cut_and_spooled(entries, size, spool):
    body = parts(
        *(
            field(name.encode(), text.encode())
            if filename is None
            else file(name.encode(), filename.encode(), text.encode())
            for name, filename, text in entries
        )
    )

    async def run():
        pieces = [body[place : place + size] for place in range(0, len(body), size)]
        form = await read(MULTIPART, *pieces, limits=replace(LIMITS, spool=spool))
        found = []

        for name, value in form.pairs:
            if isinstance(value, UploadFile):
                found.append((name, value.filename, (await value.read()).decode()))
            else:
                found.append((name, None, value))

        await form.close()
        return found

    assert asyncio.run(run()) == entries


def test_a_form_is_a_multidict():
    assert repr(Form([("a", "1")])) == "<Form [('a', '1')]>"


# In a handler ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("default", [{}, {"default": "-"}])
async def test_a_file_where_text_is_declared_is_refused(default):
    app = App()

    @app.post("/")
    async def take(title: Annotated[str, FormField(**default)]) -> str:
        return title

    async with Client(app) as client:
        response = await client.post("/", files={"title": ("a.txt", b"x")})
        assert response.status == 422
        assert [problem["loc"] for problem in response.json()["errors"]] == [["form", "title"]]
        assert (await client.post("/", data={"title": "x"})).status == 200


async def test_files_are_closed_when_the_request_has_been_answered(temporary):
    app = App(limits=replace(LIMITS, spool=2))
    seen = []

    @app.post("/")
    async def take(doc: UploadFile) -> int:
        seen.append(doc)
        assert doc.on_disk
        return len(await doc.read())

    @app.post("/fail")
    async def fail(doc: UploadFile) -> int:
        seen.append(doc)
        raise RuntimeError("on purpose")

    async with Client(app) as client:
        assert (await client.post("/", files={"doc": ("a.txt", b"12345")})).json() == 5
        assert (await client.post("/fail", files={"doc": ("a.txt", b"12345")})).status == 500

    assert len(seen) == len(temporary) == 2
    assert all(upload.file.closed for upload in seen)
