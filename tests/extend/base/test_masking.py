"""What is masked cannot be read, and what is nobody's is not masked."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.checkdigit import iso7064_mod11_2, luhn_digit
from hagworm.extend.base.masking import mask, mask_card, mask_email, mask_identity, mask_name, mask_phone, redact
from hagworm.extend.error import BadValue

PAYLOADS = st.text(st.sampled_from("0123456789"), min_size=14, max_size=17).map(lambda text: f"4{text}")


def test_masks() -> None:
    assert mask_phone("13812345678") == "138****5678"
    assert mask_phone("+86 138 1234 5678") == "+86 1** **** 5678"
    assert mask_phone("110") == "***"
    assert mask_card("4111-1111-1111-1111") == "****-****-****-1111"
    assert mask_identity("11010519491231002X") == "11***************X"
    assert mask_email("joe.bloggs@example.com") == "j***@example.com"
    assert mask_email("j@example.com") == "***@example.com"
    assert mask_email("nobody") == "******"
    assert mask_name("张三丰") == "张**"
    assert mask_name("张") == "*"


@settings(deadline=None)
@given(st.text(), st.integers(0, 20), st.integers(0, 20))
def test_at_least_half_is_hidden_and_the_length_stays(text: str, start: int, end: int) -> None:
    masked = mask(text, start, end, character="•")

    assert len(masked) == len(text)
    assert 2 * sum(left == right for left, right in zip(text, masked, strict=True) if right != "•") <= len(text)


def test_a_negative_number_of_characters_is_refused() -> None:
    with pytest.raises(BadValue, match="0 or more"):
        mask("secret", -1)


@settings(deadline=None)
@given(PAYLOADS)
def test_no_card_survives_in_text(payload: str) -> None:
    number = payload + luhn_digit(payload)
    spaced = " ".join(number[index : index + 4] for index in range(0, len(number), 4))

    for text in (number, spaced):
        assert number[:-4] not in redact(f"paid with {text}, thanks").replace(" ", "")


def test_personal_data_in_text_is_masked_and_other_numbers_are_not() -> None:
    text = (
        "call 13812345678 or +86-138-1234-5678, joe.b@x.com, card 4111 1111 1111 1111, id 11010519491231002x, "
        "order 1234567890123, at 2024-05-01 12:30:00"
    )

    assert redact(text) == (
        "call *******5678 or +**-***-****-5678, j***@x.com, card **** **** **** 1111, id 11***************x, "
        "order 1234567890123, at 2024-05-01 12:30:00"
    )
    body = "11010519800101123"
    assert body not in redact(f"id={body}{iso7064_mod11_2(body)};")


@settings(deadline=None)
@given(st.text(st.sampled_from("ab@. ")))
def test_text_without_numbers_and_addresses_stays(text: str) -> None:
    if "@" not in text:
        assert redact(text) == text


def test_text_that_is_made_to_take_long_does_not() -> None:
    for text in ("a" * 100_000 + "@", "a@" + "a." * 50_000, "1 " * 100_000, "a@" * 50_000):
        redact(text)
