"""The description of an application as a page that needs no script: what an OpenAPI document says, for people."""

import json
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from hagworm.facade.schema import REFERENCE, Schema

__all__ = ("METHODS", "page")

METHODS = ("get", "post", "put", "patch", "delete", "options", "head", "trace")
UNTAGGED = "Operations"
BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "matches {}",
}

Operation = tuple[str, str, dict[str, Any]]


def page(document: dict[str, Any], *, style: str, notice: str = "") -> bytes:
    """Return the page; `style` is the URL of its style sheet, `notice` is HTML that stands on top.

    Everything that comes out of the document is escaped.
    """
    return "".join(lines(document, style, notice)).encode()


def lines(document: dict[str, Any], style: str, notice: str) -> Iterator[str]:
    info = document["info"]
    title = escape(info["title"])
    groups = grouped(document)
    sockets = document.get("x-websockets", [])
    schemas = document.get("components", {}).get("schemas", {})

    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<title>{title} – API</title><link rel="icon" href="data:,"><link rel="stylesheet" href="{escape(style)}">'
    yield f"</head>\n<body><header><h1>{title}<small>{escape(info['version'])}</small></h1>"
    yield paragraph(info.get("description"))
    yield f'<div class="note">{notice}</div>' if notice else ""
    yield navigation([*groups, *(["WebSockets"] if sockets else []), *(["Schemas"] if schemas else [])])
    yield "</header>\n<main>"

    for group, operations in groups.items():
        yield heading(group)

        for method, path, operation in operations:
            yield from operation_block(method, path, operation)

    if sockets:
        yield heading("WebSockets")

        for socket in sockets:
            yield from operation_block("ws", socket["path"], socket)

    if schemas:
        yield heading("Schemas")

        for name, schema in schemas.items():
            yield f'<details open id="{anchor("schema", name)}"><summary>'
            yield f'<span class="path">{escape(name)}</span></summary><div>'
            yield paragraph(schema.get("description"))
            yield schema_block(schema)
            yield "</div></details>\n"

    yield f"<footer>OpenAPI {escape(document['openapi'])}</footer></main></body></html>\n"


def grouped(document: dict[str, Any]) -> dict[str, list[Operation]]:
    """Return the operations by their first tag, in the order of the document."""
    groups: dict[str, list[Operation]] = {}

    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if (operation := item.get(method)) is not None:
                group = (operation.get("tags") or [UNTAGGED])[0]
                groups.setdefault(group, []).append((method, path, operation))

    return groups


def navigation(names: Iterable[str]) -> str:
    return "<nav>" + "".join(f'<a href="#{anchor("group", name)}">{escape(name)}</a>' for name in names) + "</nav>"


def heading(name: str) -> str:
    return f'<h2 id="{anchor("group", name)}">{escape(name)}</h2>\n'


def anchor(kind: str, name: str) -> str:
    return escape("-".join((kind, *name.split())))


def paragraph(text: Any) -> str:
    return f"<p>{escape(str(text))}</p>" if text else ""


def operation_block(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    kind = ' class="deprecated"' if operation.get("deprecated") else ""
    named = f' id="{anchor("operation", operation["operationId"])}"' if "operationId" in operation else ""
    yield f'<details{named}{kind}><summary><span class="verb {method}">{method.upper()}</span>'
    yield f'<span class="path">{escape(path)}</span>'
    yield f'<span class="what">{escape(operation.get("summary", ""))}</span></summary><div>'
    yield paragraph("Deprecated." if kind else "")
    yield paragraph(operation.get("description"))

    if parameters := operation.get("parameters"):
        yield "<h3>Parameters</h3><table>"
        yield from (parameter_row(parameter) for parameter in parameters)
        yield "</table>"

    if body := operation.get("requestBody"):
        yield f"<h3>Body{required_mark(body)}</h3>{paragraph(body.get('description'))}{content_block(body)}"

    if responses := operation.get("responses"):
        yield "<h3>Responses</h3><table>"

        for status, response in responses.items():
            what = f"{escape(response.get('description', ''))}{content_block(response)}"
            yield f"<tr><td><code>{escape(str(status))}</code></td><td>{what}</td></tr>"

        yield "</table>"

    yield "</div></details>\n"


def parameter_row(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    return (
        f"<tr><td><code>{escape(parameter['name'])}</code>{required_mark(parameter)}</td>"
        f'<td><span class="type">{escape(parameter["in"])}</span> {type_of(schema)}{paragraph(facts(schema))}'
        f"{paragraph(parameter.get('description'))}</td></tr>"
    )


def required_mark(thing: dict[str, Any]) -> str:
    return '<span class="required">required</span>' if thing.get("required") is True else ""


def content_block(thing: dict[str, Any]) -> str:
    """Return each media type and what is in it."""
    parts: list[str] = []
    shown: Schema | None = None

    for media, entry in thing.get("content", {}).items():
        schema = entry.get("schema", {})
        parts.append(f"<p><code>{escape(media)}</code> {type_of(schema)}</p>")

        # Two media types of a form have one content, which need not be said twice.
        if "properties" in schema and schema != shown:
            parts.append(schema_block(schema))
            shown = schema

    return "".join(parts)


def schema_block(schema: Schema) -> str:
    """Return the members of an object as a table; what is no object is one line."""
    above = "".join(schema_block(part) if "properties" in part else type_of(part) for part in schema.get("allOf", ()))
    properties = schema.get("properties", {})

    if not properties:
        return above or f"<p>{type_of(schema)} {escape(facts(schema))}</p>"

    needed = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code>{required_mark({'required': name in needed})}</td>"
        f"<td>{type_of(field)}{paragraph(facts(field))}{paragraph(field.get('description'))}</td></tr>"
        for name, field in properties.items()
    )
    return f"{above}<table>{rows}</table>"


def type_of(schema: Any) -> str:
    """Return in a few words, as HTML, what a schema allows."""
    if not isinstance(schema, dict) or not schema:
        return '<span class="type">anything</span>'

    if (target := schema.get("$ref")) is not None:
        name = target.removeprefix(REFERENCE)
        return f'<a href="#{anchor("schema", name)}">{escape(name)}</a>'

    for word in ("anyOf", "oneOf"):
        if choices := schema.get(word):
            return " or ".join(type_of(choice) for choice in choices)

    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " | ".join(f"<code>{escape(to_text(value))}</code>" for value in values)

    if schema.get("type") == "array":
        return f'<span class="type">list of</span> {type_of(schema.get("items", {}))}'

    kinds = schema.get("type", "object" if "properties" in schema else "anything")
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)

    if text == "object" and isinstance(inner := schema.get("additionalProperties"), dict) and inner:
        return f'<span class="type">object of</span> {type_of(inner)}'

    named = schema.get("format")
    return f'<span class="type">{escape(f"{text} ({named})" if named else text)}</span>'


def to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def facts(schema: Any) -> str:
    """Return the bounds and the default of a schema as text."""
    if not isinstance(schema, dict):
        return ""

    said = [text.format(schema[key]) for key, text in BOUNDS.items() if key in schema]
    said += [f"default {to_text(schema['default'])}"] if schema.get("default") is not None else []
    return ", ".join(said)
