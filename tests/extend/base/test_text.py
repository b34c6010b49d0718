"""Widths are those of a terminal, cuts fall between characters, and full-width forms change nothing but their width."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.extend.base.text import clusters, cut_width, display_width, pad_width, to_fullwidth, to_halfwidth
from hagworm.extend.error import BadValue

FAMILY = "👨\u200d👩\u200d👧"
PIECES = st.sampled_from(
    ["a", "中", "é", "e\u0301", FAMILY, "🇨🇳", "👍🏽", "한", "\u1112\u1161\u11ab", "❤\ufe0f", "\n", " ", "1\ufe0f\u20e3"]
)
TEXTS = st.lists(PIECES).map("".join) | st.text()


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("中文", 4),
        ("ｱ", 1),
        ("Ａ", 2),
        ("e\u0301", 1),
        (FAMILY, 2),
        ("🇨🇳🇨🇳", 4),
        ("👍🏽", 2),
        ("한", 2),
        ("\u1112\u1161\u11ab", 2),
        ("❤\ufe0f", 2),
        ("❤", 1),
        ("1\ufe0f\u20e3", 1),
        ("a\tb\n", 2),
        ("\u200b", 0),
        ("🇨", 1),
    ],
    ids=ascii,
)
def test_widths(text: str, width: int) -> None:
    assert display_width(text) == width


@settings(deadline=None)
@given(TEXTS)
def test_clusters_lose_nothing(text: str) -> None:
    assert "".join(clusters(text)) == text
    assert all(clusters(text))


@settings(deadline=None)
@given(st.lists(PIECES))
def test_the_width_of_separate_characters_is_the_sum(pieces: list[str]) -> None:
    assert display_width(" ".join(pieces)) == sum(map(display_width, pieces)) + max(0, len(pieces) - 1)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 30))
def test_a_cut_fits_and_is_as_long_as_can_be(text: str, width: int) -> None:
    cut = cut_width(text, width)

    assert display_width(cut) <= width
    assert text.startswith(cut)
    assert display_width(cut_width(text, width, end="…")) <= width

    if cut != text:
        following = next(cluster for index, cluster in enumerate(clusters(text)) if index == len(list(clusters(cut))))
        assert display_width(cut) + display_width(following) > width


def test_a_cut_never_falls_into_a_character() -> None:
    assert cut_width("a中文", 2) == "a"
    assert cut_width("a中文", 4, end="…") == "a中…"
    assert cut_width(f"{FAMILY}{FAMILY}", 3) == FAMILY
    assert cut_width("e\u0301e\u0301", 1) == "e\u0301"

    with pytest.raises(BadValue, match="a width of at least 2 columns, not 1"):
        cut_width("中文", 1, end="……"[:1] * 2)


@settings(deadline=None)
@given(st.text(), st.integers(0, 40))
def test_padding_fills_up_and_never_cuts(text: str, width: int) -> None:
    left, right = pad_width(text, width), pad_width(text, width, right=True)

    assert left.startswith(text)
    assert right.endswith(text)
    assert display_width(left) >= max(width, 0)

    with pytest.raises(BadValue, match="one column"):
        pad_width("a", 5, fill="中")


def test_u10_a_dot_in_full_width_is_no_full_stop_so_that_numbers_stay_numbers() -> None:
    assert to_fullwidth("3.14 %") == "３．１４　％"
    assert to_halfwidth("３．１４。") == "3.14。"


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_u10_full_width_and_back_is_the_same(text: str) -> None:
    assert to_halfwidth(to_fullwidth(text)) == text
    assert display_width(to_fullwidth(text)) == 2 * len(text)
