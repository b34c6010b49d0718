"""A request as the client carries it from host to host."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hagworm.extend.asyncio.net.response import Answer
from hagworm.extend.asyncio.net.upload import Body
from hagworm.extend.error import BodyDamaged, URLRefused
from hagworm.extend.net.policy import URLPolicy, hide_secrets
from hagworm.extend.net.redirect import REDIRECTIONS, follow_redirect

if TYPE_CHECKING:
    from yarl import URL

__all__ = ("Order", "join_url", "next_order", "read_url")

FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for, of whom, and how far it may go."""

    method: str
    url: "URL"
    headers: Mapping[str, str]
    """With lower-case names."""
    body: Body
    is_idempotent: bool
    """Whether two of it do what one does."""
    max_bytes: int | None
    wants_errors: bool
    """Whether an answer of 400 and above is wanted whole."""
    redirects: int
    """How often it may still be sent on."""

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return str(self.url.origin())

    @property
    def may_repeat(self) -> bool:
        """Whether it may be sent again although it may have been acted on."""
        return self.is_idempotent and self.body.is_repeatable

    def check(self, policy: URLPolicy | None) -> None:
        """Raise `URLRefused` where the policy does not want it sent."""
        if policy is not None:
            url = self.url
            policy.check(hide_secrets(str(url)), url.scheme, url.host or "", url.port)


def read_url(text: str) -> "URL":
    """Return a URL that can be asked for. Raises `URLRefused`."""
    from yarl import URL

    # yarl would leave them out, or quote them: neither is what was asked for.
    if FORBIDDEN.search(text):
        raise URLRefused(hide_secrets(text), "it holds a character that no URL may hold")

    try:
        url = URL(text)
        # Read when it is asked for, and wrong only then.
        complete = url.absolute and bool(url.host) and url.port is not None
    except ValueError as error:
        raise URLRefused(hide_secrets(text), str(error)) from error

    if url.scheme not in ("http", "https"):
        raise URLRefused(hide_secrets(text), "it is not one of http or https")

    if not complete:
        raise URLRefused(hide_secrets(text), "it names no host")

    return url


def join_url(base: str, url: str) -> str:
    """Return `url`, put behind `base` where it names no scheme."""
    if not base or ABSOLUTE.match(url):
        return url

    return f"{base.rstrip('/')}/{url.lstrip('/')}" if url else base


def next_order(order: Order, answer: Answer) -> Order | None:
    """Return what is asked for next, or None where the answer is the one that was wanted.

    Raises `URLRefused` for a way from https to http, for what is no URL to ask, and for a body that would have to be
    sent twice and cannot be; `BodyDamaged` for a location that makes no sense.
    """
    location = answer.headers.get("location")

    if answer.status not in REDIRECTIONS or location is None or order.redirects == 0:
        return None

    try:
        from yarl import URL

        # A location may hold what had to be quoted, and often does.
        url = order.url.join(URL(location)).with_fragment(None)
        url = read_url(str(url.with_user(None) if url.absolute else url))
    except URLRefused:
        raise
    except ValueError as error:
        raise BodyDamaged(hide_secrets(str(order.url)), answer.status, f"its location is no URL: {error}") from error

    if order.url.scheme == "https" and url.scheme == "http":
        raise URLRefused(hide_secrets(str(url)), "the way there leaves TLS")

    step = follow_redirect(order.method, order.headers, answer.status, same_origin=order.url.origin() == url.origin())

    if step.with_body and not order.body.is_repeatable:
        raise URLRefused(hide_secrets(str(url)), "the body that it wants once more cannot be sent twice")

    return replace(
        order,
        method=step.method,
        url=url,
        headers=step.headers,
        body=order.body if step.with_body else Body(),
        redirects=order.redirects - 1,
    )
