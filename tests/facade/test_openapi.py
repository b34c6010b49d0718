"""The document says what the routes do: valid OpenAPI 3.1, the same bytes whoever asks, wherever."""

import asyncio
import enum
import json
import os
import subprocess
import sys
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field

from hagworm import (
    HTML,
    App,
    Body,
    Cookie,
    Depends,
    EventStream,
    Form,
    Header,
    Query,
    Redirect,
    Request,
    Response,
    Router,
    Stream,
    Text,
    UploadFile,
    WebSocket,
)
from hagworm import (
    Path as PathParameter,
)
from hagworm.extend.error import DefinitionError
from hagworm.facade.failure import Conflict, NotFound, ValidationFailed
from hagworm.facade.openapi import document, merge_native, render
from hagworm.facade.params import File
from hagworm.facade.service_routes import describe


class Status(enum.StrEnum):
    NEW = "new"
    PAID = "paid"


class Item(BaseModel):
    """One line of an order."""

    sku: str = Field(min_length=1)
    quantity: int = Field(1, ge=1, description="How many.")


class Order(BaseModel):
    id: int
    items: list[Item]
    status: Status = Status.NEW


class Paging(BaseModel):
    limit: int = Field(20, ge=1, le=100, description="How many at most.")
    after: int | None = None
    sort_by: str


@dataclass
class Change:
    status: Status


class Note(msgspec.Struct):
    text: str


class Label(typing.TypedDict):
    name: str


def described(app: App) -> dict[str, Any]:
    made = describe(app)
    assert list(OpenAPIV31SpecValidator(made).iter_errors()) == []
    return made


def operation(handler: Any, path: str = "/x", method: str = "post", **options: Any) -> dict[str, Any]:
    """Return the one operation of an application whose only route is `handler`."""
    app = App()
    app.add(path, handler, methods=[method.upper()], **options)
    (item,) = described(app)["paths"].values()
    found: dict[str, Any] = item[method]
    return found


def one_parameter(handler: Any, path: str = "/x") -> dict[str, Any]:
    (found,) = operation(handler, path, "get")["parameters"]
    return found


# Parameters -----------------------------------------------------------------------------------------------------------


def test_a_parameter_of_the_path_has_the_type_of_its_annotation() -> None:
    async def read(order_id: int) -> None: ...

    assert one_parameter(read, "/orders/{order_id:int}") == {
        "name": "order_id",
        "in": "path",
        "required": True,
        "schema": {"type": "integer"},
    }


@pytest.mark.parametrize(
    ("converter", "schema"),
    [
        ("", {"type": "string"}),
        (":int", {"type": "integer"}),
        (":float", {"type": "number"}),
        (":uuid", {"type": "string", "format": "uuid"}),
        (":path", {"type": "string"}),
    ],
)
def test_a_placeholder_that_no_handler_asks_for_has_the_type_of_its_converter(
    converter: str, schema: dict[str, str]
) -> None:
    async def silent() -> None: ...

    async def untyped(key) -> None: ...  # type: ignore[no-untyped-def]

    for handler in (silent, untyped):
        found = one_parameter(handler, f"/things/{{key{converter}}}")
        assert (found["name"], found["required"], found["schema"]) == ("key", True, schema)


def test_a_query_parameter_tells_its_default_and_its_constraints() -> None:
    async def search(limit: Annotated[int, Query(ge=1, le=100, description="At most.")] = 20) -> None: ...

    assert one_parameter(search) == {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"maximum": 100, "minimum": 1, "type": "integer", "default": 20},
        "description": "At most.",
    }


def test_a_parameter_without_default_is_required() -> None:
    async def search(text: str) -> None: ...

    assert one_parameter(search)["required"] is True


def test_a_default_of_none_or_from_a_factory_is_not_told() -> None:
    async def search(
        status: Status | None = None,
        tags: Annotated[list[str], Query(default_factory=list)] = [],  # noqa: B006
    ) -> None: ...

    for parameter in operation(search, method="get")["parameters"]:
        assert parameter["required"] is False
        assert "default" not in parameter["schema"]


