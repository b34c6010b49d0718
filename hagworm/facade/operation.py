"""One route as an operation of OpenAPI: its schemas are asked for first, and it is written when all are known."""

from collections.abc import Iterator
from typing import Any

from hagworm.facade.binding import unwrap, without_none
from hagworm.facade.outcomes import BINARY, outcomes_of
from hagworm.facade.params import UNSET, Body
from hagworm.facade.plan import Parameter, RoutePlan
from hagworm.facade.problem_schema import ProblemSchemas
from hagworm.facade.routing import parse_template
from hagworm.facade.schema import Schema, Schemas, to_plain

__all__ = ("Operation",)

FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
FORMS = ("form", "file")
PLACES = ("path", "query", "header", "cookie")
CONVERTED: dict[str, Schema] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "uuid": {"type": "string", "format": "uuid"},
}


class Operation:
    """What OpenAPI says of one route, whatever the method."""

    def __init__(self, plan: RoutePlan, schemas: Schemas, problems: ProblemSchemas) -> None:
        self.plan = plan
        self.schemas = schemas
        visible = [parameter for parameter in plan.parameters if parameter.marker.include_in_schema]
        self.asked = [(parameter, ask(parameter, schemas)) for parameter in visible if parameter.source in PLACES]
        self.form = [(parameter, ask(parameter, schemas)) for parameter in visible if parameter.source in FORMS]
        self.body = [(parameter, ask(parameter, schemas)) for parameter in plan.body]
        validates = bool(plan.body) or any(can_be_wrong(parameter, plan) for parameter in plan.parameters)
        self.outcomes = () if plan.websocket else outcomes_of(plan, schemas, problems, validates=validates)

    def write(self, operation_id: str) -> dict[str, Any]:
        """Return the operation. Call it when the schemas are resolved."""
        return self.describe() | (
            {"operationId": operation_id}
            | ({"parameters": parameters} if (parameters := self.parameters()) else {})
            | ({"requestBody": body} if (body := self.request_body()) else {})
            | {"responses": {outcome.status: outcome.write() for outcome in self.outcomes}}
            | ({"deprecated": True} if self.plan.deprecated else {})
        )

    def write_websocket(self) -> dict[str, Any]:
        """Return what is worth saying of a WebSocket, for which OpenAPI has no word."""
        parameters = self.parameters()
        return (
            {"path": self.plan.path, "name": self.plan.name}
            | self.describe()
            | ({"parameters": parameters} if parameters else {})
            | ({"deprecated": True} if self.plan.deprecated else {})
        )

    def describe(self) -> dict[str, Any]:
        plan = self.plan
        return (
            ({"tags": list(plan.tags)} if plan.tags else {})
            | {"summary": plan.summary or plan.name.replace("_", " ").capitalize()}
            | ({"description": plan.description} if plan.description else {})
        )

    def parameters(self) -> list[dict[str, Any]]:
        """Return the parameters outside the body; placeholders that nobody asked for are part of the path still."""
        written: list[dict[str, Any]] = []

        for parameter, schema in self.asked:
            for entry in self.spread(parameter, schema):
                # A handler and its dependency may ask for the same one, which is one on the wire.
                if all((entry["name"], entry["in"]) != (other["name"], other["in"]) for other in written):
                    written.append(entry)

        template = parse_template(self.plan.template)
        asked = {entry["name"]: entry for entry in written if entry["in"] == "path"}
        silent: list[dict[str, Any]] = []

        for name in template.names:
            schema = CONVERTED.get(template.converter(name).name, {"type": "string"})

            if name not in asked:
                silent.append({"name": name, "in": "path", "required": True, "schema": schema})
            elif not asked[name]["schema"]:
                asked[name]["schema"] = schema

        return silent + written

    def spread(self, parameter: Parameter, schema: Schema) -> Iterator[dict[str, Any]]:
        """Yield the parameter, or one for each field where its annotation is a model that stands for its fields."""
        if not parameter.expand:
            yield entry_of(parameter, parameter.alias, parameter.required, schema | overlay(parameter))
            return

        model = self.schemas.follow(schema)
        needed = model.get("required", ()) if parameter.required else ()

        for name, field in model.get("properties", {}).items():
            wire = name.replace("_", "-").lower() if parameter.source == "header" else name
            yield entry_of(parameter, wire, name in needed, dict(field))

    def request_body(self) -> dict[str, Any]:
        if self.form:
            return self.form_body()

        if not self.body:
            return {}

        required = any(parameter.required for parameter, _ in self.body)
        first, schema = self.body[0]

        if len(self.body) > 1 or self.plan.embed:
            whole = members((parameter.alias, parameter.required, s | overlay(parameter)) for parameter, s in self.body)
            return body_of({"application/json": whole}, required=required)

        media = first.marker.media_type if isinstance(first.marker, Body) else "application/json"

        if is_bytes(first.annotation):
            media = "application/octet-stream" if media == "application/json" else media
            schema = BINARY

        return body_of({media: schema | overlay(first)}, required=required, description=first.marker.description)

    def form_body(self) -> dict[str, Any]:
        required = any(parameter.required for parameter, _ in self.form)
        types = FORM_TYPES[1:] if any(parameter.source == "file" for parameter, _ in self.form) else FORM_TYPES

        if len(self.form) == 1 and self.form[0][0].expand:
            return body_of(dict.fromkeys(types, self.form[0][1]), required=required)

        fields: list[tuple[str, bool, Schema]] = []

        for parameter, schema in self.form:
            if parameter.expand:
                model = self.schemas.follow(schema)
                needed = model.get("required", ()) if parameter.required else ()
                fields += [(name, name in needed, field) for name, field in model.get("properties", {}).items()]
            else:
                fields.append((parameter.alias, parameter.required, schema | overlay(parameter)))

        return body_of(dict.fromkeys(types, members(fields)), required=required)


