"""A one-time code is taken once, and only about its time."""

import pytest

from hagworm.extend.base.codec.letters import encode_base32
from hagworm.extend.config.secret import Secret
from hagworm.extend.crypto.onetime import check_hotp, check_totp, hotp, new_otp_secret, otp_url, totp
from hagworm.extend.error import BadValue, CodeRefused, KeyRefused
from tests.extend.crypto.vectors import blocks

KEY = b"12345678901234567890"
NOW = 1_800_000_015.0


def test_r49_vectors_of_rfc_4226() -> None:
    vectors = [fields for _, fields in blocks("twofactor/rfc-4226.txt")]

    assert [hotp(fields["secret"].encode(), int(fields["counter"])) for fields in vectors] == [
        fields["hotp"] for fields in vectors
    ]
    assert len(vectors) == 10


def test_r49_vectors_of_rfc_6238() -> None:
    vectors = [fields for _, fields in blocks("twofactor/rfc-6238.txt")]

    for fields in vectors:
        name = fields["mode"].lower()
        code = totp(fields["secret"].encode(), now=int(fields["time"]), digits=8, algorithm=name)  # type: ignore[arg-type]  # text

        assert code == fields["totp"]

    assert len(vectors) == 18


@pytest.mark.parametrize("late", [-30, 0, 30])
def test_a_code_is_taken_about_its_time(late: int) -> None:
    assert check_totp(KEY, totp(KEY, now=NOW), now=NOW + late) == NOW // 30


@pytest.mark.parametrize("late", [-61, 60, 3600])
def test_a_code_is_not_taken_at_another_time(late: int) -> None:
    with pytest.raises(CodeRefused):
        check_totp(KEY, totp(KEY, now=NOW), now=NOW + late)


def test_a_code_is_taken_once() -> None:
    code = totp(KEY, now=NOW)
    last = check_totp(KEY, code, now=NOW)

    for late in (-30, 0, 30):
        with pytest.raises(CodeRefused):
            check_totp(KEY, code, now=NOW + late, last=last)

    assert check_totp(KEY, totp(KEY, now=NOW + 30), now=NOW, last=last) == last + 1


def test_the_counter_goes_on_after_the_code() -> None:
    assert check_hotp(KEY, hotp(KEY, 3), 3) == 4
    assert check_hotp(KEY, hotp(KEY, 8), 3) == 9

    for counter in (2, 9):
        with pytest.raises(CodeRefused):
            check_hotp(KEY, hotp(KEY, counter), 3)


@pytest.mark.parametrize(
    "code", ["", "000000", "75522", "7552244", " 755224", "７５５２２４", "\ud800", "abcdef"], ids=ascii
)
def test_what_is_no_code_is_refused(code: str) -> None:
    with pytest.raises(CodeRefused):
        check_hotp(KEY, code, 0)


def test_a_secret_is_bytes_or_base32() -> None:
    text = new_otp_secret()

    assert len(text) == 32
    assert hotp(text, 1) == hotp(Secret(text), 1) == hotp(f"{text[:4]} {text[4:].lower()}", 1)
    assert hotp(encode_base32(KEY), 1) == hotp(KEY, 1)

    for wrong in (b"short", "canary!", "JBSWY3DP"):
        with pytest.raises(KeyRefused) as caught:
            hotp(wrong, 1)

        assert "canary" not in str(caught.value)


def test_the_url_is_what_telephones_read() -> None:
    assert otp_url(KEY, "ada@example.com", "My shop") == (
        "otpauth://totp/My%20shop:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=My%20shop"
        "&algorithm=SHA1&digits=6&period=30"
    )

    with pytest.raises(BadValue, match="colon"):
        otp_url(KEY, "a:b", "shop")


def test_numbers_that_cannot_be_are_refused() -> None:
    for digits in (5, 11):
        with pytest.raises(BadValue, match="digits"):
            hotp(KEY, 1, digits=digits)

    for counter in (-1, 1 << 64):
        with pytest.raises(BadValue, match="counter"):
            hotp(KEY, counter)

    with pytest.raises(BadValue, match="window"):
        check_hotp(KEY, "000000", 0, window=101)

    with pytest.raises(BadValue, match="period"):
        totp(KEY, period=0)

    with pytest.raises(BadValue, match="md5"):
        hotp(KEY, 1, algorithm="md5")  # type: ignore[arg-type]  # on purpose
