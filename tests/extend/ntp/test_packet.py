"""What is built is read again; what is no packet is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import NTPReplyError
from hagworm.extend.ntp.packet import ORIGIN, Packet, build_request

BYTE = st.integers(min_value=0, max_value=255)
SIGNED = st.integers(min_value=-128, max_value=127)
WORD = st.integers(min_value=0, max_value=(1 << 32) - 1)
STAMP = st.integers(min_value=0, max_value=(1 << 64) - 1)
PACKETS = st.builds(
    Packet, BYTE, BYTE, SIGNED, SIGNED, WORD, WORD, st.binary(min_size=4, max_size=4), STAMP, STAMP, STAMP, STAMP
)


@given(PACKETS)
def test_what_is_built_is_read_again(packet: Packet) -> None:
    assert Packet.parse(packet.build()) == packet
    assert len(packet.build()) == 48
    assert packet.build()[ORIGIN] == packet.origin.to_bytes(8, "big")


@given(st.binary(max_size=2000))
def test_bytes_from_elsewhere_are_a_packet_or_refused(data: bytes) -> None:
    if 48 <= len(data) <= 1024 and len(data) % 4 == 0:
        assert Packet.parse(data).build() == data[:48]
    else:
        with pytest.raises(NTPReplyError, match=f"not {len(data)}$"):
            Packet.parse(data)


def test_the_fields_of_a_real_answer() -> None:
    """As chrony sends it, with stratum 8 and its local reference."""
    packet = Packet.parse(
        bytes.fromhex("240806e80001000000008000" + "7f7f0101" + "ed00000000000000" * 2 + "ed00000080000000" * 2)
    )

    assert (packet.leap, packet.version, packet.mode, packet.stratum) == (0, 4, 4, 8)
    assert (packet.poll, packet.precision) == (6, -24)
    assert (packet.root_delay, packet.root_dispersion) == (1.0, 0.5)
    assert packet.reference_id == b"\x7f\x7f\x01\x01"
    assert packet.receive == 0xED00_0000_8000_0000
    assert packet.kiss == ""


def test_a_request_tells_nothing_of_its_sender() -> None:
    packet = Packet.parse(build_request(0x0123_4567_89AB_CDEF))

    assert packet == Packet(flags=0b00_100_011, stratum=0, transmit=0x0123_4567_89AB_CDEF)
    assert Packet.parse(build_request(1, version=3)).version == 3


@pytest.mark.parametrize("nonce", [0, -1, 1 << 64])
def test_a_nonce_has_64_bits_and_is_not_0(nonce: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        build_request(nonce)


def test_x17_version_2_is_refused() -> None:
    with pytest.raises(ValueError, match="3 or 4, not 2"):
        build_request(1, version=2)


@pytest.mark.parametrize(
    ("reference", "kiss"), [(b"RATE", "RATE"), (b"DENY", "DENY"), (b"X\x00\x00\x00", "X"), (b"\n\x7f\xff!", "???!")]
)
def test_a_kiss_can_be_printed_whatever_it_is(reference: bytes, kiss: str) -> None:
    assert Packet(flags=0, stratum=0, reference_id=reference).kiss == kiss
    assert Packet(flags=0, stratum=1, reference_id=reference).kiss == ""
