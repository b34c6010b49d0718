"""Laws of the multipart parser (rows B14 to B28 of the conformance matrix)."""

import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.multipart import PART_END, MultipartError, MultipartParser, PartBegin, PartEnd, check_boundary

NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=12)
DATA = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"-", b"--", b"b", b"\r\n--b", b"\r\n--", b"x" * 30, b"\xff"]), max_size=12
).map(b"".join)


def run(pieces, boundary=b"bound", **limits):
    """Feed `pieces`; return [(name, filename, data)]."""
    parser = MultipartParser(boundary, **limits)
    parts = []

    for piece in pieces:
        for event in parser.feed(piece):
            if isinstance(event, PartBegin):
                parts.append([event.name, event.filename, b""])
            elif isinstance(event, PartEnd):
                parts[-1] = tuple(parts[-1])
            else:
                assert event
                parts[-1][2] += event

    parser.finish()
    return parts


def outcome(pieces, **options):
    """Return what `run` returns, or the status and text of its error."""
    try:
        return run(pieces, **options)
    except MultipartError as exc:
        return exc.status, exc.detail


def part(disposition, data=b"x", extra=b""):
    return b"--bound\r\nContent-Disposition: " + disposition + b"\r\n" + extra + b"\r\n" + data + b"\r\n"


def one(disposition, data=b"x"):
    """The only part of a form with this disposition."""
    [found] = run([part(disposition, data) + b"--bound--\r\n"])
    return found


def cut(raw, places):
    ends = sorted({place % (len(raw) + 1) for place in places})
    return [raw[a:b] for a, b in zip([0, *ends], [*ends, len(raw)], strict=True)]


def quote(text):
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"')).encode()


@given(st.lists(st.tuples(NAME, st.none() | NAME, DATA), max_size=4), st.lists(st.integers(0, 2000), max_size=8))
def test_what_is_written_is_read_back_however_it_is_cut(parts, places):
    body = b"ignored" * (len(parts) % 2)
    body += b"\r\n" if body else b""

    for name, filename, data in parts:
        body += b'--bound\r\ncontent-disposition: form-data; name="'[:-1] + quote(name)
        body += b"" if filename is None else b"; filename=" + quote(filename)
        body += b"\r\nContent-Type: text/plain\r\n\r\n" + data + b"\r\n"

    body += b"--bound--ignored"
    assert run([body]) == parts
    assert run(cut(body, places)) == parts


FRAGMENTS = st.sampled_from(
    [
        b"--bound",
        b"\r\n--bound",
        b"\r\n--bound--",
        b"\r\n",
        b"\r",
        b"\n",
        b"--",
        b"-",
        b" ",
        b"x",
        b"\r\n\r\n",
        b'Content-Disposition: form-data; name="a"',
        b'Content-Disposition: form-data; name="f"; filename="g"',
        b"Content-Disposition: attachment",
        b"Content-Type: text/plain",
        b'"',
        b"\\",
        b"\xff\x00",
        b": ",
    ]
)


@given(st.lists(FRAGMENTS, max_size=20).map(b"".join), st.lists(st.integers(0, 2000), max_size=10))
def test_any_bytes_have_one_outcome_however_they_are_cut(body, places):
    whole = outcome([body])
    assert outcome(cut(body, places)) == whole
    assert outcome([body[place : place + 1] for place in range(len(body))]) == whole


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_no_bytes_raise_anything_but_the_declared_error(pieces):
    outcome(pieces)
    outcome([b"--bound\r\n", *pieces])
    outcome([b"--bound\r\nContent-Disposition: form-data;", *pieces])


@pytest.mark.parametrize("boundary", [b"", b"x" * 71, b"ends with blank ", b"\xff", b"a\nb"])
def test_a_boundary_is_1_to_70_visible_characters(boundary):
    with pytest.raises(MultipartError) as caught:
        check_boundary(boundary)

    assert caught.value.status == 400


