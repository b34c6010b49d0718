"""Secrets in text, found by what stands around them."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from hagworm.extend.config.secret import MASK
from hagworm.extend.error import ConfigError

__all__ = ("Redactor", "redact")

# Looked for first, as a search for plain words costs next to nothing: without one of them there is no secret to find.
WORDS = ("pass", "pwd", "secret", "token", "key", "cred", "auth", "cookie", "bearer", "eyj", "://")

NAME = (
    r"(?:pass(?:word|wd|phrase)|passwd|pwd|secret|token|credential|(?:api|private|secret|access|signing)[_-]?key"
    r"|authorization)s?"
)
# `password=x`, `token: "x y"`, `"api_key": 7`, the same within a string of JSON, `Authorization: Basic x`; in camelCase
# too. The words before a name (db_password) need no look.
ASSIGNED = (
    rf"(?P<name>(?:(?<![A-Za-z0-9])|(?<=[a-z])(?=[A-Z]))(?i:{NAME}))"
    r"(?P<closing>\\?[\"']?)(?P<sign>\s*[=:]\s*)(?P<scheme>(?i:(?:bearer|basic|digest|token)\s+)?)"
    r"(?:(?P<quote>\\?[\"'])(?P<quoted>(?:\\\\\\.|\\[^\"']|[^\\\n]){0,4096}?)(?P=quote)|(?P<bare>[^\s\"'\\,;&|)\]}\[{(]+))"
)
COOKIE = (
    r"(?P<name>\b(?i:(?:set-)?cookie))(?P<sign>\s*:\s*)[^\s=;\"'\\]+=[^\s;\"'\\]*"
    r"(?:;\s*[^\s=;\"'\\]+(?:=[^\s;\"'\\]*)?)*"
)
URL = r"(?<=://)(?P<user>[^:/?#\s\"'\\@]*):[^\s\"'/\\@]*@"
SCHEME = r"\b(?P<scheme>(?i:bearer)\s+)[A-Za-z0-9._~+/=-]{8,}"
JWT = r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"


def redact(text: str) -> str:
    """Return `text` with a mask in place of passwords, tokens, keys, cookies and signed tokens; lines stay lines.

    It is found by name (`password=…`), by place (`https://user:…@host`, `Bearer …`) and by form (a JWT). The same
    object comes back where there is nothing to hide.
    """
    if not is_suspect(text):
        return text

    clean = text

    for pattern, replacement in rules():
        clean = pattern.sub(replacement, clean)

    return text if clean == text else clean


@cache
def rules() -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str], ...]:
    # At the first text that needs them: compiling them takes milliseconds.
    return (
        (re.compile(ASSIGNED), masked),
        (re.compile(COOKIE), rf"\g<name>\g<sign>{MASK}"),
        (re.compile(URL), rf"\g<user>:{MASK}@"),
        (re.compile(SCHEME), rf"\g<scheme>{MASK}"),
        (re.compile(JWT), MASK),
    )


def is_suspect(text: str) -> bool:
    """Return whether there may be a secret in a text; costs about a nanosecond per character."""
    lower = text.lower()

    for word in WORDS:  # a generator would take longer than most of the searches
        if word in lower:
            return True

    return False


def masked(match: re.Match[str]) -> str:
    # A number behind a quoted name becomes text, so that JSON stays JSON.
    quote = match["quote"] or match["closing"]
    return f"{match['name']}{match['closing']}{match['sign']}{match['scheme']}{quote}{MASK}{quote}"


class Redactor:
    """Hides secrets, and whatever else matches one of `patterns` (regular expressions), in lines.

    Where a pattern has groups, they are what is hidden. Raises `ConfigError` for a pattern that is none.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns: list[re.Pattern[str]] = []

        for pattern in patterns:
            try:
                self.patterns.append(re.compile(pattern))
            except re.error as exc:
                raise ConfigError(f"expected a regular expression, got {pattern!r}: {exc}") from exc

    def __repr__(self) -> str:
        return f"<Redactor with {len(self.patterns)} patterns of its own>"

    def __call__(self, text: str) -> str:
        """Return a text without its secrets."""
        clean = redact(text)

        for pattern in self.patterns:
            clean = pattern.sub(hide, clean)

        return clean

    def clean(self, lines: Sequence[str]) -> Sequence[str]:
        """Return lines without their secrets. Many lines without any are looked at together."""
        if not self.patterns and not is_suspect("\n".join(lines)):
            return lines

        return [self(line) for line in lines]


def hide(match: re.Match[str]) -> str:
    whole = match[0]

    if not match.re.groups:
        return MASK

    # From the last to the first, so that places stay what they were.
    for start, end in sorted((match.span(number) for number in range(1, match.re.groups + 1)), reverse=True):
        if start >= 0:
            whole = whole[: start - match.start()] + MASK + whole[end - match.start() :]

    return whole
