"""Where routes are declared: the decorators of applications and routers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hagworm.extend.error import DefinitionError
from hagworm.facade.binding import location_of
from hagworm.facade.failing import ExceptionHandlers
from hagworm.facade.handler import Handler
from hagworm.facade.limits import Limits
from hagworm.facade.params import Depends

__all__ = ("Route", "RouteOptions", "Router")

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class RouteOptions:
    """What may be said of a route beside its path and methods."""

    status: int | None = None
    """Status of the response to a plain value; 200, or 204 where the handler is annotated to return None."""
    name: str | None = None
    """For `app.url`; the function's name by default, where no other route has it."""
    tags: Sequence[str] = ()
    summary: str | None = None
    description: str | None = None
    deprecated: bool = False
    include_in_schema: bool = True
    dependencies: Sequence[Depends] = ()
    """Called for what they do; their values go nowhere."""
    middleware: Sequence[Callable[..., Any]] = ()
    limits: Limits | None = None
    timeout: float | None = None
    """Seconds the handler may take before the answer is 504."""
    cancel_on_disconnect: bool = False
    """Cancel the handler when the client goes away."""
    responses: Mapping[int, Any] = field(default_factory=dict)
    """Further responses, for the documentation: status to model, or to a description."""
    response_class: type | None = None
    operation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One declaration, with what its routers add to it; outermost first."""

    methods: tuple[str, ...]
    path: str
    endpoint: Callable[..., Any]
    options: RouteOptions
    receiver: type[Handler] | None = None
    websocket: bool = False
    exception_handlers: tuple[ExceptionHandlers, ...] = ()

    @property
    def location(self) -> str:
        """Where the handler is written."""
        return location_of(self.endpoint)


class Router:
    """A group of routes under one prefix, with what they have in common."""

    def __init__(
        self,
        *,
        prefix: str = "",
        tags: Sequence[str] = (),
        dependencies: Sequence[Depends] = (),
        middleware: Sequence[Callable[..., Any]] = (),
        limits: Limits | None = None,
        include_in_schema: bool = True,
    ) -> None:
        if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
            raise DefinitionError(f"router prefix {prefix!r} must begin with a slash and not end with one")

        self.prefix = prefix
        self.tags = tuple(tags)
        self.dependencies = tuple(dependencies)
        self.middlewares: list[Callable[..., Any]] = list(middleware)
        self.limits = limits
        self.include_in_schema = include_in_schema
        self.exception_handlers: ExceptionHandlers = {}
        self.declared: list[Route | Router] = []

    def check_open(self) -> None:
        """Raise RuntimeError where nothing may be added any more."""

    def route(self, path: str, methods: Iterable[str] = ("GET",), **options: Any) -> Callable[[F], F]:
        """Let the decorated function, or `Handler` class, answer `path`; options are those of `RouteOptions`."""

        def decorate(endpoint: F) -> F:
            self.add(path, endpoint, methods=methods, **options)
            return endpoint

        return decorate

    def add(
        self, path: str, endpoint: Callable[..., Any], *, methods: Iterable[str] = ("GET",), **options: Any
    ) -> None:
        """Declare a route without a decorator. A `Handler` class answers the methods that it defines."""
        self.check_open()

        try:
            chosen = RouteOptions(**options)
        except TypeError as exc:
            raise DefinitionError(f"{location_of(endpoint)}: route {path!r}: {exc}") from exc

        if isinstance(endpoint, type) and issubclass(endpoint, Handler):
            for method in endpoint.allowed():
                function = getattr(endpoint, method.lower())
                own = replace(chosen, name=chosen.name or endpoint.__name__)
                self.declared.append(Route((method,), path, function, own, receiver=endpoint))

            return

        names = tuple(method.upper() for method in ((methods,) if isinstance(methods, str) else methods))

        for name in names:
            if name in ("TRACE", "CONNECT"):
                raise DefinitionError(
                    f"{location_of(endpoint)}: route {path!r}: {name} cannot be answered by a handler"
                )

        self.declared.append(Route(names, path, endpoint, chosen))

    def get(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer GET, and HEAD with the same headers."""
        return self.route(path, ("GET",), **options)

    def post(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer POST."""
        return self.route(path, ("POST",), **options)

    def put(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer PUT."""
        return self.route(path, ("PUT",), **options)

    def patch(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer PATCH."""
        return self.route(path, ("PATCH",), **options)

    def delete(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer DELETE."""
        return self.route(path, ("DELETE",), **options)

    def head(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer HEAD where GET is not to do it."""
        return self.route(path, ("HEAD",), **options)

    def options(self, path: str, **options: Any) -> Callable[[F], F]:
        """Answer OPTIONS where the list of methods is not enough."""
        return self.route(path, ("OPTIONS",), **options)

    def websocket(self, path: str, **options: Any) -> Callable[[F], F]:
        """Let the decorated function, `async def name(ws: WebSocket)`, serve WebSockets on `path`."""

        def decorate(endpoint: F) -> F:
            self.check_open()
            self.declared.append(Route(("WEBSOCKET",), path, endpoint, RouteOptions(**options), websocket=True))
            return endpoint

        return decorate

    def middleware(self, function: F) -> F:
        """Put `async def name(request, call_next) -> Response` around every route; the first declared is outermost."""
        self.check_open()
        self.middlewares.append(function)
        return function

    def exception_handler(self, *kinds: type[BaseException] | int) -> Callable[[F], F]:
        """Let the decorated function answer errors of `kinds`: exception classes, or statuses of `HTTPError`."""

        def decorate(function: F) -> F:
            self.check_open()
            self.exception_handlers.update(dict.fromkeys(kinds, function))
            return function

        return decorate

    def include(
        self, router: "Router", *, prefix: str = "", tags: Sequence[str] = (), dependencies: Sequence[Depends] = ()
    ) -> None:
        """Take the routes of `router` in, below `prefix`."""
        self.check_open()

        if router is self:
            raise DefinitionError("a router cannot include itself")

        outer = Router(prefix=prefix, tags=tags, dependencies=dependencies)
        outer.declared.append(router)
        self.declared.append(outer)

    def flatten(self) -> list[Route]:
        """Return every route declared here and below, each with what its routers add to it."""
        routes = []

        for item in self.declared:
            for route in item.flatten() if isinstance(item, Router) else (item,):
                inner = route.options
                options = replace(
                    inner,
                    tags=(*self.tags, *(tag for tag in inner.tags if tag not in self.tags)),
                    dependencies=(*self.dependencies, *inner.dependencies),
                    middleware=(*self.middlewares, *inner.middleware),
                    limits=inner.limits or self.limits,
                    include_in_schema=inner.include_in_schema and self.include_in_schema,
                )
                handlers = (self.exception_handlers, *route.exception_handlers)
                routes.append(
                    replace(route, path=self.prefix + route.path, options=options, exception_handlers=handlers)
                )

        return routes
