"""Names in snake_case, camelCase and PascalCase, and the keys of nested values.

Nothing is dropped: underscores at the ends stay, letters of scripts without capitals stay, and two keys that would
become one raise `BadValue`.
"""

import re
from collections.abc import Callable
from typing import Any

from hagworm.extend.error import BadValue, LimitExceeded

__all__ = ("camel_keys", "snake_keys", "to_camel", "to_pascal", "to_snake")

DEEPEST = 200

# An acronym before a word (HTTP|Server), or a capital after what is none (user|Id, 2|X).
BOUNDARY = re.compile(r"(?<=[^\W_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def to_snake(name: str) -> str:
    """Return a name in snake_case: `userId` is `user_id`, `HTTPServer2x` is `http_server2x`, `_private` stays.

    A name that is in snake_case stays as it is.
    """
    return BOUNDARY.sub("_", name).lower()


def to_camel(name: str) -> str:
    """Return a name in camelCase: `user_id` is `userId`, `_user_id` is `_userId`.

    `to_snake` leads back, for names of words of two characters or more that begin with a letter of ASCII (two of one
    letter look like an acronym); an underscore before anything else, a digit for example, stays.
    """
    bare = name.lstrip("_")
    head = name[: len(name) - len(bare)]

    if "_" not in bare.rstrip("_"):
        return head + (bare[:1].lower() + bare[1:] if not bare.isupper() else bare.lower())

    return head + re.sub(r"(?<=[^_])_([a-z])", lambda match: match[1].upper(), bare.lower())


def to_pascal(name: str) -> str:
    """Return a name in PascalCase: `user_id` is `UserId`, `_user_id` is `_UserId`."""
    camel = to_camel(name)
    bare = camel.lstrip("_")
    return camel[: len(camel) - len(bare)] + bare[:1].upper() + bare[1:]


def snake_keys(value: Any) -> Any:
    """Return `value` with the keys of all dicts in it, and in its lists, in snake_case.

    Keys that are no text stay. Raises `BadValue` where two keys of a dict become one, `LimitExceeded` for more than 200
    levels.
    """
    return renamed(value, to_snake, 0)


def camel_keys(value: Any) -> Any:
    """Return `value` with the keys of all dicts in it, and in its lists, in camelCase; as `snake_keys`."""
    return renamed(value, to_camel, 0)


def renamed(value: Any, rename: Callable[[str], str], depth: int) -> Any:
    if depth > DEEPEST:
        raise LimitExceeded(f"a value of at most {DEEPEST} levels")

    if isinstance(value, dict):
        content: dict[Any, Any] = {}

        for key, item in value.items():
            name = rename(key) if isinstance(key, str) else key

            if name in content:
                raise BadValue(f"keys of which only one becomes {name!r}", sorted(map(str, value)))

            content[name] = renamed(item, rename, depth + 1)

        return content

    if isinstance(value, list | tuple):
        return [renamed(item, rename, depth + 1) for item in value]

    return value