def test_a_boundary_may_hold_what_must_be_quoted():
    body = b'--a b:c?\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n--a b:c?--'
    assert run([body], boundary=b"a b:c?") == [("x", None, b"1")]


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        (b'form-data; name="a"', "a", None),
        (b"Form-Data;NAME=a", "a", None),
        (b'form-data; name=""', "", None),
        (b'form-data; name="a"; filename="b.txt"', "a", "b.txt"),
        (b'form-data; name="a"; filename=""', "a", ""),
        (b"form-data; name=a; filename=b c.txt ; x=1", "a", "b c.txt"),
        ('form-data; name="ü"; filename="naïve.txt"'.encode(), "ü", "naïve.txt"),
        (b"form-data; name=a; filename*=UTF-8''na%C3%AFve.txt", "a", "naïve.txt"),
        (b"form-data; name=a; filename*=utf-8'en'x", "a", "x"),
        (b"form-data; name=a; filename*=iso-8859-1''%FC", "a", "ü"),
        (b"form-data; name=a; filename=\"plain\"; filename*=UTF-8''better", "a", "better"),
        (b"form-data; name=a; filename=\"plain\"; filename*=UTF-8''%FF", "a", "plain"),
        (b'form-data; name=a; filename="plain"; filename*=broken', "a", "plain"),
        (b'form-data; name="a%22b"; filename="c%0Dd"', "a%22b", "c%0Dd"),
        (rb'form-data; name="a\"b"; filename="c\\d"', 'a"b', "c\\d"),
        (rb'form-data; name="a"; filename="C:\dir\a.txt"', "a", r"C:\dir\a.txt"),
        (b'form-data; name="a"; filename="../../etc/passwd"', "a", "../../etc/passwd"),
        (b'form-data; name="a;b"; filename="c;d=e"', "a;b", "c;d=e"),
        (b'form-data; name="a";', "a", None),
    ],
)
def test_name_and_file_name_are_read_as_browsers_write_them(disposition, name, filename):
    assert one(disposition) == (name, filename, b"x")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "before its closing boundary"),
        (b"no boundary at all", "before its closing boundary"),
        (b"--bound", "before its closing boundary"),
        (b"--bound-", "before its closing boundary"),
        (b"--bound\r\n", "before its closing boundary"),
        (part(b"form-data; name=a"), "before its closing boundary"),
        (part(b"form-data; name=a") + b"--bound", "before its closing boundary"),
        (part(b"form-data; name=a") + b"--bound\r\n", "before its closing boundary"),
        (part(b"form-data; name=a", b"half")[:-4] + b"\r\n--boun", "before its closing boundary"),
        (b"--bound\nContent-Disposition: form-data; name=a\n\nx\n--bound--\n", "not followed by a line end"),
        (b"--boundary\r\n", "not followed by a line end"),
        (b"--bound \t -", "before its closing boundary"),
        (b"--bound \t --", "not followed by a line end"),
        (b"--bound\r\n\r\nx\r\n--bound--", "must have one Content-Disposition"),
        (b"--bound\r\nContent-Type: a/b\r\n\r\nx\r\n--bound--", "must have one Content-Disposition"),
        (
            b"--bound\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n",
            "must have one Content-Disposition",
        ),
        (part(b"form-data"), "has no name"),
        (part(b'form-data; filename="x"'), "has no name"),
        (part(b"attachment; name=a"), "is not form-data"),
        (part(b"form-datax; name=a"), "is not form-data"),
        (part(b"form-data name=a"), "is not form-data"),
        (part(b"form-data; name"), "Content-Disposition of a part of the form is malformed"),
        (part(b'form-data; name="a'), "Content-Disposition of a part of the form is malformed"),
        (part(b'form-data; name="a"b'), "Content-Disposition of a part of the form is malformed"),
        (part(b"form-data; name=a; name=b"), "two parameters 'name'"),
        (part(b"form-data; name=a; filename=b; FILENAME=c"), "two parameters 'filename'"),
        (part(b"form-data; name=a; filename*=UTF-8''%FF"), "filename[*] of a part of the form is malformed"),
        (part(b"form-data; name=a; filename*=koi8-r''a"), "filename[*] of a part of the form is malformed"),
        (part(b'form-data; name="\xff"'), "not valid UTF-8"),
        (part(b'form-data; name=a; filename="\xff"'), "not valid UTF-8"),
        (part(b"form-data; name=a", extra=b"X : y\r\n"), "header line"),
        (part(b"form-data; name=a", extra=b" folded\r\n"), "header line"),
        (part(b"form-data; name=a", extra=b"X: a\nb\r\n"), "header line"),
        (part(b"form-data; name=a", extra=b"X: a\0b\r\n"), "header line"),
        (part(b"form-data; name=a", extra=b"nocolon\r\n"), "header line"),
    ],
)
def test_a_malformed_form_is_a_bad_request(body, message):
    with pytest.raises(MultipartError, match=message) as caught:
        run([body])

    assert caught.value.status == 400


