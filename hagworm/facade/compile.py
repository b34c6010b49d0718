"""One route's call tree to one function of straight-line code: nothing known at start is looked up per request."""

import inspect
import itertools
import linecache
import typing
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from copy import copy
from functools import partial
from typing import Any

from hagworm.extend.error import DefinitionError
from hagworm.facade.binding import Argument, Call, Provider, is_sequence, unwrap, without_none
from hagworm.facade.bodies import json_decoder
from hagworm.facade.connection import Connection
from hagworm.facade.injection import enter_in_thread
from hagworm.facade.params import UNSET
from hagworm.facade.plan import Parameter
from hagworm.facade.problems import missing, note
from hagworm.facade.schema import is_for_msgspec

__all__ = ("compile_call", "in_thread")

serial = itertools.count()


async def in_thread(request: Connection, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call `function` in the application's thread pool, in a copy of the current context."""
    return await request.runtime.threads.run(function, *args, **kwargs)


def compile_call(
    call: Call,
    parameters: Sequence[Parameter],
    providers: Sequence[Provider],
    *,
    path_types: dict[str, type],
    embed: bool,
    app_values: list[Any],
    receiver: type | None = None,
    name: str,
) -> Callable[[Any], Awaitable[Any]]:
    """Return `async run(request)` which reads every parameter, calls every provider in order, then the function.

    It raises `ValidationFailed` with every problem, or what a provider or the function raises. Providers of the scope
    `request` are left on `request.stack`; those of the scope `call` have ended when it returns.
    """
    writer = Writer(parameters, path_types, embed, app_values)
    return writer.write(call, providers, receiver, name)


class Writer:
    """Writes the source of one function and the names that it uses."""

    def __init__(
        self, parameters: Sequence[Parameter], path_types: dict[str, type], embed: bool, app_values: list[Any]
    ) -> None:
        self.parameters = parameters
        self.path_types = path_types
        self.path_names = list(path_types)
        self.embed = embed
        self.lines: list[str] = []
        self.done: set[int] = set()
        self.prepared: set[str] = set()
        self.names: dict[str, Any] = {
            "UNSET": UNSET,
            "app_values": app_values,
            "copy": copy,
            "in_thread": in_thread,
            "missing": missing,
            "note": note,
        }

    def write(
        self, call: Call, providers: Sequence[Provider], receiver: type | None, name: str
    ) -> Callable[[Any], Awaitable[Any]]:
        late = [number for number, parameter in enumerate(self.parameters) if parameter.source in LATE]

        if self.parameters:
            self.line("problems = None")

        for number in range(len(self.parameters)):
            if number not in late:
                self.parameter(number)

        for provider in providers:
            for number in sorted(provider.needs.intersection(late)):
                self.parameter(number)

            self.provider(provider)

        for number in late:
            self.parameter(number)

        if self.parameters:
            self.line("if problems is not None:")
            self.line("    raise problems.failure()")

        if receiver is not None:
            self.names["Receiver"] = receiver
            self.line("receiver = Receiver(request)")
            self.line("await receiver.prepare()")

        self.line(f"return {self.invocation(call, 'target', receiver is not None)}")

        if any(provider.scope == "call" and provider.call.style in GENERATORS for provider in providers):
            # They end with this block: after the function, before the response begins.
            self.names["AsyncExitStack"] = AsyncExitStack
            self.lines = ["async with AsyncExitStack() as call_stack:", *(f"    {line}" for line in self.lines)]

        return self.build(name)

    def build(self, name: str) -> Callable[[Any], Awaitable[Any]]:
        source = "async def run(request):\n" + "\n".join(f"    {line}" for line in self.lines) + "\n"
        place = f"<hagworm {name} #{next(serial)}>"
        exec(compile(source, place, "exec"), self.names)
        run: Callable[[Any], Awaitable[Any]] = self.names["run"]
        # Tracebacks show the generated line, and whoever debugs can read it whole.
        linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
        return run

    def line(self, text: str) -> None:
        self.lines.append(text)

    def constant(self, stem: str, value: Any) -> str:
        name = f"{stem}_{len(self.names)}"
        self.names[name] = value
        return name

    def once(self, name: str, expression: str) -> str:
        """Bind a local the first time it is needed."""
        if name not in self.prepared:
            self.prepared.add(name)
            self.line(f"{name} = {expression}")

        return name

    # Parameters -------------------------------------------------------------------------------------------------------

    def parameter(self, number: int) -> None:
        if number in self.done:
            return

        self.done.add(number)
        parameter = self.parameters[number]

        try:
            getattr(self, f"read_{parameter.source}")(number, parameter)
        except Exception as exc:
            # pydantic and msgspec explain themselves at length; the first line says what it is about.
            reason = str(exc).partition("\n")[0]
            raise DefinitionError(f"{parameter.name!r} cannot be read from a request: {reason}") from exc

    def read_path(self, number: int, parameter: Parameter) -> None:
        name = parameter.name if parameter.name in self.path_types else parameter.alias
        values = self.once("values", "request.values")
        raw = f"{values}[{self.path_names.index(name)}]"

        if parameter.annotation is self.path_types[name] or parameter.annotation is Any:
            # The converter has made just this type already.
            self.line(f"p{number} = {raw}")
        else:
            self.validated(number, parameter, raw, ("path", parameter.alias))

    def read_query(self, number: int, parameter: Parameter) -> None:
        if parameter.expand or parameter.many:
            self.read_multi(number, parameter, "request.query")
        else:
            values = self.once("query", "request.query.last")
            self.read_one(number, parameter, f"{values}.get({parameter.alias!r})")

    def read_header(self, number: int, parameter: Parameter) -> None:
        if parameter.expand or parameter.many:
            self.read_multi(number, parameter, "request.headers")
        else:
            index = self.once("index", "request.index")
            self.read_one(number, parameter, f"{index}.get({parameter.alias.encode('latin-1')!r})", decode=True)

    def read_cookie(self, number: int, parameter: Parameter) -> None:
        if parameter.expand:
            self.read_multi(number, parameter, "request.cookies")
        else:
            values = self.once("cookies", "request.cookies")
            self.read_one(number, parameter, f"{values}.get({parameter.alias!r})")

    def read_form(self, number: int, parameter: Parameter) -> None:
        form = self.once("form", "await request.form()")

        if parameter.expand or parameter.many:
            self.read_multi(number, parameter, form)
        else:
            self.read_one(number, parameter, f"{form}.get({parameter.alias!r})")

    def read_file(self, number: int, parameter: Parameter) -> None:
        from hagworm.facade.injection import read_uploads

        form = self.once("form", "await request.form()")
        reader = self.constant("read_uploads", read_uploads)
        wants_bytes = self.constant("wants_bytes", holds_bytes(parameter.annotation))
        self.line(f"raw = await {reader}({form}, {parameter.alias!r}, {parameter.many}, {wants_bytes})")
        self.line(f"if {'not raw' if parameter.many else 'raw is None'}:")
        self.absent(number, parameter, ("form", parameter.alias))
        self.line("else:")
        self.line(f"    p{number} = raw")

    def read_body(self, number: int, parameter: Parameter) -> None:
        data = self.once("data", "await request.body()")

        if without_none(unwrap(parameter.annotation)[0]) is bytes:
            self.line(f"p{number} = {data}")
            return

        index = self.once("index", "request.index")
        loc: tuple[str, ...] = ("body",)

        if self.embed:
            self.read_member(number, parameter, data, index)
            return

        decode = self.constant("decode", json_decoder(parameter.annotation, parameter.name))
        self.names["invalid"] = invalid_errors()
        where = self.constant("loc", loc)
        self.line("try:")
        self.line(f"    p{number} = {decode}({data}, {index}.get(b'content-type'))")
        self.line("except invalid as error:")
        self.line(f"    problems = note(problems, {number}, {where}, error)")
        self.line("else:")
        self.line(f"    if p{number} is UNSET:")
        self.absent(number, parameter, loc, indent="        ")

    def read_member(self, number: int, parameter: Parameter, data: str, index: str) -> None:
        self.names["decode_object"] = json_decoder(dict[str, Any], "body")
        self.names["invalid"] = invalid_errors()

        if "members" not in self.prepared:
            self.prepared.add("members")
            self.line("try:")
            self.line(f"    members = decode_object({data}, {index}.get(b'content-type'))")
            self.line("    members = {} if members is UNSET else members")
            self.line("except invalid as error:")
            self.line(f"    problems = note(problems, {number}, ('body',), error)")
            self.line("    raise problems.failure() from error")

        validate = self.constant("validate", validator(parameter.annotation))
        where = self.constant("loc", ("body", parameter.alias))
        self.line(f"raw = members.get({parameter.alias!r}, UNSET)")
        self.line("if raw is UNSET:")
        self.absent(number, parameter, ("body", parameter.alias))
        self.line("else:")
        self.attempt(number, validate, "raw", where, indent="    ")

    def read_one(self, number: int, parameter: Parameter, expression: str, *, decode: bool = False) -> None:
        """One value by name: text, or nothing."""
        loc = ("form" if parameter.source == "file" else parameter.source, parameter.alias)
        # A client may send a file where a form has text.
        plain = is_plain_text(parameter) and (parameter.source != "form" or parameter.annotation is Any)

        if plain and not parameter.required and not decode and not is_mutable(parameter.default):
            default = self.constant("default", parameter.default)
            self.line(f"p{number} = {expression[:-1]}, {default})")
            return

        self.line(f"raw = {expression}")
        self.line("if raw is None:")
        self.absent(number, parameter, loc)
        self.line("else:")
        raw = "raw.decode('latin-1')" if decode else "raw"

        if plain:
            self.line(f"    p{number} = {raw}")
        else:
            validate = self.constant("validate", validator(parameter.annotation))
            self.attempt(number, validate, raw, self.constant("loc", loc), indent="    ")

    def read_multi(self, number: int, parameter: Parameter, source: str) -> None:
        """Every value of a name, or every field of a model."""
        collect = self.constant("collect", collector(parameter))
        validate = self.constant("validate", validator(parameter.annotation))
        loc = (parameter.source,) if parameter.expand else (parameter.source, parameter.alias)
        self.line(f"raw = {collect}({source})")

        if not parameter.expand or not parameter.required:
            self.line("if not raw:")
            self.absent(number, parameter, loc)
            self.line("else:")
        else:
            self.line("if True:")

        self.attempt(number, validate, "raw", self.constant("loc", loc), indent="    ")

    def validated(self, number: int, parameter: Parameter, raw: str, loc: tuple[str, ...]) -> None:
        validate = self.constant("validate", validator(parameter.annotation))
        self.attempt(number, validate, raw, self.constant("loc", loc))

    def attempt(self, number: int, validate: str, raw: str, loc: str, *, indent: str = "") -> None:
        self.names["invalid"] = invalid_errors()
        self.line(f"{indent}try:")
        self.line(f"{indent}    p{number} = {validate}({raw})")
        self.line(f"{indent}except invalid as error:")
        self.line(f"{indent}    problems = note(problems, {number}, {loc}, error)")

    def absent(self, number: int, parameter: Parameter, loc: tuple[str, ...], *, indent: str = "    ") -> None:
        if parameter.required:
            self.line(f"{indent}problems = missing(problems, {number}, {self.constant('loc', loc)})")
            return

        default = self.constant("default", parameter.default)

        if parameter.marker.default_factory is not None:
            self.line(f"{indent}p{number} = {default}()")
        elif is_mutable(parameter.default):
            self.line(f"{indent}p{number} = copy({default})")
        else:
            self.line(f"{indent}p{number} = {default}")

    # Providers --------------------------------------------------------------------------------------------------------

    def provider(self, provider: Provider) -> None:
        number, call = provider.number, provider.call
        indent = ""

        if provider.needs:
            needs = self.constant("needs", provider.needs)
            self.line(f"if problems is None or problems.wrong.isdisjoint({needs}):")
            indent = "    "

        if call.style not in GENERATORS:
            self.line(f"{indent}d{number} = {self.invocation(call, f'dependency_{number}')}")
            return

        manager = asynccontextmanager if call.style == "async-generator" else contextmanager
        opened = self.invocation(
            Call(manager(call.function), "inline", call.arguments),
            f"dependency_{number}",
        )

        if call.style == "generator":
            self.names["enter_in_thread"] = enter_in_thread
            opened = f"enter_in_thread(request, {opened})"

        self.names["AsyncExitStack"] = AsyncExitStack

        if provider.scope == "call":
            stack = "call_stack"
        else:
            stack = "request.stack"
            self.line(f"{indent}if request.stack is None:")
            self.line(f"{indent}    request.stack = AsyncExitStack()")

        self.line(f"{indent}d{number} = await {stack}.enter_async_context({opened})")

    def invocation(self, call: Call, stem: str, has_receiver: bool = False) -> str:
        """The expression that makes `call`."""
        self.names[stem] = call.function
        positional = ["receiver"] if has_receiver else []
        positional += [self.expression(argument) for argument in call.arguments if argument.positional]
        named = [f"{a.name}={self.expression(a)}" for a in call.arguments if not a.positional]

        if call.style == "sync":
            return f"await in_thread({', '.join(['request', stem, *positional, *named])})"

        return f"{'await ' if call.style == 'async' else ''}{stem}({', '.join([*positional, *named])})"

    def expression(self, argument: Argument) -> str:
        if argument.kind == "parameter":
            return f"p{argument.parameter}"

        if argument.provider is not None:
            inner = argument.provider
            return f"app_values[{inner.number}]" if inner.scope == "app" else f"d{inner.number}"

        return OWN_OBJECTS[argument.kind]


LATE = ("form", "file", "body")
GENERATORS = ("async-generator", "generator")
OWN_OBJECTS = {
    "app": "request.runtime.app",
    "background": "request.background",
    "request": "request",
    "template": "request.make_template()",
}


def invalid_errors() -> tuple[type[Exception], ...]:
    from msgspec import ValidationError as StructError
    from pydantic import ValidationError

    return (ValidationError, StructError)


def validator(annotation: Any) -> Callable[[Any], Any]:
    """Return the function that checks and converts a value read from text or JSON."""
    if is_for_msgspec(annotation):
        from msgspec import convert

        return partial(convert, type=annotation, strict=False)

    from pydantic import TypeAdapter

    validate: Callable[[Any], Any] = TypeAdapter(annotation).validator.validate_python
    return validate


def is_plain_text(parameter: Parameter) -> bool:
    """Whether any text is a value: then there is nothing to validate."""
    return parameter.annotation is Any or without_none(parameter.annotation) is str


def is_mutable(value: Any) -> bool:
    return isinstance(value, list | dict | set | bytearray)


def holds_bytes(annotation: Any) -> bool:
    kind = without_none(unwrap(annotation)[0])
    return kind is bytes or (is_sequence(kind) and bytes in typing.get_args(kind))


def collector(parameter: Parameter) -> Callable[[Any], Any]:
    """Return the function that gathers the raw value of a sequence or of a model."""
    alias = parameter.alias

    if not parameter.expand:
        return lambda source: source.all(alias)

    lists = {alias for alias, kind in model_fields(parameter.annotation).items() if is_sequence(kind)}

    if parameter.source == "header":
        wire = {alias.replace("_", "-").lower(): alias for alias in model_fields(parameter.annotation)}
        return lambda source: {
            alias: source.all(name) if alias in lists else source[name]
            for name, alias in wire.items()
            if name in source
        }

    return lambda source: {name: source.all(name) if name in lists else source[name] for name in source}


def model_fields(annotation: Any) -> dict[str, Any]:
    """Return the wire names of a model's fields and their annotations."""
    model = without_none(unwrap(annotation)[0])
    fields = getattr(model, "__pydantic_fields__", None) or getattr(model, "model_fields", None)

    if fields and not inspect.isfunction(fields):
        return {getattr(f, "validation_alias", None) or f.alias or name: f.annotation for name, f in fields.items()}

    if (names := getattr(model, "__struct_encode_fields__", None)) is not None:
        hints = typing.get_type_hints(model, include_extras=True)
        return {alias: hints[name] for alias, name in zip(names, model.__struct_fields__, strict=True)}

    return typing.get_type_hints(model, include_extras=True)
