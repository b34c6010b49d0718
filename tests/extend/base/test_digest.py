"""Digests are those of the standards, and stable hashes the same for ever."""

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.digest import (
    blake2b,
    crc32,
    file_digest,
    hmac_sha256,
    is_same,
    legacy_md5,
    legacy_sha1,
    sha256,
    sha512,
    stable_hash64,
)
from hagworm.extend.error import BadValue

PARTS = st.lists(st.text(max_size=5) | st.binary(max_size=5) | st.integers())


def test_digests_are_those_of_the_standards() -> None:
    assert sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha512(b"abc")[:16] == "ddaf35a193617aba"
    assert crc32("123456789") == 0xCBF43926
    assert crc32("6789", crc32("12345")) == 0xCBF43926
    assert legacy_md5("abc") == "900150983cd24fb0d6963f7d28e17f72"
    assert legacy_sha1("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert blake2b("abc", size=64)[:16] == "ba80a53f981c4d0d"  # RFC 7693, appendix A


def test_hmac_is_the_one_of_rfc_4231() -> None:
    """Test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert hmac_sha256("Jefe", "what do ya want for nothing?") == expected
    assert is_same(expected, expected.encode())
    assert not is_same(expected, expected[:-1])


def test_text_is_digested_as_utf_8() -> None:
    assert sha256("é") == sha256("é".encode()) == sha256(bytearray("é", "utf-8"))


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 65}, {"key": b"k" * 65}, {"person": b"p" * 17}])
def test_what_blake2_cannot_do_is_named(wrong: dict[str, object]) -> None:
    with pytest.raises(BadValue, match="1 to 64 bytes"):
        blake2b("a", **wrong)  # type: ignore[arg-type]  # that is what is refused


@settings(deadline=None)
@given(PARTS, PARTS)
def test_different_parts_have_different_hashes(left: list[str], right: list[str]) -> None:
    assert (stable_hash64(*left) == stable_hash64(*right)) == (left == right)


def test_a_stable_hash_is_the_same_for_ever() -> None:
    assert stable_hash64() == 16476032584258269876
    assert stable_hash64("order", 7, b"x") == 13433377629567494403
    assert stable_hash64("ab", "c") != stable_hash64("a", "bc")


def test_a_file_is_digested_in_pieces(tmp_path: Path) -> None:
    path, data, told = tmp_path / "file", b"x" * 600_000, []
    path.write_bytes(data)

    assert file_digest(path, progress=told.append) == hashlib.sha256(data).hexdigest()
    assert told == [262_144, 524_288, 600_000]
    assert file_digest(io.BytesIO(data), "blake2b") == hashlib.blake2b(data).hexdigest()

    with pytest.raises(BadValue, match="the name of a digest, 'sha256' for example, not 'sha257'"):
        file_digest(path, "sha257")
