"""An exchange tells the offset to half its delay, whatever the network does; what cannot be true is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import KissOfDeath, NTPReplyError
from hagworm.extend.ntp.packet import Packet, build_request
from hagworm.extend.ntp.sample import Sample, check_reply, measure
from hagworm.extend.ntp.timestamp import NANO, from_unix_ns
from tests.ntp_server import Conduct, answer

NOW = 1_800_000_000 * NANO
ROLLOVER = 2_085_978_496 * NANO
NONCE = 0x0123_4567_89AB_CDEF
WAITS = st.integers(min_value=0, max_value=3 * NANO)
REQUEST = Packet.parse(build_request(NONCE))


@given(
    there=WAITS,
    served=WAITS,
    back=WAITS,
    offset=st.integers(min_value=-3600 * NANO, max_value=3600 * NANO),
    now=st.sampled_from([NOW, ROLLOVER, ROLLOVER - NANO, ROLLOVER + NANO]),
)
def test_the_true_offset_is_within_half_the_delay(there: int, served: int, back: int, offset: int, now: int) -> None:
    """Also while one of the two clocks has seen the era end, and the other has not."""
    receive, came = now + there + offset, now + there + served + back
    packet = Packet(
        flags=0x24, stratum=1, receive=from_unix_ns(receive), transmit=from_unix_ns(receive + served), precision=-32
    )
    sample = measure(packet, now, came)

    assert sample.delay == pytest.approx((there + back) / NANO, abs=1e-8)
    assert abs(sample.offset - offset / NANO) <= sample.delay / 2 + sample.dispersion
    assert sample.distance(came) >= sample.delay / 2
    assert sample.moment_ns == came


def test_an_offset_of_the_rfc() -> None:
    """RFC 5905, section 8: theta = ((T2 - T1) + (T3 - T4)) / 2, delta = (T4 - T1) - (T3 - T2)."""
    packet = Packet(
        flags=0x24,
        stratum=1,
        receive=from_unix_ns(NOW + 5 * NANO),
        transmit=from_unix_ns(NOW + 6 * NANO),
        precision=-20,
    )
    sample = measure(packet, NOW, NOW + 3 * NANO)

    assert (sample.offset, sample.delay) == (4.0, 2.0)


def test_a_sample_may_be_wrong_by_more_as_it_ages_and_by_what_its_server_may_be_wrong() -> None:
    sample = Sample(0.0, 0.2, 0.001, NOW, root_delay=0.1, root_dispersion=0.01)

    assert sample.distance(NOW) == pytest.approx(0.161)
    assert sample.distance(NOW + 1000 * NANO) == pytest.approx(0.161 + 0.015)
    assert sample.distance(NOW - NANO) == sample.distance(NOW)


def test_the_truth_passes() -> None:
    check_reply(answer(REQUEST, Conduct(), NOW, NOW), NONCE)


@pytest.mark.parametrize(
    ("conduct", "why"),
    [
        (Conduct(mode=3), "mode is 4, not 3"),
        (Conduct(mode=5), "mode is 4, not 5"),
        (Conduct(version=2), "version of NTP is 3 or 4, not 2"),
        (Conduct(origin="zero"), "origin"),
        (Conduct(origin="wrong"), "origin"),
        (Conduct(origin="wrong", kiss="DENY"), "origin"),
        (Conduct(leap=3), "leap indicator is 3"),
        (Conduct(stratum=16), "stratum 16"),
        (Conduct(stratum=255), "stratum 255"),
        (Conduct(timeless=True), "does not say when"),
        (Conduct(root_dispersion=16.0), "too far"),
        (Conduct(root_delay=40.0), "too far"),
    ],
    ids=str,
)
def test_x17_what_must_not_be_believed_is_refused(conduct: Conduct, why: str) -> None:
    with pytest.raises(NTPReplyError, match=why):
        check_reply(answer(REQUEST, conduct, NOW, NOW), NONCE)


def test_x17_an_origin_of_0_answers_no_request() -> None:
    with pytest.raises(NTPReplyError, match="origin"):
        check_reply(answer(REQUEST, Conduct(origin="zero"), NOW, NOW), 0)


@pytest.mark.parametrize(("kiss", "poll", "seconds"), [("DENY", 0, None), ("RATE", 10, 1024.0), ("RSTR", 120, None)])
def test_x17_stratum_0_is_a_kiss_of_death(kiss: str, poll: int, seconds: float | None) -> None:
    with pytest.raises(KissOfDeath, match=kiss) as caught:
        check_reply(answer(REQUEST, Conduct(kiss=kiss, poll=poll), NOW, NOW), NONCE)

    assert (caught.value.kiss, caught.value.poll, caught.value.code) == (kiss, seconds, "kiss")


def test_a_server_that_answers_before_it_is_asked_is_refused() -> None:
    with pytest.raises(NTPReplyError, match="1.000000000 s before it was asked"):
        measure(answer(REQUEST, Conduct(backwards=True), NOW, NOW), NOW, NOW + NANO)


def test_a_server_that_takes_longer_than_the_exchange_is_refused() -> None:
    packet = Packet(flags=0x24, stratum=1, receive=from_unix_ns(NOW), transmit=from_unix_ns(NOW + NANO), precision=-20)

    with pytest.raises(NTPReplyError, match="of 0.500000 s in all"):
        measure(packet, NOW, NOW + NANO // 2)
