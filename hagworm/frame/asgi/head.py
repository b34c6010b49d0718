"""What an ASGI scope says about a request before its first byte of body."""

from urllib.parse import quote

from hagworm.facade.exchange import Address, Capabilities, HeaderPairs
from hagworm.frame.asgi.protocol import Scope

__all__ = ("CAPS", "REJECT_BODY", "AsgiHead", "raw_path")

CAPS: Capabilities = frozenset({"raw_path"})
NO_CAPS: Capabilities = frozenset()
REJECT_BODY = "websocket.http.response"
PATH_SAFE = "/!$&'()*+,;=:@~-._"


def raw_path(scope: Scope) -> bytes:
    """Return the raw target up to `?`, as it was on the wire below the place where this application is mounted.

    `raw_path` is optional in ASGI, and some servers leave the query in it. Where `path` begins with `root_path`, as
    ASGI has it for a mounted application (and as uvicorn makes it for `--root-path`), the prefix is taken off.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"], safe=PATH_SAFE, errors="surrogateescape").encode()
    raw = raw.partition(b"?")[0]

    if root := scope.get("root_path", "").rstrip("/"):
        prefix = quote(root, safe=PATH_SAFE).encode()

        for known in (prefix, root.encode()):
            if raw == known:
                return b"/"

            if raw.startswith(known + b"/"):
                return raw[len(known) :]

    return raw


class AsgiHead:
    """The scope, read as the facade wants it; what is seldom asked for is computed when asked."""

    __slots__ = ("headers", "native", "path", "query", "version")

    native: Scope
    path: bytes
    query: bytes
    version: str
    headers: HeaderPairs

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.native.get('method', 'GET')} {self.path.decode('latin-1')}>"

    @property
    def caps(self) -> Capabilities:
        """`raw_path` where the server hands the target over as it came, `ws_reject_body` where it has the extension."""
        caps = CAPS if self.native.get("raw_path") else NO_CAPS
        return caps | {"ws_reject_body"} if REJECT_BODY in (self.native.get("extensions") or ()) else caps

    @property
    def scheme(self) -> str:
        """`http` or `https`, also for a WebSocket."""
        return "https" if self.native.get("scheme", "http") in ("https", "wss") else "http"

    @property
    def peer(self) -> Address | None:
        """The other end of the socket, None on a Unix socket."""
        return address(self.native.get("client"))

    @property
    def local(self) -> Address | None:
        """This end of the socket, None on a Unix socket."""
        return address(self.native.get("server"))


def address(pair: "tuple[str, int | str | None] | None") -> Address | None:
    # On a Unix socket ASGI has (path, None); servers say None, "" or -1 as well, and granian's ports are text.
    if not pair or not pair[0] or pair[1] is None or pair[0].startswith(("/", "unix:")):
        return None

    return pair[0], int(pair[1])
