"""A type with a rule: what is checked wherever the type is used."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ("Checked",)


@dataclass(frozen=True)
class Checked:
    """The rule of `Annotated[type, Checked(parse)]`: `parse` takes what came from outside, and returns a `type`.

    Models of pydantic, and so every parameter and body of the facade, apply it; `check_fields` does for dataclasses,
    `parse_fields` for forms. `parse` raises ValueError with what was expected. `schema` is what OpenAPI says of it.
    """

    parse: Callable[[Any], Any]
    schema: dict[str, Any] = field(default_factory=dict, hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: "GetCoreSchemaHandler") -> "CoreSchema":
        """Tell pydantic to parse first, and to see that the result is of the type."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.parse, handler(source))

    def __get_pydantic_json_schema__(self, schema: "CoreSchema", handler: "GetJsonSchemaHandler") -> dict[str, Any]:
        """Tell pydantic what a document says of it."""
        return {**handler(schema), **self.schema}
