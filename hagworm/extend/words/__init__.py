"""Words that are looked for in texts."""

from hagworm.extend.words.automaton import Automaton, Hit
from hagworm.extend.words.finder import Found, TextFinder
from hagworm.extend.words.reading import plain_form

__all__ = ("Automaton", "Found", "Hit", "TextFinder", "plain_form")
