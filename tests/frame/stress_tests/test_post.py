"""Laws of the post: whatever the link loses, doubles or reorders, each message arrives once, in order."""

from collections import deque
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.error import FrameError
from hagworm.frame.stress_tests.peer import BEAT, SILENCE, Peer
from hagworm.frame.stress_tests.post import PART, RESEND, WINDOW, Post

SIZES = st.sampled_from([0, 1, PART - 1, PART, PART + 1, 3 * PART, (WINDOW + 3) * PART])


@settings(max_examples=60, deadline=None)
@given(sizes=st.lists(SIZES, max_size=5), seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.4]))
def test_each_message_arrives_once_and_in_order(sizes: list[int], seed: int, loss: float) -> None:
    random = Random(seed)
    messages = [bytes([number]) * size for number, size in enumerate(sizes)]
    sender, receiver = Post(), Post()
    found = []
    now = 0.0

    for message in messages:
        sender.put(message)

    while not sender.idle:
        pieces = [
            piece for piece in sender.due(now) for _ in range(random.choice([1, 1, 2])) if random.random() >= loss
        ]

        if loss and random.random() < 0.3:
            random.shuffle(pieces)

        found += [whole for piece in pieces if (whole := receiver.take(piece)) is not None]

        if random.random() >= loss:
            sender.acknowledge(receiver.received, now)

        now += RESEND / 2

    assert found == messages
    assert not receiver.parts


def test_no_more_than_a_window_is_under_way() -> None:
    post = Post()
    post.put(bytes(PART * (WINDOW + 5)))

    assert len(post.due(0.0)) == WINDOW
    assert post.due(0.0) == []

    post.acknowledge(3, 0.1)

    assert len(post.due(0.1)) == 3
    assert len(post.due(0.1 + RESEND)) == WINDOW


@pytest.mark.parametrize("piece", [b"", b"x", b"12345678"])
def test_what_is_no_piece_is_refused(piece: bytes) -> None:
    with pytest.raises(FrameError):
        Post().take(piece)


def test_what_was_never_sent_cannot_be_acknowledged() -> None:
    post = Post()
    post.put(b"one")
    post.due(0.0)

    with pytest.raises(FrameError, match="never been sent"):
        post.acknowledge(2, 0.0)


@settings(max_examples=60, deadline=None)
@given(offset=st.floats(-1e6, 1e6), ways=st.lists(st.tuples(st.floats(1e-5, 0.2), st.floats(1e-5, 0.2)), min_size=1))
def test_a_clock_is_never_further_off_than_is_said(offset: float, ways: list[tuple[float, float]]) -> None:
    """Each exchange takes its own time there and back; both ends have clocks of their own."""
    there: deque[bytes] = deque()
    back: deque[bytes] = deque()
    ours, theirs = Peer(there.append, 0.0), Peer(back.append, offset)
    now = 1.0

    for forth, home in ways:
        ours.pulse(now, ask=True)
        now += forth
        theirs.take(there.popleft(), now + offset)
        now += home
        ours.take(back.popleft(), now)

    measured, error = ours.clock(now)

    assert abs(measured - offset) <= error + 1e-6


def test_who_is_not_heard_is_silent_and_who_lives_is_heard() -> None:
    there: deque[bytes] = deque()
    ours, theirs = Peer(there.append, 0.0), Peer(lambda frame: None, 0.0)
    now = 0.0

    while now < 2 * SILENCE:
        now += BEAT / 2
        ours.tick(now)

        while there:
            theirs.take(there.popleft(), now)

        assert not theirs.is_silent(now)

    assert theirs.is_silent(now + SILENCE + BEAT)


@pytest.mark.parametrize("frame", [b"", b"X", b"P", b"B123", b"P" + bytes(8) + b"\1" + b"x"], ids=repr)
def test_what_is_no_frame_is_refused(frame: bytes) -> None:
    peer = Peer(lambda content: None, 0.0)

    if frame[9:10] == b"\1":
        # A piece that has come before is not read again.
        assert peer.take(frame, 0.0) is None
    else:
        with pytest.raises(FrameError):
            peer.take(frame, 0.0)


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"kind": 1}', b"\xff"], ids=repr)
def test_what_is_no_message_is_refused(text: bytes) -> None:
    post = Post()
    post.put(text)
    (piece,) = post.due(0.0)

    with pytest.raises(FrameError):
        Peer(lambda content: None, 0.0).take(b"P" + piece, 0.0)