def test_a_list_takes_every_value_of_its_name() -> None:
    async def search(tags: Annotated[list[str], Query()]) -> None: ...

    assert one_parameter(search)["schema"] == {"items": {"type": "string"}, "type": "array"}


def test_a_header_has_the_name_that_it_has_on_the_wire() -> None:
    async def read(user_agent: Annotated[str, Header()], token: Annotated[str, Header("X-Token")] = "") -> None: ...

    names = [parameter["name"] for parameter in operation(read, method="get")["parameters"]]
    assert names == ["user-agent", "x-token"]


def test_a_cookie_is_a_parameter() -> None:
    async def read(theme: Annotated[str, Cookie(deprecated=True, examples=["dark"])] = "light") -> None: ...

    assert one_parameter(read) == {
        "name": "theme",
        "in": "cookie",
        "required": False,
        "schema": {"type": "string", "examples": ["dark"], "default": "light"},
        "deprecated": True,
    }


def test_a_model_of_the_query_is_described_field_by_field() -> None:
    async def search(paging: Annotated[Paging, Query()]) -> None: ...

    made = App()
    made.get("/x")(search)
    document = described(made)
    limit, after, sort_by = document["paths"]["/x"]["get"]["parameters"]

    assert limit["description"] == "How many at most."
    assert limit["schema"] == {"default": 20, "maximum": 100, "minimum": 1, "type": "integer"}
    assert after["required"] is False
    assert (sort_by["name"], sort_by["required"]) == ("sort_by", True)
    assert "Paging" not in document["components"]["schemas"], "nothing refers to the model itself"


def test_a_model_of_the_headers_has_their_names() -> None:
    async def search(paging: Annotated[Paging, Header()]) -> None: ...

    names = [parameter["name"] for parameter in operation(search, method="get")["parameters"]]
    assert names == ["limit", "after", "sort-by"]


def test_parameters_of_dependencies_are_parameters_of_the_route_once() -> None:
    async def user(token: Annotated[str, Header("X-Token")]) -> str:
        return token

    async def read(name: Annotated[str, Depends(user)], token: Annotated[str, Header("x-token")], q: int) -> None: ...

    names = [parameter["name"] for parameter in operation(read, method="get")["parameters"]]
    assert sorted(names) == ["q", "x-token"]


def test_what_the_facade_provides_is_no_parameter() -> None:
    async def read(request: Request, response: Response) -> None: ...

    found = operation(read, method="get")
    assert "parameters" not in found
    assert "422" not in found["responses"], "there is nothing to validate"


def test_a_parameter_may_be_kept_out_of_the_document() -> None:
    async def read(secret: Annotated[str, Query(include_in_schema=False)] = "") -> None: ...

    assert "parameters" not in operation(read, method="get")


def test_a_default_that_json_cannot_hold_is_not_told() -> None:
    async def read(part: Annotated[Any, Query(default=object())]) -> None: ...

    assert one_parameter(read)["schema"] == {}


# Bodies ---------------------------------------------------------------------------------------------------------------


def content(found: dict[str, Any]) -> dict[str, Any]:
    return {media: entry["schema"] for media, entry in found["content"].items()}


@pytest.mark.parametrize("kind", [Item, Change, Note, Label])
def test_a_model_is_the_whole_body(kind: Any) -> None:
    async def create(body: kind) -> None: ...  # type: ignore[valid-type]

    body = operation(create)["requestBody"]
    assert content(body) == {"application/json": {"$ref": f"#/components/schemas/{kind.__name__}"}}
    assert body["required"] is True


def test_several_body_parameters_are_members_of_one_object() -> None:
    async def create(item: Item, note: Annotated[str, Body(description="Why.")] = "none") -> None: ...

    (schema,) = content(operation(create)["requestBody"]).values()
    assert schema == {
        "type": "object",
        "properties": {
            "item": {"$ref": "#/components/schemas/Item"},
            "note": {"type": "string", "description": "Why.", "default": "none"},
        },
        "required": ["item"],
    }


