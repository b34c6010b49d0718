"""Frames come out as they went in, however the stream is cut; what is no frame is said to be none."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import FrameError
from hagworm.extend.net.framing import Decoder, Delimited, Framing, LengthPrefixed, MagicLength, VarintPrefixed

FRAMINGS: dict[str, Framing] = {
    "length 1": LengthPrefixed(1, 255),
    "length 2": LengthPrefixed(2, 1000),
    "length 4": LengthPrefixed(),
    "length 8": LengthPrefixed(8),
    "lines": Delimited(),
    "two": Delimited(b"\r\n"),
    "magic": MagicLength(b"HW"),
    "resync": MagicLength(b"HW", resync=True),
    "varint": VarintPrefixed(),
}


def cut_into(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(bounds)]


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
@given(payloads=st.lists(st.binary(max_size=200), max_size=6), places=st.lists(st.integers(0, 2000), max_size=8))
def test_frames_come_out_as_they_went_in_wherever_the_stream_is_cut(
    framing: Framing, payloads: list[bytes], places: list[int]
) -> None:
    if isinstance(framing, Delimited):
        payloads = [payload.replace(b"\n", b"").replace(b"\r", b"") for payload in payloads]

    decoder = Decoder(framing)
    stream = b"".join(map(framing.encode, payloads))
    assert [frame for piece in cut_into(stream, places) for frame in decoder.feed(piece)] == payloads
    assert decoder.pending == 0 and decoder.skipped == 0


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
@given(data=st.binary(max_size=300))
def test_whatever_comes_is_frames_or_an_error(framing: Framing, data: bytes) -> None:
    whole, trickle = Decoder(framing), Decoder(framing)
    outcomes = []

    for decoder, pieces in ((whole, [data]), (trickle, [data[place : place + 1] for place in range(len(data))])):
        frames: list[bytes] = []

        try:
            for piece in pieces:
                frames += decoder.feed(piece)
        except FrameError:
            outcomes.append(None)
        else:
            outcomes.append((frames, decoder.pending))

    if None not in outcomes:
        assert outcomes[0] == outcomes[1]


LIMITED: dict[str, Framing] = {
    "length": LengthPrefixed(max_size=10),
    "lines": Delimited(max_size=10),
    "magic": MagicLength(b"HW", max_size=10),
    "varint": VarintPrefixed(max_size=10),
}


@pytest.mark.parametrize("framing", LIMITED.values(), ids=LIMITED)
def test_a_frame_that_is_too_long_is_refused_before_it_is_there(framing: Framing) -> None:
    with pytest.raises(FrameError, match="longer than 10"):
        framing.encode(b"x" * 11)

    head = {"lines": b"x" * 12, "magic": b"HW\0\0\0\x0b", "length": b"\0\0\0\x0b", "varint": b"\x0b"}
    data = next(head[name] for name in LIMITED if LIMITED[name] is framing)

    with pytest.raises(FrameError, match="longer than 10"):
        Decoder(framing).feed(data)

    assert Decoder(framing).feed(framing.encode(b"x" * 10)) == [b"x" * 10]


def test_a_payload_with_the_delimiter_is_not_sent() -> None:
    for framing, payload in ((Delimited(), b"a\nb"), (Delimited(b"\r\n"), b"a\r\nb"), (Delimited(b"aa"), b"ba")):
        with pytest.raises(FrameError, match="delimiter"):
            framing.encode(payload)


@given(st.lists(st.binary(max_size=30), max_size=4), st.lists(st.binary(max_size=20), min_size=4, max_size=4))
def test_a_stream_that_has_lost_bytes_is_read_again_from_the_next_magic(
    payloads: list[bytes], noises: list[bytes]
) -> None:
    framing = MagicLength(b"\xf0HW", resync=True, max_size=1000)
    noises = [noise.replace(b"\xf0", b"") for noise in noises]
    stream = b"".join(noise + framing.encode(payload) for noise, payload in zip(noises, payloads, strict=False))
    decoder = Decoder(framing)
    assert decoder.feed(stream) == payloads
    assert decoder.skipped == sum(len(noise) for noise, _ in zip(noises, payloads, strict=False))


def test_a_length_that_cannot_be_is_noise_where_the_stream_may_be_broken() -> None:
    framing = MagicLength(b"HW", resync=True, max_size=100)
    assert Decoder(framing).feed(b"HW\xff\xff\xff\xff" + framing.encode(b"x")) == [b"x"]

    with pytest.raises(FrameError, match="does not begin"):
        Decoder(MagicLength(b"HW")).feed(b"SS")


@pytest.mark.parametrize("data", [b"\x80\x00", b"\x81\x80\x00", b"\xff" * 10], ids=["zero", "one", "no end"])
def test_a_number_has_one_form(data: bytes) -> None:
    with pytest.raises(FrameError):
        Decoder(VarintPrefixed()).feed(data)


def test_r09_a_trickle_costs_as_much_as_a_stream() -> None:
    """What has been looked through in vain is not looked through again."""

    class Counting(bytearray):
        looked = 0

        def find(self, what: bytes, start: int = 0) -> int:  # type: ignore[override]  # as it is called
            Counting.looked += len(self) - start
            return super().find(what, start)

    decoder = Decoder(Delimited(max_size=100_000))
    decoder.buffer = Counting()

    for _ in range(5000):
        decoder.feed(b"xxxxxxxxxx")

    assert Counting.looked < 2 * 50_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: LengthPrefixed(3),
        lambda: LengthPrefixed(1, 256),
        lambda: Delimited(b""),
        lambda: MagicLength(b""),
        lambda: LengthPrefixed(4, 0),
    ],
    ids=["width", "max_size", "delimiter", "magic", "nothing"],
)
def test_a_framing_that_makes_no_sense_is_refused(make: object) -> None:
    with pytest.raises(ValueError):
        make()  # type: ignore[operator]  # one of those above
