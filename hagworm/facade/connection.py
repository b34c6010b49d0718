"""What a request and a WebSocket have in common: the head they began with, read lazily."""

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hagworm.facade.exchange import Address, Head
from hagworm.facade.failure import BadRequest, Problem, ValidationFailed
from hagworm.facade.headers import Headers
from hagworm.facade.query import BadQuery, Query, TooManyParameters, parse_query

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from hagworm.facade.application import App
    from hagworm.facade.background import BackgroundTasks
    from hagworm.facade.cookies import Cookies
    from hagworm.facade.forms import Form
    from hagworm.facade.limits import Limits
    from hagworm.facade.plan import RoutePlan
    from hagworm.facade.response import Response
    from hagworm.facade.runtime import Runtime

__all__ = ("Connection", "State")


class State:
    """A bag of attributes."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"nothing called {name!r} has been put into this state; it holds: {', '.join(vars(self)) or 'nothing'}"
        )

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)

    def __contains__(self, name: str) -> bool:
        return name in vars(self)

    def __repr__(self) -> str:
        return f"<State {', '.join(vars(self))}>"


class Extras:
    """What few exchanges need, made for those that do."""

    __slots__ = ("authority", "background", "cookies", "form", "stack", "state", "template")

    def __init__(self) -> None:
        self.authority: bytes | None = None
        self.background: BackgroundTasks | None = None
        self.cookies: Cookies | None = None
        self.form: Form | None = None
        self.stack: AsyncExitStack | None = None
        self.state: State | None = None
        self.template: Response | None = None


class Connection:
    """The head of an exchange. What it parses on first use, it keeps."""

    __slots__ = (
        "_query",
        "exchange",
        "extras",
        "id_bytes",
        "index",
        "limits",
        "method",
        "names",
        "path",
        "plan",
        "runtime",
        "values",
    )

    def __init__(self, runtime: "Runtime", exchange: Head, id_bytes: bytes) -> None:
        self.runtime = runtime
        self.exchange: Any = exchange
        self.id_bytes = id_bytes
        self.method = exchange.method
        self.limits: Limits = runtime.limits
        self.index: dict[bytes, bytes] = {}
        self.path = ""
        self.plan: RoutePlan | None = None
        self.names: tuple[str, ...] = ()
        self.values: tuple[Any, ...] = ()
        self.extras: Extras | None = None
        self._query: Query | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.method} {self.path!r} {self.id}>"

    @property
    def app(self) -> "App":
        """The application that serves it."""
        return self.runtime.app

    @property
    def id(self) -> str:
        """The request id: what a trusted proxy sent, or our own; told to the client in `x-request-id`."""
        return self.id_bytes.decode("ascii")

    @property
    def state(self) -> State:
        """A bag for what middleware and handlers tell each other about this request."""
        extras = self.need_extras()

        if extras.state is None:
            extras.state = State()

        return extras.state

    def need_extras(self) -> Extras:
        """Return the extras, which are there from now on."""
        if self.extras is None:
            self.extras = Extras()

        return self.extras

    @property
    def stack(self) -> "AsyncExitStack | None":
        """What dependencies have left open until the response has been sent."""
        return None if self.extras is None else self.extras.stack

    @stack.setter
    def stack(self, stack: "AsyncExitStack | None") -> None:
        self.need_extras().stack = stack

    @property
    def params(self) -> dict[str, Any]:
        """The placeholders of the route and their values."""
        return dict(zip(self.names, self.values, strict=True))

    @property
    def raw_path(self) -> bytes:
        """The path as it was sent."""
        raw: bytes = self.exchange.path
        return raw

    @property
    def query(self) -> Query:
        """The query. Raises `HTTPError` 400 where it is not UTF-8 or holds too many parameters."""
        if self._query is None:
            try:
                self._query = parse_query(self.exchange.query, self.limits.query_params)
            except BadQuery as exc:
                problem = Problem(("query", exc.name), str(exc), "query_encoding")
                raise ValidationFailed([problem], status=400) from exc
            except TooManyParameters as exc:
                raise BadRequest(f"the query holds {exc}") from exc

        return self._query

    @property
    def headers(self) -> Headers:
        """The header fields."""
        return Headers(self.exchange.headers, self.index)

    @property
    def cookies(self) -> "Cookies":
        """The cookies; of two with one name the last."""
        extras = self.need_extras()

        if extras.cookies is None:
            from hagworm.facade.cookies import parse_cookies

            line = self.index.get(b"cookie")
            extras.cookies = parse_cookies((line,) if line else ())

        return extras.cookies

    @property
    def peer(self) -> Address | None:
        """The other end of the socket, None on a Unix socket."""
        peer: Address | None = self.exchange.peer
        return peer

    @property
    def client(self) -> str | None:
        """The address of the client, behind trusted proxies the one they tell; None on a Unix socket."""
        if (peer := self.exchange.peer) is None:
            return None

        proxies = self.runtime.proxies
        address: str = peer[0]
        return proxies.client(address, self.index) if proxies else address

    @property
    def scheme(self) -> str:
        """`http` or `https`, as the client used it, where a trusted proxy tells."""
        if (proxies := self.runtime.proxies) and (peer := self.exchange.peer) is not None:
            if (scheme := proxies.scheme(peer[0], self.index)) is not None:
                return scheme

        own: str = self.exchange.scheme
        return own

    @property
    def host(self) -> str | None:
        """Host and port as the client named them, None where it did not (HTTP/1.0)."""
        raw = (self.extras and self.extras.authority) or self.index.get(b"host")
        return None if raw is None else raw.decode("latin-1")

    @property
    def base_path(self) -> str:
        """The prefix under which the application is mounted, empty at the root."""
        prefix: str = getattr(self.exchange, "base_path", "")
        return prefix

    @property
    def url(self) -> str:
        """The absolute URL that the client asked for; relative to the origin where the host is not known."""
        path = self.exchange.path.decode("latin-1")
        path = path if path.startswith("/") else quote(self.path)
        query = self.exchange.query.decode("latin-1")
        target = f"{path}?{query}" if query else path
        return f"{self.scheme}://{self.host}{target}" if self.host else target

    @property
    def native(self) -> Any:
        """The engine's own object; what is done with it works on that engine only."""
        return self.exchange.native

    @property
    def background(self) -> "BackgroundTasks":
        """Calls to make once this has been answered."""
        extras = self.need_extras()

        if extras.background is None:
            from hagworm.facade.background import BackgroundTasks

            extras.background = BackgroundTasks()

        return extras.background

    def make_template(self) -> "Response":
        """Return the response that handlers may prepare; what they set on it goes into the real one."""
        extras = self.need_extras()

        if extras.template is None:
            from hagworm.facade.response import Rendered

            # Status 0 says that nobody has chosen one.
            extras.template = Rendered(b"", 0, [])

        return extras.template