def test_one_embedded_parameter_is_a_member_too() -> None:
    async def create(item: Annotated[Item, Body(embed=True)]) -> None: ...

    (schema,) = content(operation(create)["requestBody"]).values()
    assert schema["properties"] == {"item": {"$ref": "#/components/schemas/Item"}}


def test_a_body_with_a_default_is_not_required() -> None:
    async def create(item: Item | None = None) -> None: ...

    assert "required" not in operation(create)["requestBody"]


def test_bytes_are_taken_as_they_are() -> None:
    async def create(data: Annotated[bytes, Body()]) -> None: ...

    async def csv(data: Annotated[bytes, Body(media_type="text/csv")]) -> None: ...

    binary = {"type": "string", "format": "binary"}
    assert content(operation(create)["requestBody"]) == {"application/octet-stream": binary}
    assert content(operation(csv)["requestBody"]) == {"text/csv": binary}


def test_a_form_is_taken_in_both_encodings() -> None:
    async def login(name: Annotated[str, Form()], remember: Annotated[bool, Form()] = False) -> None: ...

    body = content(operation(login)["requestBody"])
    assert list(body) == ["application/x-www-form-urlencoded", "multipart/form-data"]
    assert body["multipart/form-data"] == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "remember": {"type": "boolean", "default": False}},
        "required": ["name"],
    }


def test_a_model_may_be_the_whole_form() -> None:
    async def login(item: Annotated[Item, Form()]) -> None: ...

    body = content(operation(login)["requestBody"])
    assert body["application/x-www-form-urlencoded"] == {"$ref": "#/components/schemas/Item"}


def test_a_model_in_a_form_with_others_lends_its_fields() -> None:
    async def login(item: Annotated[Item, Form()], note: Annotated[str, Form()]) -> None: ...

    schema = content(operation(login)["requestBody"])["multipart/form-data"]
    assert list(schema["properties"]) == ["sku", "quantity", "note"]
    assert schema["required"] == ["sku", "note"]


def test_a_file_is_binary_and_makes_the_form_multipart() -> None:
    async def upload(
        photo: UploadFile, more: list[UploadFile], raw: Annotated[bytes, File()], note: Annotated[str, Form()] = ""
    ) -> None: ...

    body = content(operation(upload)["requestBody"])
    binary = {"type": "string", "format": "binary"}
    assert list(body) == ["multipart/form-data"]
    assert body["multipart/form-data"]["properties"] == {
        "photo": binary,
        "more": {"type": "array", "items": binary},
        "raw": binary,
        "note": {"type": "string", "default": ""},
    }


# Responses ------------------------------------------------------------------------------------------------------------

ORDER = {"$ref": "#/components/schemas/Order"}


@pytest.mark.parametrize(
    ("returns", "status", "media"),
    [
        (Order, "200", {"application/json": ORDER}),
        (Annotated[Order, "x"], "200", {"application/json": ORDER}),
        (list[Order], "200", {"application/json": {"items": ORDER, "type": "array"}}),
        (Order | None, "200", {"application/json": {"anyOf": [ORDER, {"type": "null"}]}}),
        (Note, "200", {"application/json": {"$ref": "#/components/schemas/Note"}}),
        (list[Note], "200", {"application/json": {"items": {"$ref": "#/components/schemas/Note"}, "type": "array"}}),
        (Label, "200", {"application/json": {"$ref": "#/components/schemas/Label"}}),
        (str, "200", {"application/json": {"type": "string"}}),
        (dict[str, Any], "200", {"application/json": {"additionalProperties": True, "type": "object"}}),
        (Any, "200", {"application/json": {}}),
        (None, "204", {}),
        (HTML, "200", {"text/html": {"type": "string"}}),
        (Text, "200", {"text/plain": {"type": "string"}}),
        (EventStream, "200", {"text/event-stream": {"type": "string"}}),
        (Stream, "200", {"application/octet-stream": {"type": "string", "format": "binary"}}),
        (Response, "200", {}),
        (Redirect, "303", {}),
        (HTML | Order, "200", {"text/html": {"type": "string"}, "application/json": ORDER}),
    ],
)
def test_the_return_annotation_says_what_is_answered(returns: Any, status: str, media: dict[str, Any]) -> None:
    async def handle() -> returns: ...  # type: ignore[valid-type]

    (found,) = operation(handle)["responses"].items()
    assert found[0] == status
    assert content({"content": {}, **found[1]}) == media


