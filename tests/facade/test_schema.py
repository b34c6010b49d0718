"""Schemas are collected first and described together, the same on every run."""

import enum
import math
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest
import typing_extensions
from pydantic import BaseModel, Field, computed_field

from hagworm.facade.schema import Mode, Schemas, is_for_msgspec, references, rename_references, to_plain


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Model(BaseModel):
    """What it is."""

    size: int = Field(1, alias="Size", ge=1)
    default: str = "x"
    tags: set[str] = {"c", "a", "b"}
    far: float = math.inf


class Inner(msgspec.Struct, rename="camel"):
    unit_price: int


class Struct(msgspec.Struct):
    """What the struct is."""

    parts: list[Inner] = []


class StandardDict(typing.TypedDict):
    zeta: int
    alpha: typing.NotRequired[str]


class ExtendedDict(typing_extensions.TypedDict):
    zeta: int
    alpha: typing_extensions.NotRequired[str]


@dataclass
class Point:
    x: int
    y: int = 0


def schema_of(annotation: Any, mode: Mode = "validation") -> tuple[dict[str, Any], dict[str, Any]]:
    schemas = Schemas()
    schema = schemas.of(annotation, mode)
    schemas.resolve()
    return schema, schemas.components


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (int, {"type": "integer"}),
        (str | None, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        (list[float], {"items": {"type": "number"}, "type": "array"}),
        (dict[str, bool], {"additionalProperties": {"type": "boolean"}, "type": "object"}),
        (Annotated[int, Field(ge=1, le=9)], {"maximum": 9, "minimum": 1, "type": "integer"}),
        (typing.Literal["a", "b"], {"enum": ["a", "b"], "type": "string"}),
        (None, {"type": "null"}),
        (Any, {}),
        (Callable[[], int], {}),
        (list[Inner], {"items": {"$ref": "#/components/schemas/Inner"}, "type": "array"}),
    ],
)
def test_every_annotation_has_a_schema(annotation: Any, schema: dict[str, Any]) -> None:
    assert schema_of(annotation)[0] == schema


@pytest.mark.parametrize("kind", [Model, Struct, StandardDict, ExtendedDict, Point, Colour])
def test_a_named_shape_becomes_a_component(kind: Any) -> None:
    schema, components = schema_of(kind)

    assert schema == {"$ref": f"#/components/schemas/{kind.__name__}"}
    assert kind.__name__ in components


def test_a_component_names_its_members_as_the_wire_does_and_in_the_order_of_declaration() -> None:
    assert list(schema_of(Model)[1]["Model"]["properties"]) == ["Size", "default", "tags", "far"]
    assert list(schema_of(Inner)[1]["Inner"]["properties"]) == ["unitPrice"]


def test_a_member_has_no_title_that_repeats_its_name() -> None:
    assert schema_of(Model)[1]["Model"]["properties"]["default"] == {"default": "x", "type": "string"}


def test_both_kinds_of_typed_dict_are_described_alike() -> None:
    standard, extended = schema_of(StandardDict)[1]["StandardDict"], schema_of(ExtendedDict)[1]["ExtendedDict"]

    assert {**standard, "title": ""} == {**extended, "title": ""}
    assert list(standard) == list(extended)


def test_the_order_of_a_set_says_nothing() -> None:
    assert schema_of(Model)[1]["Model"]["properties"]["tags"]["default"] == ["a", "b", "c"]
    assert to_plain({"c", "a", "b"}) == ["a", "b", "c"]


def test_an_infinite_default_is_left_out_as_json_has_none() -> None:
    assert schema_of(Model)[1]["Model"]["properties"]["far"] == {"type": "number"}


def test_what_is_read_and_what_is_written_differ_where_the_model_does() -> None:
    class Sum(BaseModel):
        net: int

        @computed_field
        def gross(self) -> int:
            return self.net * 2

    schemas = Schemas()
    read, written = schemas.of(Sum, "validation"), schemas.of(Sum, "serialization")
    schemas.resolve()

    assert list(schemas.follow(read)["properties"]) == ["net"]
    assert list(schemas.follow(written)["properties"]) == ["net", "gross"]


def model(module: str, **fields: Any) -> Any:
    return type("Order", (BaseModel,), {"__module__": module, "__annotations__": fields})


def test_models_that_share_a_name_are_told_apart_by_their_modules() -> None:
    schemas = Schemas()
    here = schemas.of(model("shop.orders", id=int), "validation")
    there = schemas.of(model("warehouse.orders", shelf=str), "validation")
    schemas.resolve()

    assert list(schemas.components) == ["shop__orders__Order", "warehouse__orders__Order"]
    assert here["$ref"] != there["$ref"]


def test_a_struct_that_shares_a_name_with_a_model_gets_its_module_in_front() -> None:
    class Order(msgspec.Struct):
        lines: list[Inner]

    schemas = Schemas()
    pydantic = schemas.of(model("shop.orders", id=int), "validation")
    struct = schemas.of(list[Order], "validation")
    schemas.resolve()

    assert pydantic == {"$ref": "#/components/schemas/Order"}
    assert struct["items"] == {"$ref": f"#/components/schemas/{__name__}.Order"}
    assert set(schemas.components) == {"Inner", "Order", f"{__name__}.Order"}


def test_a_struct_with_a_foreign_member_is_described_still() -> None:
    class Foreign:
        pass

    class Holder(msgspec.Struct):
        thing: Foreign

    assert schema_of(Holder)[1]["Holder"]["properties"] == {"thing": {"title": "Foreign"}}


@pytest.mark.parametrize(
    ("annotation", "is_msgspec"),
    [(Struct, True), (list[Struct] | None, True), (Model, False), (list[Model], False), (ExtendedDict, False)],
)
def test_a_struct_anywhere_makes_it_a_matter_for_msgspec(annotation: Any, is_msgspec: bool) -> None:
    assert is_for_msgspec(annotation) is is_msgspec


def test_references_are_found_and_renamed_wherever_they_stand() -> None:
    node = {"a": [{"$ref": "#/components/schemas/Old"}], "mapping": {"old": "#/components/schemas/Old"}}
    rename_references(node, {"Old": "New"})

    assert references(node) == {"New"}
    assert node["mapping"] == {"old": "#/components/schemas/New"}


@pytest.mark.parametrize(("value", "plain"), [(Colour.RED, "red"), (Inner(3), {"unitPrice": 3}), (None, None)])
def test_a_default_is_told_as_json_would_hold_it(value: Any, plain: Any) -> None:
    assert to_plain(value) == plain
