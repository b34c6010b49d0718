"""JSON Schema of the annotations that routes carry, collected first and described in one go.

Describing all of them at once is what lets one name stand for one shape: pydantic shortens a model's name only when
it has seen every model, and falls back to the module path where two share it.
"""

import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from inspect import Signature
from typing import Any, Literal, get_args, is_typeddict

__all__ = (
    "REFERENCE",
    "Mode",
    "Schema",
    "Schemas",
    "is_for_msgspec",
    "references",
    "rename_references",
    "to_plain",
    "walk",
)

REFERENCE = "#/components/schemas/"

MEMBERS = frozenset(("mapping", "patternProperties", "properties"))
VALUES = frozenset(("const", "default", "enum", "example", "examples"))

Mode = Literal["validation", "serialization"]
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """An annotation, and the schema that is filled in for it."""

    annotation: Any
    mode: Mode
    schema: Schema


class Schemas:
    """Ask with `of`, then `resolve` once: every schema that was handed out is filled in place.

    An annotation that has no JSON Schema (a callable, a foreign class) is described as `{}`, which allows anything.
    """

    def __init__(self) -> None:
        self.wanted: list[Wanted] = []
        self.components: dict[str, Schema] = {}
        """After `resolve`: the named shapes that the schemas refer to."""

    def __repr__(self) -> str:
        return f"<Schemas {len(self.wanted)} asked for, {len(self.components)} named>"

    def of(self, annotation: Any, mode: Mode) -> Schema:
        """Return the schema of `annotation` as it is read (`validation`) or written (`serialization`), still empty."""
        schema: Schema = {}

        if annotation is not Any and annotation is not Signature.empty:
            self.wanted.append(Wanted(annotation, mode, schema))

        return schema

    def resolve(self) -> None:
        """Fill in every schema that was asked for."""
        structs = [wanted for wanted in self.wanted if is_for_msgspec(wanted.annotation)]
        others = [wanted for wanted in self.wanted if not is_for_msgspec(wanted.annotation)]
        self.components = describe_with_pydantic(others)

        if structs:
            self.components |= describe_with_msgspec(structs, taken=self.components)

        self.components = {name: tidy(schema) for name, schema in sorted(self.components.items())}

        for wanted in self.wanted:
            found = tidy(wanted.schema)
            wanted.schema.clear()
            wanted.schema.update(found)

    def follow(self, schema: Schema) -> Schema:
        """Return what `schema` refers to, or itself."""
        while (target := schema.get("$ref", "")).startswith(REFERENCE):
            schema = self.components[target.removeprefix(REFERENCE)]

        return schema


def is_for_msgspec(annotation: Any) -> bool:
    """Whether msgspec reads, writes and describes `annotation`: a `Struct` stands somewhere inside; pydantic if not.

    Before Python 3.12 pydantic refuses the `TypedDict` of the standard library, so msgspec takes it there.
    """
    return (
        hasattr(annotation, "__struct_fields__")
        or (sys.version_info < (3, 12) and is_typeddict(annotation) and type(annotation).__module__ == "typing")
        or any(is_for_msgspec(item) for item in get_args(annotation))
    )


