"""What a handler asks for: its signature read once, into parameters, providers and the calls that need them."""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Union

from hagworm.extend.error import DefinitionError
from hagworm.facade.background import BackgroundTasks
from hagworm.facade.connection import Connection
from hagworm.facade.params import SCOPES, UNSET, Body, Depends, File, Header, Marker, Path, Query
from hagworm.facade.plan import Parameter
from hagworm.facade.response import Response

__all__ = (
    "Analyst",
    "Argument",
    "Call",
    "Provider",
    "body_parameters",
    "is_model",
    "is_sequence",
    "location_of",
    "unwrap",
    "without_none",
)

FORMS = ("form", "file")


def location_of(function: Any) -> str:
    """Return `file.py:12`, where `function` is written."""
    function = inspect.unwrap(function.func if isinstance(function, partial) else function)
    code = getattr(function, "__code__", None)

    if code is None and not inspect.isclass(function):
        code = getattr(type(function).__call__, "__code__", None)

    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"

    try:
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"
    except (TypeError, OSError):
        return getattr(function, "__module__", None) or "unknown place"


@dataclass(slots=True)
class Argument:
    """One argument of a call: a parameter of the request, a provided value, or one of the facade's own objects."""

    name: str
    kind: str
    """`parameter`, `provider`, or the expression that yields the object: `request`, `background`, `template`, `app`."""
    parameter: int = -1
    provider: "Provider | None" = None
    positional: bool = False


@dataclass(slots=True)
class Call:
    """A function and where its arguments come from."""

    function: Callable[..., Any]
    style: str
    """`async`, `sync` (in the thread pool), `inline` (a class), `async-generator`, `generator`."""
    arguments: list[Argument] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Provider:
    """A dependency as one route uses it."""

    call: Call
    scope: str
    cached: bool
    number: int
    needs: frozenset[int] = frozenset()
    """The parameters that it needs, also through others: where one of these is wrong, it is not called."""


def style_of(function: Callable[..., Any]) -> str:
    if inspect.isclass(function):
        return "inline"

    function = function.func if isinstance(function, partial) else function
    body = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004 # its own

    if inspect.isasyncgenfunction(body):
        return "async-generator"

    if inspect.isgeneratorfunction(body):
        return "generator"

    return "async" if inspect.iscoroutinefunction(body) else "sync"


def unwrap(annotation: Any) -> tuple[Any, list[Any]]:
    """Split `Annotated[type, ...]` into the type and what is said of it."""
    if typing.get_origin(annotation) is Annotated:
        base, *metadata = typing.get_args(annotation)
        return base, metadata

    return annotation, []


def without_none(annotation: Any) -> Any:
    """Return what is left of `T | None`; a union of several types stays whole."""
    if typing.get_origin(annotation) in (Union, UnionType):
        rest = [part for part in typing.get_args(annotation) if part is not NoneType]
        return rest[0] if len(rest) == 1 else annotation

    return annotation


def is_kind(annotation: Any, kind: type) -> bool:
    return isinstance(annotation, type) and not typing.get_origin(annotation) and issubclass(annotation, kind)


def is_model(annotation: Any) -> bool:
    """Whether the values of `annotation` have named fields: a model, dataclass, TypedDict or struct."""
    kind = without_none(unwrap(annotation)[0])
    kind = typing.get_origin(kind) or kind

    return isinstance(kind, type) and (
        dataclasses.is_dataclass(kind)
        or hasattr(kind, "__pydantic_validator__")
        or hasattr(kind, "__struct_fields__")
        or typing.is_typeddict(kind)
    )


def is_sequence(annotation: Any) -> bool:
    kind = without_none(unwrap(annotation)[0])
    kind = typing.get_origin(kind) or kind
    return (
        isinstance(kind, type)
        and issubclass(kind, list | tuple | set | frozenset | Sequence)
        and not issubclass(kind, str | bytes)
    )


def is_complex(annotation: Any) -> bool:
    """Whether values of `annotation` come as a body unless something else is said."""
    kind = without_none(unwrap(annotation)[0])
    parts = typing.get_args(kind) if typing.get_origin(kind) in (Union, UnionType) else (kind,)

    return any(
        is_model(part) or is_sequence(part) or is_kind(typing.get_origin(part) or part, Mapping) for part in parts
    )


def is_upload(annotation: Any) -> bool:
    from hagworm.facade.upload import UploadFile

    kind = without_none(unwrap(annotation)[0])
    items = typing.get_args(kind) if is_sequence(kind) else ()
    return is_kind(kind, UploadFile) or any(is_kind(item, UploadFile) for item in items)


