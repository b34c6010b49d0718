"""Finds words in texts, however many they are and however they are written."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hagworm.extend.error import BadValue
from hagworm.extend.words.automaton import Automaton
from hagworm.extend.words.reading import read

__all__ = ("Found", "TextFinder")

SEPARATORS = " \t\n\r\u3000.,;:!?-_*/\\|~'\"·…、。，；：！？"


class Found(NamedTuple):
    """An occurrence of a word: `text[start:end]`, which may be written in another way."""

    start: int
    end: int
    word: str


class TextFinder:
    """Any number of words, sensitive ones for example, found in one pass over a text.

        finder = TextFinder(["foo", "food"])
        finder.replace("some Ｆo-ods")  # 'some ****s'

    Case, width and the accents of Latin letters do not matter, nor do characters of `ignored` in between; `exact`
    compares character by character. It may be used by many threads, and does not change: for other words make another.
    """

    __slots__ = ("automaton", "exact", "ignored", "words")

    def __init__(self, words: Iterable[str], *, exact: bool = False, ignored: str = SEPARATORS) -> None:
        if isinstance(words, str):
            raise BadValue("an iterable of words, not a text", words)

        self.exact = exact
        self.ignored = frozenset() if exact else frozenset(ignored)
        self.words = tuple(dict.fromkeys(words))
        forms = [self.read(word)[0] for word in self.words]

        for word, form in zip(self.words, forms, strict=True):
            if not form:
                raise BadValue("a word of which something is left when what is ignored is taken away", word)

        self.automaton = Automaton(forms)

    def __repr__(self) -> str:
        return f"<TextFinder {len(self.words)} words>"

    def __len__(self) -> int:
        return len(self.words)

    def read(self, text: str) -> tuple[str, range | list[int]]:
        return (text, range(len(text))) if self.exact else read(text, self.ignored)

    def __contains__(self, text: str) -> bool:
        """Whether any of the words is in `text`."""
        return next(self.finditer(text), None) is not None

    def finditer(self, text: str) -> Iterator[Found]:
        """Iterate over every occurrence of every word, by their ends, those too that overlap or lie in another."""
        form, places = self.read(text)

        for end, length, number in self.automaton.hits(form):
            yield Found(places[end - length], places[end - 1] + 1, self.words[number])

    def find(self, text: str) -> list[Found]:
        """Return every occurrence of every word, as `finditer` gives them."""
        return list(self.finditer(text))

    def longest(self, text: str) -> list[Found]:
        """Return occurrences that do not overlap: from the left, and of those that begin together the longest."""
        chosen: list[Found] = []
        free = 0

        for found in sorted(self.finditer(text), key=lambda found: (found.start, -found.end)):
            if found.start >= free:
                chosen.append(found)
                free = found.end

        return chosen

    def replace(self, text: str, mask: str = "*") -> str:
        """Return `text` with each character of each occurrence replaced by `mask`; what overlaps is replaced once."""
        hidden = sorted((found.start, found.end) for found in self.finditer(text))
        parts: list[str] = []
        done = 0

        for start, end in hidden:
            if end > done:
                parts += text[done:start], mask * (end - max(start, done))
                done = end

        return "".join((*parts, text[done:]))
