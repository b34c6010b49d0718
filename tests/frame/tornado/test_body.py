"""Laws of the decoders of request bodies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.facade.exchange import BodyError
from hagworm.frame.tornado.body import Body, BrokenBody, ChunkedBody, FixedBody


def feed_all(body: Body, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """Return the content, and what lies behind the end."""
    content, rest = b"", b""

    for piece in pieces:
        if body.done:
            rest += piece
        else:
            more, rest = body.feed(piece)
            content += more

    return content, rest


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:], strict=False)]


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=20), st.lists(st.integers(0, 300), max_size=8))
def test_a_fixed_body_is_the_same_however_it_arrives(content: bytes, behind: bytes, places: list[int]) -> None:
    body = FixedBody(len(content))

    assert feed_all(body, cut(content + behind, places)) == (content, behind)
    assert body.done
    assert body.remaining() == 0


@given(
    st.lists(st.binary(min_size=1, max_size=60), max_size=6),
    st.sampled_from([b"", b";a=b", b' ; x="y;z"']),
    st.sampled_from([b"", b"X-Late: 1\r\n", b"A: 1\r\nB: 2\r\n"]),
    st.binary(max_size=20),
    st.lists(st.integers(0, 600), max_size=12),
)
def test_a_chunked_body_is_the_same_however_it_arrives(
    chunks: list[bytes], extension: bytes, trailers: bytes, behind: bytes, places: list[int]
) -> None:
    wire = b"".join(b"%X%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    wire += b"000" + extension + b"\r\n" + trailers + b"\r\n" + behind
    body = ChunkedBody()

    assert feed_all(body, cut(wire, places)) == (b"".join(chunks), behind)
    assert body.done
    assert body.remaining() is None


def test_what_is_left_of_a_fixed_body_is_known() -> None:
    body = FixedBody(10)
    body.feed(b"1234")

    assert body.remaining() == 6
    assert not body.done


@pytest.mark.parametrize(
    "wire",
    [
        b"xyz\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1_0\r\n",
        b"1\n",
        b"1\r\nab\r\n",
        b"1\r\naXX",
        b"1\r\na\n",
        b"1\r\na\rX",
        b"1;\x00\r\n",
        b"f" * 16 + b"\r\n",
        b"1;" + b"x" * 5000,
        b"0\r\nA: 1\n\r\n",
        b"0\r\n" + b"A: 1\r\n" * 5000 + b"\r\n",
    ],
)
@pytest.mark.parametrize("one_by_one", [False, True])
def test_broken_chunks_are_refused_however_they_arrive(wire: bytes, one_by_one: bool) -> None:
    body = ChunkedBody()

    with pytest.raises(BodyError) as caught:
        for piece in [wire[at : at + 1] for at in range(len(wire))] if one_by_one else [wire]:
            body.feed(piece)

    assert caught.value.status == 400


def test_a_broken_body_says_so_before_anything_has_arrived() -> None:
    with pytest.raises(BodyError, match="no way"):
        BrokenBody(BodyError(501, "no way")).feed(b"")