def test_without_a_return_annotation_anything_may_come() -> None:
    async def handle(): ...  # type: ignore[no-untyped-def]

    assert operation(handle)["responses"] == {
        "200": {"description": "OK", "content": {"application/json": {"schema": {}}}}
    }


def test_a_redirect_beside_a_value_has_a_status_of_its_own() -> None:
    async def handle() -> Order | Redirect: ...

    responses = operation(handle, method="get")["responses"]
    assert list(responses) == ["200", "307"]
    assert "location" in responses["307"]["headers"]


def test_the_declared_status_is_the_one_of_success() -> None:
    async def create() -> Order: ...

    assert operation(create, status=201)["responses"]["201"]["description"] == "Created"


def test_a_response_class_says_the_media_type() -> None:
    async def page() -> str: ...

    assert content(operation(page, response_class=HTML)["responses"]["200"]) == {"text/html": {"type": "string"}}


def test_what_may_be_invalid_is_answered_with_a_problem() -> None:
    async def read(limit: int) -> None: ...

    app = App()
    app.get("/x")(read)
    made = described(app)
    failed = made["paths"]["/x"]["get"]["responses"]["422"]

    assert failed["description"] == "Unprocessable Content"
    assert content(failed) == {"application/problem+json": {"$ref": "#/components/schemas/ValidationProblem"}}
    assert list(made["components"]["schemas"]) == ["InvalidValue", "Problem", "ValidationProblem"]


def test_what_cannot_be_invalid_announces_no_problem() -> None:
    async def read(
        order_id: int, name: str, q: str = "", token: Annotated[str | None, Header("X-Token")] = None
    ) -> None: ...

    assert list(operation(read, "/orders/{order_id:int}/{name}", "get")["responses"]) == ["204"]


@pytest.mark.parametrize("kind", [float, Annotated[int, PathParameter(ge=1)]])
def test_a_path_may_be_invalid_beyond_its_converter(kind: Any) -> None:
    async def read(order_id: kind) -> None: ...  # type: ignore[valid-type]

    assert list(operation(read, "/orders/{order_id:int}", "get")["responses"]) == ["204", "422"]


def test_problems_have_the_shape_of_fastapi_where_that_is_asked_for() -> None:
    async def read(limit: int) -> None: ...

    app = App(compat="fastapi")
    app.get("/x")(read)
    made = described(app)

    assert content(made["paths"]["/x"]["get"]["responses"]["422"]) == {
        "application/json": {"$ref": "#/components/schemas/HTTPValidationError"}
    }
    assert list(made["components"]["schemas"]) == ["HTTPValidationError", "ValidationError"]


def test_a_model_called_problem_keeps_its_name() -> None:
    class Problem(BaseModel):
        mine: int

    async def read(problem: Problem) -> None: ...

    app = App()
    app.post("/x")(read)
    schemas = described(app)["components"]["schemas"]
    assert list(schemas["Problem"]["properties"]) == ["mine"]
    assert schemas["ValidationProblem"]["allOf"] == [{"$ref": "#/components/schemas/hagworm.Problem"}]


