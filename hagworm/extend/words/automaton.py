"""Many words looked for in one pass over a text (Aho and Corasick, Efficient string matching, 1975)."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ("Automaton", "Hit")


class Hit(NamedTuple):
    """A word that was found: where it ends, and how long it is, in characters of what was looked through."""

    end: int
    length: int
    number: int
    """Which of the words it is, counted from 0."""


class Automaton:
    """Words as states: reading one character costs one look, however many words there are.

    Of each state is kept where each character leads, the longest other beginning of a word that ends here, and the
    nearest state on that way at which a word ends.
    """

    __slots__ = ("edges", "ending", "fallback", "shorter")

    def __init__(self, words: Iterable[str]) -> None:
        self.edges: list[dict[str, int]] = [{}]
        self.ending: dict[int, tuple[int, int]] = {}

        for number, word in enumerate(words):
            self.ending.setdefault(self.grow(word), (len(word), number))

        self.fallback = [0] * len(self.edges)
        self.shorter = [0] * len(self.edges)
        self.link()

    def grow(self, word: str) -> int:
        state = 0

        for character in word:
            following = self.edges[state].get(character)

            if following is None:
                following = self.edges[state][character] = len(self.edges)
                self.edges.append({})

            state = following

        return state

    def link(self) -> None:
        """Find for each state, the near ones first, where to go on when no word continues."""
        waiting = deque(self.edges[0].values())

        while waiting:
            state = waiting.popleft()

            for character, following in self.edges[state].items():
                other = self.fallback[state]

                while other and character not in self.edges[other]:
                    other = self.fallback[other]

                found = self.edges[other].get(character, 0)
                self.fallback[following] = found
                self.shorter[following] = found if found in self.ending else self.shorter[found]
                waiting.append(following)

    def hits(self, text: Iterable[str]) -> Iterator[Hit]:
        """Iterate over every occurrence of every word, those too that overlap or lie in another, by their ends; of
        those that end in the same place, the longest first."""
        edges, ending, fallback, shorter = self.edges, self.ending, self.fallback, self.shorter
        state = 0

        for index, character in enumerate(text, 1):
            while (following := edges[state].get(character)) is None and state:
                state = fallback[state]

            state = following or 0
            found = state if state in ending else shorter[state]

            while found:
                yield Hit(index, *ending[found])
                found = shorter[found]