def to_plain(value: Any) -> Any:
    """Return `value` as JSON would hold it. Raises TypeError or ValueError where it cannot."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    try:
        plain = to_jsonable_python(value)
    except PydanticSerializationError:
        import msgspec

        plain = msgspec.to_builtins(value)

    # The order of a set differs from run to run.
    return sorted(plain, key=repr) if isinstance(value, set | frozenset) else plain


def describe_with_pydantic(wanted: Iterable[Wanted]) -> dict[str, Schema]:
    """Fill the schemas of `wanted` and return the definitions that they share."""
    from pydantic import PydanticUserError, TypeAdapter

    numbered = dict(enumerate(wanted))
    adapters: list[tuple[int, Mode, Any]] = []

    for number, item in numbered.items():
        try:
            adapters.append((number, item.mode, TypeAdapter(item.annotation)))
        except PydanticUserError:
            # Not a type that pydantic knows: whoever answers the request decides what it means.
            continue

    schemas, shared = TypeAdapter.json_schemas(
        adapters, ref_template=REFERENCE + "{model}", schema_generator=schema_generator()
    )

    for (number, _), schema in schemas.items():
        numbered[number].schema.update(schema)

    definitions: dict[str, Schema] = shared.get("$defs", {})
    return definitions


@cache
def schema_generator() -> type[Any]:
    """Pydantic's generator without titles that repeat a field's name, and without errors for what has no schema."""
    from pydantic.json_schema import GenerateJsonSchema

    class Generator(GenerateJsonSchema):
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}

        def field_title_should_be_set(self, schema: Any) -> bool:
            return False

        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:
            return {}

        def encode_default(self, dft: Any) -> Any:
            return to_plain(dft)

    return Generator


def describe_with_msgspec(wanted: list[Wanted], *, taken: Iterable[str]) -> dict[str, Schema]:
    """Fill the schemas of `wanted`; a definition whose name is among `taken` gets its module's name in front."""
    import msgspec

    schemas, components = msgspec.json.schema_components(
        [item.annotation for item in wanted], ref_template=REFERENCE + "{name}", schema_hook=describe_foreign
    )
    clashing = set(taken) & components.keys()
    names = {name: f"{module}.{name}" for name, module in modules_of(wanted) if name in clashing}
    rename_references([*schemas, *components.values()], names)

    for item, schema in zip(wanted, schemas, strict=True):
        item.schema.update(schema)

    return {names.get(name, name): schema for name, schema in components.items()}


def describe_foreign(kind: type) -> Schema:
    # msgspec takes an empty schema for no answer.
    return {"title": kind.__name__}


def modules_of(wanted: Iterable[Wanted]) -> Iterator[tuple[str, str]]:
    """Yield the name and the module of every class that msgspec finds inside the annotations."""
    import msgspec

    queue: list[Any] = list(msgspec.inspect.multi_type_info([item.annotation for item in wanted]))
    seen: set[int] = set()

    while queue:
        node = queue.pop()

        if id(node) in seen:
            continue

        seen.add(id(node))

        if isinstance(owner := getattr(node, "cls", None), type):
            yield owner.__name__, owner.__module__

        if isinstance(node, msgspec.inspect.Type | msgspec.inspect.Field):
            queue.extend(getattr(node, name) for name in node.__struct_fields__)
        elif isinstance(node, tuple):
            queue.extend(node)


def tidy(schema: Schema) -> Schema:
    """Return `schema` as the same text on every run, and valid JSON: keys and sets in order, no infinite bounds."""
    for node in walk(schema):
        for key in [key for key, value in node.items() if isinstance(value, float) and not math.isfinite(value)]:
            del node[key]

        if node.get("uniqueItems") and isinstance(node.get("default"), list):
            node["default"] = sorted(node["default"], key=repr)

    tidied: Schema = ordered(schema)
    return tidied


def ordered(node: Any, key: str = "") -> Any:
    """Return `node` with the keywords of its schemas sorted; members keep the order of their declaration."""
    if key in VALUES:
        return node

    if isinstance(node, dict):
        # Below `properties` stand schemas again, whatever their names are.
        named = key in MEMBERS
        return {name: ordered(node[name], "" if named else name) for name in (node if named else sorted(node))}

    return [ordered(item) for item in node] if isinstance(node, list | tuple) else node


def walk(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside `node`, itself included."""
    if isinstance(node, dict):
        yield node

        for value in list(node.values()):
            yield from walk(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from walk(value)


def references(node: Any) -> set[str]:
    """Return the names of the components that `node` refers to."""
    return {
        target.removeprefix(REFERENCE)
        for item in walk(node)
        if isinstance(target := item.get("$ref"), str) and target.startswith(REFERENCE)
    }


def rename_references(node: Any, names: dict[str, str], *, prefix: str = REFERENCE) -> None:
    """Point every reference inside `node` to a component's new name, discriminators included, in place."""
    targets = {prefix + old: prefix + new for old, new in names.items()}

    for item in walk(node) if targets else ():
        for key, value in item.items():
            if isinstance(value, str) and value in targets:
                item[key] = targets[value]