@pytest.mark.parametrize(
    ("declared", "description", "media"),
    [
        ("Twice.", "Twice.", {}),
        (None, "Conflict", {}),
        (Order, "Conflict", {"application/json": ORDER}),
        ({"model": Order, "description": "Twice."}, "Twice.", {"application/json": ORDER}),
        (
            {"model": Order, "content": {"text/csv": {"schema": {"type": "string"}}}},
            "Conflict",
            {"application/json": ORDER, "text/csv": {"type": "string"}},
        ),
        (Conflict, "Conflict", {"application/problem+json": {"$ref": "#/components/schemas/Problem"}}),
        (
            ValidationFailed,
            "Conflict",
            {"application/problem+json": {"$ref": "#/components/schemas/ValidationProblem"}},
        ),
        (HTML, "Conflict", {"text/html": {"type": "string"}}),
    ],
)
def test_further_responses_are_declared(declared: Any, description: str, media: dict[str, Any]) -> None:
    async def create() -> None: ...

    found = operation(create, responses={409: declared})["responses"]
    assert list(found) == ["204", "409"]
    assert found["409"]["description"] == description
    assert content({"content": {}, **found["409"]}) == media


def test_a_declaration_adds_to_the_response_that_is_known() -> None:
    async def read() -> Order: ...

    headers = {"etag": {"schema": {"type": "string"}}}
    found = operation(read, responses={200: {"description": "The order.", "headers": headers}})["responses"]["200"]
    assert found["description"] == "The order."
    assert content(found) == {"application/json": ORDER}
    assert found["headers"] == headers


# The document ---------------------------------------------------------------------------------------------------------


def test_an_operation_says_what_its_handler_says() -> None:
    async def read_order() -> None:
        """Read one order.

        With all its items,
        and their prices.
        """

    found = operation(read_order, method="get", tags=["orders"], deprecated=True)
    assert found["summary"] == "Read one order."
    assert found["description"] == "With all its items,\nand their prices."
    assert found["tags"] == ["orders"]
    assert found["deprecated"] is True


def test_a_handler_that_says_nothing_is_called_by_its_name() -> None:
    async def read_all_orders() -> None: ...

    found = operation(read_all_orders, method="get")
    assert found["summary"] == "Read all orders"
    assert "description" not in found


def test_one_sentence_is_not_said_twice() -> None:
    async def read() -> None:
        """Read it."""

    found = operation(read, method="get")
    assert found["summary"] == "Read it."
    assert "description" not in found


def test_paths_stand_in_the_order_of_declaration_and_methods_in_that_of_openapi() -> None:
    app = App()

    async def handle() -> None: ...

    app.add("/b", handle, methods=["DELETE", "POST", "GET"])
    app.get("/a/{key:int}")(handle)
    paths = described(app)["paths"]

    assert list(paths) == ["/b", "/a/{key}"]
    assert list(paths["/b"]) == ["get", "post", "delete"]


def test_what_every_service_has_is_not_in_the_document() -> None:
    assert described(App())["paths"] == {}


def test_a_route_may_be_kept_out_of_the_document() -> None:
    app = App()

    @app.get("/hidden", include_in_schema=False)
    async def hidden(item: Annotated[Item, Query()]) -> Order: ...

    made = described(app)
    assert made["paths"] == {}
    assert "components" not in made


def test_operation_ids_stay_the_same_when_routes_are_added() -> None:
    async def read_order() -> None: ...

    alone = operation(read_order, "/orders/{order_id:int}", "get")["operationId"]
    router = Router(prefix="/v1")
    router.get("/orders/{order_id:int}")(read_order)
    app = App()
    app.get("/orders/{order_id:int}")(read_order)
    app.include(router)
    first, second = (item["get"]["operationId"] for item in described(app)["paths"].values())

    assert alone == first == "read_order_orders_order_id_get"
    assert second == "read_order_v1_orders_order_id_get"


def test_operation_ids_are_unique_where_paths_read_alike() -> None:
    async def read() -> None: ...

    app = App()
    app.get("/a/b")(read)
    app.get("/a_b")(read)
    app.get("/c", operation_id="read_a_b_get_2")(read)
    ids = [item["get"]["operationId"] for item in described(app)["paths"].values()]

    assert ids == ["read_a_b_get", "read_a_b_get_3", "read_a_b_get_2"]


