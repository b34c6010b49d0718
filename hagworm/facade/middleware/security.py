"""Headers that tell a browser to be careful with an answer (opt-in; the defaults suit an API and most sites)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hagworm.facade.headers import encode_header
from hagworm.facade.response import Response

if TYPE_CHECKING:
    from hagworm.facade.request import Request

__all__ = ("HSTS", "SecurityHeaders")

YEAR = 31_536_000


@dataclass(frozen=True, slots=True)
class HSTS:
    """Strict-Transport-Security (RFC 6797): browsers that have seen it use HTTPS only, for `max_age` seconds.

    `preload` asks for a place in the list that browsers ship: it cannot be taken back for months. It needs subdomains
    and a year at least; ValueError otherwise.
    """

    max_age: int = YEAR
    subdomains: bool = False
    preload: bool = False

    def __post_init__(self) -> None:
        if self.preload and not (self.subdomains and self.max_age >= YEAR):
            raise ValueError(f"HSTS: preload needs subdomains=True and a max_age of at least {YEAR} seconds")

    @property
    def value(self) -> str:
        """What the header says."""
        parts = [f"max-age={self.max_age}", "includeSubDomains" * self.subdomains, "preload" * self.preload]
        return "; ".join(filter(None, parts))


class SecurityHeaders:
    """Middleware that adds security headers which the handler has not set itself; an empty text leaves one out.

    `frames` is X-Frame-Options, `referrer` Referrer-Policy, `opener` Cross-Origin-Opener-Policy, `resource`
    Cross-Origin-Resource-Policy, `content` Content-Security-Policy, `permissions` Permissions-Policy. `hsts` is sent
    over HTTPS only. `more` are further headers. Raises ValueError for a value that may not be sent.
    """

    def __init__(
        self,
        *,
        sniff: bool = False,
        frames: str = "DENY",
        referrer: str = "strict-origin-when-cross-origin",
        opener: str = "same-origin",
        resource: str = "",
        content: str = "",
        permissions: str = "",
        hsts: HSTS | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        wanted = {
            "x-content-type-options": "" if sniff else "nosniff",
            "x-frame-options": frames,
            "referrer-policy": referrer,
            "cross-origin-opener-policy": opener,
            "cross-origin-resource-policy": resource,
            "content-security-policy": content,
            "permissions-policy": permissions,
            **(more or {}),
        }
        self.plain = tuple(encode_header(name, value) for name, value in wanted.items() if value)
        self.secure = (*self.plain, encode_header("strict-transport-security", hsts.value)) if hsts else self.plain

    def __repr__(self) -> str:
        return f"<SecurityHeaders {', '.join(name.decode() for name, _ in self.secure)}>"

    async def __call__(self, request: "Request", call_next: "Callable[[Request], Awaitable[Response]]") -> Response:
        response = await call_next(request)
        present = {name for name, _ in response.raw_headers}
        # The scheme costs a look at the proxies, so it is asked for only where it matters.
        wanted = self.secure if self.secure is not self.plain and request.scheme == "https" else self.plain
        response.raw_headers += [pair for pair in wanted if pair[0] not in present]
        return response
