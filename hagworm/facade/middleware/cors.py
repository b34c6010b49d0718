"""Cross-origin requests: who may read the answers from a page of another origin (WHATWG Fetch, 3.2)."""

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from hagworm.extend.error import DefinitionError
from hagworm.facade.failing import answer_any
from hagworm.facade.headers import encode_header
from hagworm.facade.response import Response

if TYPE_CHECKING:
    from hagworm.facade.request import Request

__all__ = ("CORS", "ORIGIN")

ORIGIN = re.compile(r"null|[a-z][a-z0-9+.\-]*://[^/?#@\s]+")
METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
VARY = (b"vary", b"Origin")
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class CORS:
    """Middleware that answers preflights and marks every response, errors included; put it outermost.

    `origins` is `"*"`, or origins as browsers send them (`https://example.com`); `origin_pattern` is a regular
    expression for the whole of one. `methods` and `headers` may be `"*"`: whatever the page asks for. `max_age` is how
    many seconds a browser remembers a preflight. `private_network` lets pages of the public internet reach a private
    address.

    A page whose origin is not allowed gets its answer without the headers that would let it read it. What a handler
    sets of these headers itself is dropped. Raises `DefinitionError` for an origin that no browser sends, and for `"*"`
    with credentials, which would hand every visitor's session to every page: `origin_pattern=".*"` says that this is
    meant.
    """

    def __init__(
        self,
        origins: Iterable[str] | str = (),
        *,
        origin_pattern: str | None = None,
        methods: Iterable[str] | str = METHODS,
        headers: Iterable[str] | str = (),
        expose: Iterable[str] = (),
        credentials: bool = False,
        max_age: int = 600,
        private_network: bool = False,
    ) -> None:
        listed = (origins,) if isinstance(origins, str) else tuple(origins)
        self.everyone = "*" in listed
        self.origins = frozenset(origin.encode("latin-1") for origin in listed)
        self.pattern = re.compile(origin_pattern.encode("latin-1")) if origin_pattern is not None else None
        self.methods = methods if isinstance(methods, str) else ", ".join(sorted(methods))
        self.headers = headers if isinstance(headers, str) else ", ".join(sorted(headers, key=str.lower))
        self.private_network = private_network

        if self.everyone and credentials:
            raise DefinitionError('CORS: origins="*" and credentials=True; name the origins, or use origin_pattern')

        for origin in listed:
            if origin != "*" and not ORIGIN.fullmatch(origin):
                raise DefinitionError(f"CORS: {origin!r} is not an origin such as 'https://example.com' (no path)")

        self.marks = [encode_header("access-control-allow-credentials", "true")] if credentials else []
        self.preflight_marks = [*self.marks, encode_header("access-control-max-age", str(max_age))]

        if exposed := ", ".join(sorted(expose, key=str.lower)):
            self.marks.append(encode_header("access-control-expose-headers", exposed))

    def __repr__(self) -> str:
        return f"<CORS {'*' if self.everyone else sorted(map(bytes.decode, self.origins))}>"

    async def __call__(self, request: "Request", call_next: "Callable[[Request], Awaitable[Response]]") -> Response:
        index = request.index
        origin = index.get(b"origin")

        if origin is not None and request.method == "OPTIONS" and b"access-control-request-method" in index:
            return self.preflight(origin, index)

        try:
            response = await call_next(request)
        except Exception as exc:
            # Answered here rather than outside, so that the page may read that it was an error, and its request id.
            response = await answer_any(request, exc)

        # What is there goes: a handler may return one response many times, to pages of different origins.
        raw = [pair for pair in response.raw_headers if not pair[0].startswith(b"access-control-")]

        if origin is not None and self.allows(origin):
            raw += [(b"access-control-allow-origin", b"*" if self.everyone else origin), *self.marks]

        response.raw_headers[:] = raw

        # A cache must not hand to one origin what was marked for another, also where no origin was sent this time.
        if not self.everyone:
            if any(name == b"vary" for name, _ in raw):
                response.headers.vary("Origin")
            else:
                response.raw_headers.append(VARY)

        return response

    def allows(self, origin: bytes) -> bool:
        """Whether pages of `origin` may read the answers."""
        return (
            self.everyone
            or origin in self.origins
            or (self.pattern is not None and self.pattern.fullmatch(origin) is not None)
        )

    def preflight(self, origin: bytes, index: dict[bytes, bytes]) -> Response:
        """Answer what a browser asks before the request itself; 204 whatever the verdict, which is in the headers."""
        response = Response(status=204, headers={"vary": PREFLIGHT_VARY})

        if not self.allows(origin):
            return response

        raw = response.raw_headers
        raw.append((b"access-control-allow-origin", b"*" if self.everyone else origin))
        wanted = index[b"access-control-request-method"]
        raw.append((b"access-control-allow-methods", wanted if self.methods == "*" else self.methods.encode("ascii")))
        asked = index.get(b"access-control-request-headers", b"")

        if allowed := asked if self.headers == "*" else self.headers.encode("ascii"):
            raw.append((b"access-control-allow-headers", allowed))

        if self.private_network and index.get(b"access-control-request-private-network") == b"true":
            raw.append((b"access-control-allow-private-network", b"true"))

        raw.extend(self.preflight_marks)
        return response