def test_an_operation_id_that_is_declared_is_kept() -> None:
    async def read() -> None: ...

    app = App()
    app.get("/one", operation_id="one")(read)
    app.add("/two", read, methods=["GET", "POST"], operation_id="two")
    paths = described(app)["paths"]

    assert paths["/one"]["get"]["operationId"] == "one"
    assert [found["operationId"] for found in paths["/two"].values()] == ["two_get", "two_post"]


def test_an_operation_id_that_is_declared_twice_is_an_error_that_names_both_places() -> None:
    async def read() -> None: ...

    app = App()
    app.get("/one", operation_id="same")(read)
    app.get("/two", operation_id="same")(read)

    with pytest.raises(DefinitionError, match=r"'same'.*test_openapi\.py:\d+"):
        describe(app)


def test_websockets_are_listed_beside_the_paths() -> None:
    app = App()

    @app.websocket("/feed/{room}")
    async def feed(ws: WebSocket, room: str, since: int = 0) -> None:
        """Order changes."""

    made = described(app)
    (socket,) = made["x-websockets"]
    assert made["paths"] == {}
    assert (socket["path"], socket["summary"]) == ("/feed/{room}", "Order changes.")
    assert [parameter["name"] for parameter in socket["parameters"]] == ["room", "since"]


def test_the_head_of_the_document_is_that_of_the_application() -> None:
    made = document([], title="T", version="2", description="D", servers=["/v1", {"url": "/v2", "description": "x"}])
    assert made == {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "2", "description": "D"},
        "servers": [{"url": "/v1"}, {"url": "/v2", "description": "x"}],
        "paths": {},
    }


def test_extra_is_merged_object_into_object() -> None:
    bearer = {"type": "http", "scheme": "bearer"}
    app = App(
        title="Orders",
        openapi_extra={
            "info": {"contact": {"name": "Shop"}},
            "components": {"securitySchemes": {"bearer": bearer}},
            "paths": {"/x": {"get": {"security": [{"bearer": []}]}}},
        },
    )

    @app.get("/x")
    async def read(limit: int) -> Order: ...

    made = described(app)
    assert made["info"] == {"title": "Orders", "version": "0.1.0", "contact": {"name": "Shop"}}
    assert made["components"]["securitySchemes"] == {"bearer": bearer}
    assert "Order" in made["components"]["schemas"]
    assert made["paths"]["/x"]["get"]["security"] == [{"bearer": []}]
    assert "parameters" in made["paths"]["/x"]["get"]


