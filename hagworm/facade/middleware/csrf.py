"""Requests that another site makes a browser send: told apart by what browsers say of them, without tokens.

The algorithm is that of Go's `net/http.CrossOriginProtection` and of OWASP's advice on Fetch Metadata: browsers since
2023 send `Sec-Fetch-Site`, which no page can forge; older ones send `Origin`; what sends neither is no browser and
holds nobody's cookies.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from hagworm.extend.error import DefinitionError
from hagworm.facade.failure import Forbidden
from hagworm.facade.middleware.cors import ORIGIN
from hagworm.facade.response import Response

if TYPE_CHECKING:
    from hagworm.facade.connection import Connection
    from hagworm.facade.request import Request

__all__ = ("CSRF", "SAFE_METHODS")

logger = logging.getLogger("hagworm")

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class CSRF:
    """Middleware that answers 403 to a request with cookies and an unsafe method that another site has sent.

    `trusted` are the origins (`https://partner.example`) that may. With `cookies_only=False` requests without cookies
    are checked too: do that where the network or a client certificate is what identifies a user. Raises
    `DefinitionError` for an origin that no browser sends.
    """

    def __init__(self, *, trusted: Iterable[str] = (), cookies_only: bool = True) -> None:
        self.trusted = frozenset(trusted)
        self.cookies_only = cookies_only

        for origin in sorted(self.trusted):
            if not ORIGIN.fullmatch(origin):
                raise DefinitionError(f"CSRF: {origin!r} is not an origin such as 'https://example.com' (no path)")

    def __repr__(self) -> str:
        return f"<CSRF trusts {sorted(self.trusted)}>"

    async def __call__(self, request: "Request", call_next: "Callable[[Request], Awaitable[Response]]") -> Response:
        index = request.index

        if request.method in SAFE_METHODS or (self.cookies_only and b"cookie" not in index):
            return await call_next(request)

        if not self.is_own(request):
            logger.warning(
                "%s %s refused: sec-fetch-site %r, origin %r, host %r",
                request.method,
                request.path,
                index.get(b"sec-fetch-site", b"").decode("latin-1"),
                index.get(b"origin", b"").decode("latin-1"),
                request.host,
            )
            raise Forbidden("the request was sent by a page of another site")

        return await call_next(request)

    def is_own(self, request: "Connection") -> bool:
        """Whether a page of this site has sent the request, or no page at all."""
        origin = request.index.get(b"origin", b"").decode("latin-1")

        if origin in self.trusted:
            return True

        if (site := request.index.get(b"sec-fetch-site")) is not None:
            # `none`: the user has typed it or opened a bookmark.
            return site in (b"same-origin", b"none")

        return not origin or origin.partition("://")[2].lower() == (request.host or "").lower()
