"""Check digits find every wrong digit and every two that have changed places."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.checkdigit import (
    IBAN_LENGTHS,
    is_bank_card,
    is_credit_code,
    is_iban,
    is_identity_card,
    is_isbn,
    is_luhn,
    iso7064_mod11_2,
    iso7064_mod97_10,
    luhn_digit,
    parse_bank_card,
    parse_credit_code,
    parse_iban,
    parse_identity_card,
    parse_isbn,
)
from hagworm.extend.error import BadValue

DIGITS = st.text(st.sampled_from("0123456789"), min_size=1, max_size=30)


@settings(deadline=None)
@given(DIGITS)
def test_luhn_finds_every_wrong_digit(payload: str) -> None:
    number = payload + luhn_digit(payload)
    assert is_luhn(number)

    for index, digit in enumerate(number):
        assert not is_luhn(number[:index] + str((int(digit) + 1) % 10) + number[index + 1 :])


@settings(deadline=None)
@given(DIGITS)
def test_mod_11_2_finds_every_wrong_digit_and_every_swap(payload: str) -> None:
    character = iso7064_mod11_2(payload)

    for index in range(len(payload)):
        other = payload[:index] + str((int(payload[index]) + 1) % 10) + payload[index + 1 :]
        assert iso7064_mod11_2(other) != character

        if index and payload[index] != payload[index - 1]:
            swapped = payload[: index - 1] + payload[index] + payload[index - 1] + payload[index + 1 :]
            assert iso7064_mod11_2(swapped) != character


def test_examples_of_the_standards() -> None:
    assert luhn_digit("7992739871") == "3"  # ISO/IEC 7812-1
    assert iso7064_mod11_2("0794") == "0"  # ISO/IEC 7064
    assert iso7064_mod97_10("794") == "44"  # ISO/IEC 7064
    assert iso7064_mod11_2("11010519491231002") == "X"  # GB 11643


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1111", "5500-0055-5555-5559", "6222021234567890128", "378282246310005"]
)
def test_cards_are_known(text: str) -> None:
    assert is_luhn(parse_bank_card(text))


@pytest.mark.parametrize("text", ["", "4111111111111112", "x" * 16, "１" * 16, "0", "4" * 20, "41111111111a1111"])
def test_what_is_no_card_is_refused_without_its_number(text: str) -> None:
    assert not is_bank_card(text)

    with pytest.raises(BadValue) as refused:
        parse_bank_card(text)

    assert len(text) < 2 or text not in str(refused.value)


def test_an_identity_says_what_it_says() -> None:
    card = parse_identity_card(" 11010519491231002x ")

    assert (card.region, card.birthday, card.gender) == ("110105", date(1949, 12, 31), "female")
    assert card.number == "11010519491231002X"
    assert repr(card) == "<IdentityCard 110105************>"
    assert parse_identity_card("110105491231002").number == card.number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "11010519491231002Y",
        "110105194912310021",
        "99010519491231002X",
        "11010519490231002X",
        "1101051949123100",
        "１1010519491231002X",
        "abcdefghijklmnopqr",
        "11010519491231 02X",
    ],
)
def test_what_is_no_identity_is_refused_letters_included(text: str) -> None:
    assert not is_identity_card(text)

    with pytest.raises(BadValue, match="identity card"):
        parse_identity_card(text)


def test_credit_codes() -> None:
    assert parse_credit_code("91350100m000100y43") == "91350100M000100Y43"  # GB 32100-2015, appendix
    assert not is_credit_code("91350100M000100Y44")
    assert not is_credit_code("91350100I000100Y43")
    assert not is_credit_code("")


def test_accounts() -> None:
    assert parse_iban("gb82 west 1234 5698 7654 32") == "GB82WEST12345698765432"
    assert is_iban("DE89370400440532013000")
    assert is_iban("NO9386011117947")
    assert len(IBAN_LENGTHS) > 80

    for wrong in (
        "",
        "DE89370400440532013001",
        "DE8937040044053201300",
        "XX89370400440532013000",
        "DE8937040044053201300é",
    ):
        assert not is_iban(wrong)


@settings(deadline=None)
@given(st.text(st.sampled_from("0123456789ABCXYZ"), min_size=18, max_size=18))
def test_an_account_with_its_check_digits_is_one(account: str) -> None:
    assert is_iban(f"GB{iso7064_mod97_10(f'{account}GB')}{account}")


def test_books() -> None:
    assert parse_isbn("0-306-40615-2") == parse_isbn("978-0-306-40615-7") == "9780306406157"
    assert parse_isbn("080442957X") == "9780804429573"

    for wrong in ("", "0306406153", "9780306406158", "9770306406157", "03064o6152", "X306406152"):
        assert not is_isbn(wrong)


@settings(deadline=None)
@given(st.text())
def test_no_text_makes_a_question_fail(text: str) -> None:
    for ask in (is_bank_card, is_credit_code, is_iban, is_identity_card, is_isbn, is_luhn):
        assert ask(text) in (True, False)


@pytest.mark.parametrize("function", [luhn_digit, iso7064_mod11_2, iso7064_mod97_10])
def test_what_has_no_check_digit_is_refused(function: object) -> None:
    with pytest.raises(BadValue):
        function("a b")  # type: ignore[operator]  # one of three functions
