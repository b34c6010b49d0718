"""Numbers in the digits of any alphabet."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.radix import BASE24, BASE36, BASE58, BASE62, from_radix, to_radix
from hagworm.extend.error import BadValue, LimitExceeded

ALPHABETS = {"24": BASE24, "36": BASE36, "58": BASE58, "62": BASE62, "2": "01", "words": "的一是不"}


@settings(deadline=None)
@given(number=st.integers(), width=st.integers(0, 40), alphabet=st.sampled_from(sorted(ALPHABETS)))
def test_u4_every_number_comes_back_from_every_alphabet(number: int, width: int, alphabet: str) -> None:
    digits = ALPHABETS[alphabet]
    text = to_radix(number, digits, width=width)

    assert from_radix(text, digits) == number
    assert set(text) <= {*digits, "-"}
    assert len(text) >= width


def test_u4_zero_the_sign_and_the_width_are_kept() -> None:
    assert to_radix(0, BASE24) == "B"
    assert to_radix(-1, BASE24, width=4) == "-BBBC"
    assert from_radix("-BBBC", BASE24) == -1
    assert to_radix(-0x7FFFFFFF, BASE36) == "-zik0zj"


@settings(deadline=None)
@given(st.lists(st.integers(0, 62**8 - 1)))
def test_texts_of_one_width_sort_as_their_numbers(numbers: list[int]) -> None:
    texts = [to_radix(number, width=8) for number in numbers]

    assert [from_radix(text) for text in sorted(texts)] == sorted(numbers)


def test_base_36_is_the_one_of_python() -> None:
    assert int(to_radix(10**30, BASE36), 36) == 10**30


@pytest.mark.parametrize("text", ["", "-", "a b", "１", "+1", "--1", "!"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(BadValue, match="expected"):
        from_radix(text)


@pytest.mark.parametrize("alphabet", ["", "a", "aa", "a-b", "+a"])
def test_what_is_no_alphabet_is_refused(alphabet: str) -> None:
    with pytest.raises(BadValue, match="alphabet"):
        to_radix(1, alphabet)


def test_numbers_whose_conversion_takes_too_long_are_refused() -> None:
    with pytest.raises(LimitExceeded):
        from_radix("1" * 8193)

    with pytest.raises(LimitExceeded, match="a number of 80001 bits"):
        to_radix(1 << 80_000)