def test_bytes_are_equal_on_every_run() -> None:
    """Sets, addresses and hash seeds leave no trace."""
    code = """
import sys
from tests.facade.test_openapi import shop
from hagworm.facade.openapi import render
from hagworm.facade.service_routes import describe
sys.stdout.buffer.write(render(describe(shop())))
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == render(describe(shop()))


def test_the_bytes_are_indented_json_in_utf_8() -> None:
    made = document([], title="Łódź", version="1")
    text = render(made)
    assert "Łódź".encode() in text
    assert text.endswith(b"}\n")
    assert json.loads(text) == made


def test_making_a_document_does_not_change_the_next() -> None:
    app = shop()
    first = render(describe(app))
    other = App(compat="fastapi")
    other.get("/x")(lambda limit: None)
    describe(other)
    assert render(describe(app)) == first


def shop() -> App:
    """Return an application with something of everything."""
    app = App(title="Orders", version="1.0")

    class Tagged(BaseModel):
        tags: set[str] = {"x", "y", "z", "a", "b"}
        kinds: frozenset[Status] = frozenset(Status)

    @app.get("/orders/{order_id:int}", tags=["orders"], responses={404: NotFound})
    async def read_order(order_id: int, with_tags: Annotated[set[str], Query()] = {"p", "q", "r"}) -> Order: ...  # noqa: B006

    @app.post("/orders", status=201, tags=["orders"])
    async def create_order(order: Order, change: Change, note: Note, tagged: Tagged) -> list[Note]: ...

    @app.post("/files")
    async def upload(file: UploadFile) -> EventStream: ...

    @app.patch("/orders/{order_id:int}")
    async def change_order(order_id: Annotated[int, PathParameter(ge=1)], label: Label) -> Redirect | Order: ...

    return app


def test_an_application_with_something_of_everything_is_valid() -> None:
    described(shop())


# Native applications --------------------------------------------------------------------------------------------------


def native(**paths: Any) -> dict[str, Any]:
    return {"openapi": "3.1.0", "info": {"title": "N", "version": "1"}, "paths": {f"/{p}": i for p, i in paths.items()}}


def ours(path: str = "/x", returns: Any = Order) -> dict[str, Any]:
    async def read() -> returns: ...  # type: ignore[valid-type]

    app = App()
    app.get(path)(read)
    return describe(app)


def valid(made: dict[str, Any]) -> dict[str, Any]:
    assert list(OpenAPIV31SpecValidator(made).iter_errors()) == []
    return made


OK: dict[str, Any] = {"responses": {"200": {"description": "OK"}}}


def test_native_routes_stand_behind_those_of_the_facade() -> None:
    made = valid(merge_native(ours("/x"), native(y={"get": OK}, x={"get": OK, "post": OK})))

    assert list(made["paths"]) == ["/x", "/y"]
    assert "content" in made["paths"]["/x"]["get"]["responses"]["200"], "the facade answers first"
    assert made["paths"]["/x"]["post"] == OK
    assert made["info"]["title"] == "hagworm"


def test_routes_of_a_mounted_native_application_stand_below_its_prefix() -> None:
    made = valid(merge_native(ours("/x"), native(x={"get": OK}), prefix="/legacy"))
    assert list(made["paths"]) == ["/x", "/legacy/x"]


def test_a_native_component_of_another_shape_gets_another_name() -> None:
    refer = {"200": {"description": "OK", "content": {"application/json": {"schema": ORDER}}}}
    foreign = native(y={"get": {"responses": refer}})
    foreign["components"] = {"schemas": {"Order": {"type": "string"}, "Own": {"type": "integer"}}}
    made = valid(merge_native(ours(), foreign))
    content = made["paths"]["/y"]["get"]["responses"]["200"]["content"]

    assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/native_Order"}
    assert made["components"]["schemas"]["native_Order"] == {"type": "string"}
    assert made["components"]["schemas"]["Order"]["type"] == "object"
    assert made["components"]["schemas"]["Own"] == {"type": "integer"}


def test_a_component_of_the_same_shape_is_shared_unless_what_it_refers_to_differs() -> None:
    document = ours()
    same = document["components"]["schemas"]
    foreign = native() | {"components": {"schemas": json.loads(json.dumps(same))}}
    assert merge_native(document, foreign) == document

    foreign["components"]["schemas"]["Item"]["description"] = "Another one."
    merged = valid(merge_native(document, foreign))["components"]["schemas"]
    assert list(merged) == ["Item", "Order", "Status", "native_Item", "native_Order"]
    assert merged["native_Order"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/native_Item"}


def test_a_native_operation_id_that_is_taken_is_changed() -> None:
    made = merge_native(ours(), native(y={"get": OK | {"operationId": "read_x_get"}}))
    assert made["paths"]["/y"]["get"]["operationId"] == "native_read_x_get"


def test_native_security_holds_for_native_operations_only() -> None:
    foreign = native(y={"get": OK}) | {
        "security": [{"key": []}],
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }
    document = ours() | {"components": {"securitySchemes": {"key": {"type": "http", "scheme": "basic"}}}}
    made = merge_native(document, foreign)

    assert made["paths"]["/y"]["get"]["security"] == [{"native_key": []}]
    assert "security" not in made
    assert "security" not in made["paths"]["/x"]["get"]


def test_merging_leaves_both_documents_as_they_were() -> None:
    document, foreign = ours(), native(y={"get": OK | {"operationId": "read_x_get"}})
    before = json.dumps([document, foreign])
    merge_native(document, foreign)
    assert json.dumps([document, foreign]) == before


def test_the_document_of_a_real_fastapi_application_can_be_merged() -> None:
    import fastapi

    application = fastapi.FastAPI()

    @application.post("/native")
    async def create(order: Order, limit: int = 3) -> Item: ...

    made = valid(merge_native(ours(), application.openapi()))
    assert list(made["paths"]) == ["/x", "/native"]
    assert "Order" in made["components"]["schemas"]


async def test_a_mounted_application_says_where_it_is() -> None:
    from hagworm.testing import Client

    named, inner, outer = App(openapi_extra={"servers": [{"url": "https://shop.example"}]}), App(), App()
    outer.mount("/deep/inner", inner)
    outer.mount("/named", named)

    async with Client(outer) as client:
        answers = [await client.get(f"{base}/openapi.json") for base in ("", "/deep/inner", "/named")]
        direct = describe(inner)

    documents = [answer.json() for answer in answers]
    assert [document.get("servers") for document in documents] == [
        None,
        [{"url": "/deep/inner"}],
        [{"url": "https://shop.example"}],
    ]
    assert list(documents[1]) == ["openapi", "info", "servers", "paths"]
    assert "servers" not in direct


async def test_the_document_is_served() -> None:
    from hagworm.testing import Client

    async with Client(shop()) as client:
        response, again = await asyncio.gather(client.get("/openapi.json"), client.get("/openapi.json"))

    assert response.headers["content-type"] == "application/json"
    assert response.body == again.body == render(describe(shop()))


@pytest.mark.parametrize(
    ("kind", "value", "wrong"),
    [
        (Item, {"sku": "a", "quantity": 2}, {"sku": ""}),
        (list[Item], [{"sku": "a", "quantity": 1}], {}),
        (Note, {"text": "a"}, {"text": 1}),
        (list[Note], [{"text": "a"}], [{"text": 1}]),
        (Label, {"name": "a"}, {}),
        (Change, {"status": "paid"}, {"status": "lost"}),
        (dict[str, Status], {"a": "new"}, {"a": "lost"}),
    ],
)
async def test_what_is_described_is_what_is_taken_and_answered(kind: Any, value: Any, wrong: Any) -> None:
    from openapi_schema_validator import OAS31Validator

    from hagworm.testing import Client

    app = App()

    @app.post("/echo")
    async def echo(body: Annotated[kind, Body()], away: bool = False) -> kind | Redirect:  # type: ignore[valid-type]
        return Redirect("/elsewhere") if away else body

    made = described(app)
    found = made["paths"]["/echo"]["post"]

    def validator(schema: Any) -> OAS31Validator:
        return OAS31Validator({**schema, "components": made["components"]})

    taken = validator(*content(found["requestBody"]).values())

    async with Client(app) as client:
        answer, refused, moved = (
            await client.post("/echo", json=value),
            await client.post("/echo", json=wrong),
            await client.post("/echo?away=1", json=value),
        )

    assert [response.status for response in (answer, refused, moved)] == [200, 422, 303]
    assert {str(response.status) for response in (answer, refused, moved)} == set(found["responses"])
    assert (taken.is_valid(value), taken.is_valid(wrong)) == (True, False)

    for response in (answer, refused):
        (schema,) = content(found["responses"][str(response.status)]).values()
        validator(schema).validate(response.json())

    assert answer.json() == value


@pytest.mark.parametrize("source", [Body(), Query()])
def test_a_type_that_nobody_can_read_is_an_error_that_names_the_place(source: Any) -> None:
    class Foreign:
        pass

    async def read(thing: Annotated[Foreign, source]) -> None: ...

    app = App()
    app.post("/x")(read)

    with pytest.raises(DefinitionError, match=r"test_openapi\.py:\d+: 'thing' cannot be read"):
        app.freeze()