class Analyst:
    """Reads the signatures of one route: of its handler and of every dependency that it leads to."""

    def __init__(
        self,
        path_names: Collection[str],
        *,
        overrides: Mapping[Any, Callable[..., Any]] | None = None,
        websocket: bool = False,
        app_providers: "dict[Any, Provider] | None" = None,
    ) -> None:
        self.path_names = path_names
        self.overrides = overrides or {}
        self.websocket = websocket
        self.parameters: list[Parameter] = []
        self.providers: list[Provider] = []
        self.known: dict[tuple[Any, str], Provider] = {}
        self.app_providers = {} if app_providers is None else app_providers

    def read(self, function: Callable[..., Any], *, skip_first: bool = False, trail: tuple[Any, ...] = ()) -> Call:
        """Return the call of `function`. Raises `DefinitionError` with file and line."""
        where = location_of(function)
        call = Call(function, style_of(function))

        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError) as exc:
            raise DefinitionError(f"{where}: the signature of {function!r} cannot be read: {exc}") from exc

        hints = self.hints(function, where)
        parameters = list(signature.parameters.values())[1 if skip_first else 0 :]

        # What functools.partial has been given already is nobody's to fill.
        given = function.keywords if isinstance(function, partial) else {}

        for parameter in parameters:
            if parameter.name in given:
                continue

            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                if is_kind(function, object):
                    continue

                raise DefinitionError(f"{where}: {name_of(function)}() takes *{parameter.name}, which nothing can fill")

            annotation = hints.get(parameter.name, parameter.annotation)
            argument = self.argument(parameter, annotation, where, (*trail, function))
            argument.positional = parameter.kind is parameter.POSITIONAL_ONLY
            call.arguments.append(argument)

        return call

    def hints(self, function: Callable[..., Any], where: str) -> dict[str, Any]:
        target = function.func if isinstance(function, partial) else function

        if inspect.isclass(target):
            target = target.__init__
        elif not inspect.isroutine(target):
            target = type(target).__call__

        try:
            return typing.get_type_hints(target, include_extras=True)
        except Exception as exc:
            raise DefinitionError(
                f"{where}: an annotation of {name_of(function)}() cannot be resolved: {exc}. "
                "Import the name at run time (not under TYPE_CHECKING), or spell it right."
            ) from exc

    def argument(self, parameter: inspect.Parameter, annotation: Any, where: str, trail: tuple[Any, ...]) -> Argument:
        name, default = parameter.name, parameter.default
        base, metadata = unwrap(annotation)
        marker: Any = next((item for item in reversed(metadata) if isinstance(item, Marker | Depends)), None)
        extras = [item for item in metadata if not isinstance(item, Marker | Depends)]

        if isinstance(default, Marker | Depends):
            marker, default = default, inspect.Parameter.empty

        if inspect.isclass(marker) and issubclass(marker, Marker):
            marker = marker()

        if isinstance(marker, Depends):
            return Argument(name, "provider", provider=self.provider(marker, base, where, name, trail))

        if marker is None and (own := self.own_object(base)) is not None:
            return Argument(name, own)

        if base is inspect.Parameter.empty:
            base = Any

        found = self.parameter(name, base, extras, marker, default, where)
        self.parameters.append(found)
        return Argument(name, "parameter", parameter=len(self.parameters) - 1)

    def own_object(self, base: Any) -> str | None:
        table = ((Connection, "request"), (Response, "template"), (BackgroundTasks, "background"))
        # The application stands above this module, so it says itself what it is.
        return next((name for kind, name in table if is_kind(base, kind)), getattr(base, "__argument__", None))

    def provider(self, marker: Depends, base: Any, where: str, name: str, trail: tuple[Any, ...]) -> Provider:
        function = marker.dependency or base

        if not callable(function) or function is inspect.Parameter.empty:
            raise DefinitionError(f"{where}: {name!r} depends on {function!r}, which cannot be called")

        scope = marker.scope

        if function in self.overrides:
            # What lives as long as the application has been made already; a replacement lives as long as its request.
            function = self.overrides[function]
            scope = "request" if scope == "app" else scope

        if function in trail:
            cycle = [*trail[trail.index(function) :], function]
            steps = " → ".join(f"{name_of(step)} ({location_of(step)})" for step in cycle)
            raise DefinitionError(f"{where}: dependencies go round in a circle: {steps}")

        key = (function, scope)

        if marker.cache and key in self.known:
            return self.known[key]

        before = len(self.parameters)
        provider = self.app_provider(function, where, trail) if scope == "app" else None

        if provider is None:
            call = self.read(function, trail=trail)
            provider = Provider(call, scope, marker.cache, len(self.providers))
            self.check_scope(provider, where)
            inner = [argument.provider.needs for argument in call.arguments if argument.provider is not None]
            provider.needs = frozenset(range(before, len(self.parameters))).union(*inner)
            provider.number = len(self.providers)
            self.providers.append(provider)

        if marker.cache:
            self.known[key] = provider

        return provider

    def app_provider(self, function: Any, where: str, trail: tuple[Any, ...]) -> Provider:
        """A provider that is called once, at start: shared by all routes, and fed by its like only."""
        if (known := self.app_providers.get(function)) is not None:
            return known

        inner = Analyst((), overrides=self.overrides, app_providers=self.app_providers)
        call = inner.read(function, trail=trail)

        kinds = {argument.kind for argument in call.arguments}

        if inner.parameters or inner.providers or not kinds <= {"provider", "app"}:
            raise DefinitionError(
                f"{where}: {name_of(function)} ({location_of(function)}) has the scope 'app', so it may "
                "depend on the App and on other dependencies of that scope only, not on a request"
            )

        provider = Provider(call, "app", True, len(self.app_providers))
        self.app_providers[function] = provider
        return provider

    def check_scope(self, provider: Provider, where: str) -> None:
        for argument in provider.call.arguments:
            inner = argument.provider

            if inner is not None and SCOPES.index(inner.scope) > SCOPES.index(provider.scope):
                raise DefinitionError(
                    f"{where}: {name_of(provider.call.function)} has the scope {provider.scope!r} and depends on "
                    f"{name_of(inner.call.function)}, which ends earlier (scope {inner.scope!r})"
                )

    def parameter(self, name: str, base: Any, extras: list[Any], marker: Any, default: Any, where: str) -> Parameter:
        marker = marker or self.infer(name, base)
        source = marker.source

        if source == "path" and name not in self.path_names and marker.alias not in self.path_names:
            raise DefinitionError(
                f"{where}: {name!r} is a Path parameter, but the route's path has no placeholder {{{name}}}"
            )

        if self.websocket and source in ("body", *FORMS):
            raise DefinitionError(
                f"{where}: {name!r} would come from a body, which a WebSocket handshake does not have"
            )

        if default is inspect.Parameter.empty:
            default = marker.default

        if marker.default_factory is not None:
            default = marker.default_factory

        alias = marker.alias or name

        if isinstance(marker, Header) and marker.alias is None and marker.convert_underscores:
            alias = alias.replace("_", "-")

        # A model stands for several parameters on the wire where it comes from anywhere but a body.
        expand = source in ("query", "header", "cookie", "form") and is_model(base)
        many = not expand and source in ("query", "header", *FORMS) and is_sequence(base)
        constraints = marker.constraints()

        if constraints:
            from pydantic import Field

            extras = [*extras, Field(**constraints)]

        annotation = Annotated[(base, *extras)] if extras else base

        return Parameter(
            source=source,
            name=name,
            alias=alias.lower() if source == "header" else alias,
            annotation=annotation,
            required=source == "path" or default is UNSET,
            default=default,
            marker=marker,
            expand=expand,
            many=many,
        )

    def infer(self, name: str, base: Any) -> Marker:
        if name in self.path_names:
            return Path()

        if is_upload(base):
            return File()

        return Body() if is_complex(base) else Query()


def name_of(function: Any) -> str:
    """Return how people call `function`."""
    return getattr(function, "__qualname__", None) or type(function).__qualname__


def body_parameters(parameters: Sequence[Parameter], where: str) -> tuple[tuple[Parameter, ...], bool]:
    """Return the parameters that come from the JSON body and whether they are members of it."""
    bodies = tuple(parameter for parameter in parameters if parameter.source == "body")
    forms = [parameter for parameter in parameters if parameter.source in FORMS]

    if bodies and forms:
        raise DefinitionError(
            f"{where}: {bodies[0].name!r} comes from a JSON body and {forms[0].name!r} from a form; "
            "a request has one body"
        )

    markers = [parameter.marker for parameter in bodies]
    embed = len(bodies) > 1 or any(isinstance(marker, Body) and marker.embed for marker in markers)
    return bodies, embed