def ask(parameter: Parameter, schemas: Schemas) -> Schema:
    """Ask for the schema of a parameter; the annotation holds its constraints."""
    if parameter.source == "file":
        return {"type": "array", "items": BINARY} if parameter.many else dict(BINARY)

    if parameter.source == "body" and is_bytes(parameter.annotation):
        return dict(BINARY)

    return schemas.of(parameter.annotation, "validation")


def overlay(parameter: Parameter) -> Schema:
    """Return what the declaration adds to the schema of the type."""
    marker = parameter.marker
    added: Schema = {}

    if marker.title:
        added["title"] = marker.title

    # A parameter has its own place for the description; the member of an object says it in its schema.
    if marker.description and parameter.source not in PLACES:
        added["description"] = marker.description

    if marker.examples:
        added["examples"] = [to_plain(example) for example in marker.examples]

    if not parameter.required and marker.default_factory is None and parameter.default not in (UNSET, None):
        try:
            added["default"] = to_plain(parameter.default)
        except (TypeError, ValueError):
            # A default that JSON cannot hold is left unsaid; that the parameter may be missing is said by `required`.
            return added

    return added


def entry_of(parameter: Parameter, name: str, required: bool, schema: Schema) -> dict[str, Any]:
    description = schema.pop("description", None) or parameter.marker.description
    deprecated = schema.pop("deprecated", False) or parameter.marker.deprecated
    return (
        {"name": name, "in": parameter.source, "required": required or parameter.source == "path", "schema": schema}
        | ({"description": description} if description else {})
        | ({"deprecated": True} if deprecated else {})
    )


def members(fields: Any) -> Schema:
    listed = list(fields)
    needed = [name for name, required, _ in listed if required]
    schema: Schema = {"type": "object", "properties": {name: field for name, _, field in listed}}
    return schema | ({"required": needed} if needed else {})


def body_of(content: dict[str, Schema], *, required: bool, description: str | None = None) -> dict[str, Any]:
    return (
        ({"description": description} if description else {})
        | {"content": {media: {"schema": schema} for media, schema in content.items()}}
        | ({"required": True} if required else {})
    )


def is_bytes(annotation: Any) -> bool:
    return without_none(unwrap(annotation)[0]) is bytes


def can_be_wrong(parameter: Parameter, plan: RoutePlan) -> bool:
    """Whether a request that gets as far as the handler may hold no value for the parameter, or an invalid one."""
    if parameter.source == "path":
        template = parse_template(plan.template)
        name = parameter.name if parameter.name in template.names else parameter.alias
        # A segment that its converter cannot read leads to no route at all.
        return parameter.annotation not in (Any, template.converter(name).type)

    return parameter.required or not (parameter.annotation is Any or without_none(parameter.annotation) is str)
