"""JSON Schema of the bodies that errors have: problem documents (RFC 9457), or FastAPI's shapes."""

from collections.abc import Iterable
from typing import Any

from hagworm.facade.schema import REFERENCE, Schema

__all__ = ("PROBLEMS", "ProblemSchemas", "final_names")

# While a document is made these names cannot meet a model's; `final_names` shortens those that nobody else has.
OURS = "hagworm."

LOCATION: Schema = {"type": "array", "items": {"type": ["string", "integer"]}}


class ProblemSchemas:
    """How errors look under one setting of `compat`: the media type, and the components `plain` and `validation`."""

    def __init__(self, media_type: str, plain: str, validation: str, components: dict[str, Schema]) -> None:
        self.media_type = media_type
        self.plain: Schema = {"$ref": REFERENCE + OURS + plain}
        self.validation: Schema = {"$ref": REFERENCE + OURS + validation}
        self.components = {OURS + name: {"title": name, **schema} for name, schema in components.items()}


def refer(name: str) -> Schema:
    return {"$ref": REFERENCE + OURS + name}


def shape(required: tuple[str, ...] = (), **properties: Any) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | {"required": list(required)} if required else schema


PROBLEMS = {
    "problem": ProblemSchemas(
        "application/problem+json",
        "Problem",
        "ValidationProblem",
        {
            "Problem": shape(
                ("type", "title", "status"),
                type={"type": "string", "format": "uri-reference", "default": "about:blank"},
                title={"type": "string"},
                status={"type": "integer", "minimum": 400, "maximum": 599},
                detail={"type": "string"},
                instance={"type": "string", "format": "uri-reference"},
                request_id={"type": "string"},
            ),
            "ValidationProblem": {
                "allOf": [refer("Problem")],
                **shape(("errors",), errors={"type": "array", "items": refer("InvalidValue")}),
            },
            "InvalidValue": shape(
                ("loc", "msg", "type"), loc=LOCATION, msg={"type": "string"}, type={"type": "string"}
            ),
        },
    ),
    "fastapi": ProblemSchemas(
        "application/json",
        "HTTPError",
        "HTTPValidationError",
        {
            "HTTPError": shape(("detail",), detail={}),
            "HTTPValidationError": shape(detail={"type": "array", "items": refer("ValidationError")}),
            "ValidationError": shape(
                ("loc", "msg", "type"),
                loc=LOCATION,
                msg={"type": "string"},
                type={"type": "string"},
                input={},
                ctx={"type": "object"},
            ),
        },
    ),
}


def final_names(taken: Iterable[str]) -> dict[str, str]:
    """Return the short name of each component of ours whose short name is not among `taken`."""
    ours = {name for problems in PROBLEMS.values() for name in problems.components}
    return {name: name.removeprefix(OURS) for name in sorted(ours) if name.removeprefix(OURS) not in set(taken)}
