"""From declarations to what is served: every route compiled, every mistake of a declaration found."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import NoneType
from typing import Any

from hagworm.extend.error import DefinitionError
from hagworm.facade.binding import Analyst, Provider, body_parameters
from hagworm.facade.compile import compile_call
from hagworm.facade.failing import ExceptionHandlers
from hagworm.facade.failure import HTTPError
from hagworm.facade.limits import Limits
from hagworm.facade.params import Depends
from hagworm.facade.pipeline import Endpoint, SocketEndpoint, check, compose, compose_sockets
from hagworm.facade.plan import RoutePlan
from hagworm.facade.rendering import encoder, is_response
from hagworm.facade.request import Request
from hagworm.facade.response import BODILESS, Redirect, Rendered, Response
from hagworm.facade.router import Route
from hagworm.facade.routing import RouteTree, Template, parse_template
from hagworm.facade.streaming import LeaveWithClient

__all__ = ("Assembly", "Entry", "SocketEntry", "assemble")

JSON_TYPE = (b"content-type", b"application/json")

Run = Callable[[Any], Awaitable[Any]]
Failing = Callable[[Request, Exception, tuple[ExceptionHandlers, ...]], Awaitable[Response]]


@dataclass(slots=True)
class Entry:
    """One route, ready to answer."""

    plan: RoutePlan
    names: tuple[str, ...]
    limits: Limits
    endpoint: Endpoint


@dataclass(slots=True)
class SocketEntry:
    """One WebSocket route, ready to serve."""

    plan: RoutePlan
    names: tuple[str, ...]
    limits: Limits
    endpoint: SocketEndpoint
    exception_handlers: tuple[ExceptionHandlers, ...]


@dataclass(slots=True)
class Assembly:
    """Everything that was declared, compiled."""

    http: RouteTree[Entry] = field(default_factory=RouteTree)
    sockets: RouteTree[SocketEntry] = field(default_factory=RouteTree)
    plans: list[RoutePlan] = field(default_factory=list)
    templates: dict[str, Template] = field(default_factory=dict)
    """By route name, for `app.url`."""
    app_providers: dict[Any, Provider] = field(default_factory=dict)
    app_values: list[Any] = field(default_factory=list)


def assemble(
    routes: Sequence[Route],
    *,
    limits: Limits,
    failing: Failing,
    overrides: Mapping[Any, Callable[..., Any]] | None = None,
    base: Assembly | None = None,
) -> Assembly:
    """Compile `routes`. Raises `DefinitionError` naming the file and line of what is wrong.

    With a `base` its values of the scope `app` are used, which have been made already.
    """
    assembly = Assembly()

    if base is not None:
        assembly.app_providers, assembly.app_values = dict(base.app_providers), base.app_values

    for route in routes:
        add(assembly, route, limits, failing, overrides or {})

    check_operations(assembly.plans)
    return assembly


def add(
    assembly: Assembly,
    route: Route,
    limits: Limits,
    failing: Failing,
    overrides: Mapping[Any, Callable[..., Any]],
) -> None:
    where, options = route.location, route.options

    try:
        template = parse_template(route.path)
    except ValueError as exc:
        raise DefinitionError(f"{where}: {exc}") from exc

    analyst = Analyst(
        template.names, overrides=overrides, websocket=route.websocket, app_providers=assembly.app_providers
    )

    for dependency in options.dependencies:
        if not isinstance(dependency, Depends):
            raise DefinitionError(f"{where}: dependencies=[…] holds {dependency!r}; write Depends({dependency!r})")

        analyst.provider(dependency, inspect.Parameter.empty, where, "dependencies", ())

    call = analyst.read(route.endpoint, skip_first=route.receiver is not None)

    if call.style in ("async-generator", "generator"):
        raise DefinitionError(f"{where}: a handler may not yield; return Stream(...) or EventStream(...)")

    bodies, embed = body_parameters(analyst.parameters, where)
    types = {name: template.converter(name).type for name in template.names}
    plan = describe(route, template, analyst, bodies, embed, call.function)
    middlewares = options.middleware

    for middleware in middlewares:
        check(middleware)

    try:
        run = compile_call(
            call,
            analyst.parameters,
            analyst.providers,
            path_types=types,
            embed=embed,
            app_values=assembly.app_values,
            receiver=route.receiver,
            name=plan.name,
        )
    except DefinitionError as exc:
        raise DefinitionError(f"{where}: {exc}") from exc

    own_limits = options.limits or limits

    if route.websocket:
        socket = compose_sockets(middlewares, run)
        entry = SocketEntry(plan, template.names, own_limits, socket, route.exception_handlers)
        claim(assembly.sockets, template, plan, entry)
    else:
        endpoint = make_endpoint(route, plan, run, failing)
        claim(assembly.http, template, plan, Entry(plan, template.names, own_limits, compose(middlewares, endpoint)))

    assembly.plans.append(plan)
    name_template(assembly, plan, template, explicit=options.name is not None)


def claim(tree: RouteTree[Any], template: Template, plan: RoutePlan, entry: Any) -> None:
    if taken := tree.add(template, plan.methods, entry):
        other = tree.leaf(template).methods[taken[0]].plan
        raise DefinitionError(
            f"{plan.location}: {taken[0]} {plan.template} is answered already, by {other.name} ({other.location})"
        )


def name_template(assembly: Assembly, plan: RoutePlan, template: Template, *, explicit: bool) -> None:
    known = assembly.templates.get(plan.name)

    if explicit and known is not None and known.text != template.text:
        other = next(p for p in assembly.plans if p.name == plan.name)
        raise DefinitionError(f"{plan.location}: another route is named {plan.name!r} already ({other.location})")

    assembly.templates.setdefault(plan.name, template)


def check_operations(plans: Sequence[RoutePlan]) -> None:
    known: dict[str, RoutePlan] = {}

    for plan in plans:
        if plan.operation_id is not None and (other := known.setdefault(plan.operation_id, plan)) is not plan:
            raise DefinitionError(
                f"{plan.location}: the operation_id {plan.operation_id!r} is taken already ({other.location})"
            )


def describe(
    route: Route, template: Template, analyst: Analyst, bodies: tuple[Any, ...], embed: bool, function: Any
) -> RoutePlan:
    options = route.options
    hints = analyst.hints(function, route.location)
    returns = hints.get("return", inspect.Signature.empty)
    text = inspect.cleandoc(route.endpoint.__doc__ or "")
    summary, _, rest = text.partition("\n\n")
    status = options.status

    if status is None:
        status = 204 if returns is NoneType and not route.websocket else 200

    unique = {(p.source, p.alias): p for p in analyst.parameters if p.source != "body"}

    return RoutePlan(
        methods=route.methods,
        template=template.text,
        path=template.path,
        name=options.name or short_name(route.endpoint),
        endpoint=route.endpoint,
        location=route.location,
        parameters=tuple(unique.values()),
        body=bodies,
        embed=embed,
        returns=returns,
        response_class=options.response_class,
        status=status,
        tags=tuple(options.tags),
        summary=options.summary or " ".join(summary.split()) or None,
        description=options.description or rest or None,
        deprecated=options.deprecated,
        include_in_schema=options.include_in_schema,
        responses=dict(options.responses),
        operation_id=options.operation_id,
        websocket=route.websocket,
    )


def short_name(function: Any) -> str:
    function = function.func if isinstance(function, partial) else function
    name: str = getattr(function, "__name__", None) or type(function).__name__
    return name


def make_endpoint(route: Route, plan: RoutePlan, run: Run, failing: Failing) -> Endpoint:
    """Return `async endpoint(request)`: runs the handler, renders its value, answers the errors it knows."""
    options, status, where = route.options, plan.status, route.location
    handlers = tuple(table for table in reversed(route.exception_handlers) if table)
    response_class = options.response_class

    if options.timeout is not None:
        run = with_timeout(run, options.timeout)

    if options.cancel_on_disconnect:
        run = leaving_with_client(run)

    if is_response(plan.returns) or response_class is not None:
        encode = None
    else:
        try:
            encode = encoder(plan.returns)
        except Exception as exc:
            raise DefinitionError(f"{where}: the return annotation {plan.returns!r} cannot be rendered: {exc}") from exc

    async def endpoint(request: Request) -> Response:
        try:
            if b"content-length" in request.index:
                # Refused before a byte of it is read, and inside the middleware, so that a browser may read why.
                request.check_length(request.limits.body)

            value = await run(request)

            if isinstance(value, Response):
                response = value

                if isinstance(value, Redirect) and value.automatic and request.method == "POST":
                    # RFC 9110 15.4.4: the answer to what was posted is elsewhere, and is asked for with GET.
                    value.status = 303
            elif encode is not None:
                body = b"" if status in BODILESS else encode(value)
                response = Rendered(body, status, [JSON_TYPE])
            elif response_class is not None:
                response = response_class(value, status)
            else:
                raise TypeError(f"{where}: the handler declares {plan.returns!r} and returned {type(value).__name__}")
        except Exception as exc:
            if request.stack is not None:
                exc = await unwind(request, exc)

            response = await failing(request, exc, handlers)

        if request.extras is not None and request.extras.template is not None:
            apply_template(response, request.extras.template)

        return response

    return endpoint


async def unwind(request: Request, error: Exception) -> Exception:
    """Let the dependencies that yield see `error`, innermost first; return it, or what one of them made of it."""
    stack, request.stack = request.stack, None
    assert stack is not None

    try:
        await stack.__aexit__(type(error), error, error.__traceback__)
    except Exception as exc:
        return exc

    # A dependency that swallows the error cannot answer in the handler's place, so the error stands.
    return error


def apply_template(response: Response, template: Response) -> None:
    """Put what the handler set on its `response` parameter into the real one, whose own fields win."""
    if template.status:
        response.status = template.status

    own = {name for name, _ in response.raw_headers}
    response.raw_headers = [
        *response.raw_headers,
        *(pair for pair in template.raw_headers if pair[0] == b"set-cookie" or pair[0] not in own),
    ]
    response.background = response.background or template.background
    response.close = response.close or template.close


def with_timeout(run: Run, seconds: float) -> Run:
    async def bounded(request: Any) -> Any:
        scope = asyncio.timeout(seconds)

        try:
            async with scope:
                return await run(request)
        except TimeoutError as exc:
            if scope.expired():
                raise HTTPError(504, f"no answer within {seconds:g} seconds") from exc

            raise

    return bounded


def leaving_with_client(run: Run) -> Run:
    async def bound(request: Request) -> Any:
        with LeaveWithClient(request.disconnected):
            return await run(request)

    return bound
