"""Texts that stand for many topics."""

from collections.abc import Hashable

__all__ = ("is_pattern", "matches")


def is_pattern(topic: Hashable) -> bool:
    """Whether `topic` stands for many: a text of which one part between dots is `*` or `**`."""
    return isinstance(topic, str) and "*" in topic and any(part in ("*", "**") for part in topic.split("."))


def matches(pattern: str, topic: Hashable) -> bool:
    """Whether `pattern` stands for `topic`: `*` for one part between dots, `**` for any number of them, none too."""
    return isinstance(topic, str) and fits(pattern.split("."), topic.split("."))


def fits(pattern: list[str], parts: list[str]) -> bool:
    # Where the last `**` stood, and how much it has taken: another one takes over, so this is no search of a tree.
    at = part = 0
    star = taken = -1

    while part < len(parts):
        if at < len(pattern) and pattern[at] == "**":
            star, taken = at, part
            at += 1
        elif at < len(pattern) and pattern[at] in ("*", parts[part]):
            at += 1
            part += 1
        elif star >= 0:
            taken += 1
            at, part = star + 1, taken
        else:
            return False

    return all(rest == "**" for rest in pattern[at:])