def test_preamble_and_epilogue_are_ignored():
    body = b"hello\r\n--boun\r\n" + part(b"form-data; name=a", b"1") + b"--bound-- \r\nbye\r\n--bound\r\nnonsense"
    assert run([body]) == [("a", None, b"1")]
    assert run([b"\r\n" + body]) == [("a", None, b"1")]


def test_an_empty_form_has_a_closing_boundary_only():
    assert run([b"--bound--\r\n"]) == []


def test_blanks_may_follow_a_boundary():
    assert run([b"--bound \t\r\n" + part(b"form-data; name=a", b"1")[9:] + b"--bound--"]) == [("a", None, b"1")]


def test_content_may_be_empty_or_left_out():
    head = b"--bound\r\nContent-Disposition: form-data; name=a\r\n"
    assert run([head + b"\r\n\r\n--bound--"]) == [("a", None, b"")]
    assert run([head + b"\r\n--bound--"]) == [("a", None, b"")]
    assert run([head + b"\r\n--bound\r\n" + head[9:] + b"\r\n--boun\r\n--bound--"]) == [
        ("a", None, b""),
        ("a", None, b"--boun"),
    ]


def test_the_headers_of_a_part_are_told():
    body = part(b"form-data; name=a", extra=b"Content-Type:  text/x  \r\nX-Y:\r\n") + b"--bound--"
    begin = MultipartParser(b"bound").feed(body)[0]
    assert begin.headers == (
        (b"content-disposition", b"form-data; name=a"),
        (b"content-type", b"text/x"),
        (b"x-y", b""),
    )
    assert begin.content_type == b"text/x"


def test_a_piece_without_a_delimiter_is_passed_on_uncopied():
    parser = MultipartParser(b"bound")
    parser.feed(part(b"form-data; name=a; filename=b", b"")[:-2] + b"x")
    piece = b"y" * 65536
    [passed] = parser.feed(piece)
    assert passed is piece
    assert parser.feed(b"\r\n--bound--") == [PART_END]


def test_parts_and_their_heads_are_limited():
    two = part(b"form-data; name=a") * 2 + b"--bound--"
    assert len(run([two], parts=2)) == 2
    assert outcome([two], parts=1) == (413, "the form has more than 1 parts")
    long = part(b"form-data; name=a", extra=b"X: " + b"y" * 100 + b"\r\n") + b"--bound--"
    assert len(run([long], header_bytes=200)) == 1
    assert outcome([long], header_bytes=100) == (413, "the head of a part of the form is over 100 bytes")
    # From the line end of the boundary to the blank line, wherever in the body the part stands.
    exact = len(b"\r\nContent-Disposition: form-data; name=a\r\nX: ") + 100
    assert len(run([two[:-9] + long], header_bytes=exact)) == 3
    assert outcome([two[:-9] + long], header_bytes=exact - 1)[0] == 413


def test_nothing_can_be_fed_after_an_error():
    parser = MultipartParser(b"bound")

    for _ in range(2):
        with pytest.raises(MultipartError):
            parser.feed(b"--boundxx")

    with pytest.raises(MultipartError):
        parser.finish()


def test_what_follows_the_end_is_ignored():
    parser = MultipartParser(b"bound")
    assert parser.feed(b"--bound--") == []
    assert parser.feed(b"--bound\r\n") == []
    parser.finish()
    assert repr(PART_END) == "PART_END"


@pytest.mark.parametrize(
    "piece",
    [b"\r", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--boun", b"-", b"x", b"\n", b"\r\n--bound", b"\r\n--bound ", b" "],
)
@pytest.mark.parametrize("size", [1, 7, 65536])
def test_time_grows_with_the_length_only_and_memory_does_not_grow(piece, size):
    heads = (b"", part(b"form-data; name=a", b"")[:-2], b"--bound ")
    total = 20_000 if size < 100 else 2_000_000
    raw = piece * (total // len(piece))

    for head in heads:
        parser = MultipartParser(b"bound")
        tracemalloc.start()
        begin = time.process_time()

        try:
            parser.feed(head)

            for place in range(0, len(raw), size):
                parser.feed(raw[place : place + size])
        except MultipartError:
            pass
        finally:
            took, peak = time.process_time() - begin, tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

        assert took < 5
        assert peak < 2_000_000
