"""Every occurrence of every word is found, in all the ways in which it is written, and hidden once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hagworm.extend.error import BadValue
from hagworm.extend.words import Found, TextFinder, plain_form

few = st.text("ab", max_size=30)


@given(st.lists(st.text("ab", min_size=1, max_size=5), max_size=8), few)
def test_it_finds_what_looking_everywhere_for_each_word_finds(words: list[str], text: str) -> None:
    expected = sorted(
        Found(start, start + len(word), word)
        for word in set(words)
        for start in range(len(text))
        if text.startswith(word, start)
    )
    finder = TextFinder(words, exact=True)
    assert sorted(finder.finditer(text)) == expected
    assert (text in finder) == bool(expected)


@given(st.lists(st.text("ab", min_size=1, max_size=5), max_size=8), few)
def test_every_character_of_an_occurrence_is_hidden_and_no_other(words: list[str], text: str) -> None:
    finder = TextFinder(words, exact=True)
    hidden = {place for found in finder.find(text) for place in range(found.start, found.end)}
    assert finder.replace(text) == "".join("*" if place in hidden else text[place] for place in range(len(text)))


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=3), max_size=5))
def test_what_is_hidden_is_found_no_more_and_the_rest_stays(text: str, words: list[str]) -> None:
    try:
        finder = TextFinder(words)
    except BadValue:
        return  # nothing would be left of one of the words

    replaced = finder.replace(text, "\ufffd")
    assert len(replaced) == len(text)
    assert all(new in (old, "\ufffd") for new, old in zip(replaced, text, strict=True))

    if not any("\ufffd" in word for word in words):
        assert replaced not in TextFinder(words, ignored="")


def test_those_that_end_together_come_the_longest_first() -> None:
    assert [found.word for found in TextFinder(["he", "she", "his", "hers"]).finditer("ushers")] == [
        "she",
        "he",
        "hers",
    ]


def test_those_that_overlap_are_chosen_from_the_left_and_long() -> None:
    finder = TextFinder(["ab", "abc", "cd", "d"])
    assert finder.longest("abcd") == [Found(0, 3, "abc"), Found(3, 4, "d")]
    assert finder.replace("xabcdx", "#") == "x####x"


@pytest.mark.parametrize(
    "text", ["food", "FOOD", "Ｆｏｏｄ", "f-o.o d", "f\u200bood", "fóöd", "fo\u0301od", "ＦＯ　ＯＤ"]
)
def test_a_word_is_found_in_all_the_ways_in_which_it_is_written(text: str) -> None:
    finder = TextFinder(["Food"])
    assert finder.find(f"a {text} b") == [Found(2, 2 + len(text), "Food")]
    assert finder.replace(f"a {text} b") == f"a {'*' * len(text)} b"
    assert f"a {text} b" not in TextFinder(["Food"], exact=True)


def test_other_scripts_keep_their_marks() -> None:
    assert "гора й" not in TextFinder(["горай"], ignored="")
    assert plain_form("й") == "й"
    assert plain_form("が") == "が"
    assert plain_form("각") == "각"
    assert "敏 感，词" in TextFinder(["敏感词"])
    assert TextFinder(["STRASSE"]).find("Straße") == [Found(0, 6, "STRASSE")]


def test_words_that_are_none_are_refused() -> None:
    for wrong in (["a", ""], ["-"], ["\u200b"]):
        with pytest.raises(BadValue, match="something is left"):
            TextFinder(wrong)

    with pytest.raises(BadValue, match="not a text"):
        TextFinder("text")

    assert TextFinder([]).find("anything") == []
    assert repr(TextFinder(["a", "a", "b"])) == "<TextFinder 2 words>"


def test_ten_thousand_words_are_read_at_the_speed_of_one() -> None:
    """What is counted is looks at the states, not time."""
    words = [f"word{number:05}" for number in range(10_000)]
    text = "wordword0123 word0999word09999" * 20
    finder = TextFinder(words)
    assert len(finder.automaton.edges) < sum(map(len, words))
    assert [found.word for found in finder.find(text)] == ["word09999"] * 20
