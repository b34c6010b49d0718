"""What is asked for next, when the answer is a redirection."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ("PORTABLE", "REDIRECTIONS", "Step", "follow_redirect", "portable_headers")

REDIRECTIONS = frozenset({301, 302, 303, 307, 308})

PORTABLE = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "content-encoding",
        "content-language",
        "content-type",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "traceparent",
        "user-agent",
        "x-request-id",
    }
)
"""Fields that hold no credentials: no other one is told to another origin, `x-api-key` as little as `authorization`."""

OF_BODY = frozenset({"content-encoding", "content-language", "content-length", "content-type", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Step:
    """The request that follows: its method, its headers, and whether it carries the body again."""

    method: str
    headers: Mapping[str, str]
    with_body: bool


def follow_redirect(method: str, headers: Mapping[str, str], status: int, *, same_origin: bool) -> Step:
    """Return the request that follows an answer with `status` (RFC 9110 section 15.4).

    303 makes a GET of everything but HEAD, 301 and 302 make one of POST, as everybody does. `headers` have lower-case
    names; at another origin only the portable ones of them are told, and `host` at none.
    """
    to_get = (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST")
    kept = {name: value for name, value in headers.items() if name != "host" and not (to_get and name in OF_BODY)}
    return Step("GET" if to_get else method, kept if same_origin else portable_headers(kept), not to_get)


def portable_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of `headers`, which have lower-case names, that may be told to anybody."""
    return {name: value for name, value in headers.items() if name in PORTABLE}
