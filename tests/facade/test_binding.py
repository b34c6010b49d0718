"""Laws of binding: where arguments come from, and that every problem is told at once."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from datetime import date
from enum import Enum
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal, TypedDict
from uuid import UUID

import msgspec
import pytest
from pydantic import BaseModel, Field

from hagworm import (
    App,
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    Form,
    Handler,
    Header,
    Path,
    Query,
    Request,
    Response,
    UploadFile,
    WebSocket,
)
from hagworm.extend.error import DefinitionError
from hagworm.facade.params import File
from hagworm.testing import Client

JSON = {"content-type": "application/json"}


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Item(BaseModel):
    name: str
    price: Annotated[float, Field(gt=0)]


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


class Pair(TypedDict):
    left: int
    right: str


class Row(msgspec.Struct):
    number: int
    tags: list[str] = []


class Filter(BaseModel):
    status: str = "any"
    ids: list[int] = []


async def ask(
    endpoint: Callable[..., Any], target: str = "/", *, path: str = "/", method: str = "GET", **options: Any
) -> Any:
    app = App()
    app.add(path, endpoint, methods=[method])

    async with Client(app) as client:
        return await client.request(method, target, **options)


async def value(endpoint: Callable[..., Any], target: str = "/", **options: Any) -> Any:
    response = await ask(endpoint, target, **options)
    assert response.status == 200, response.text
    return response.json()


async def problems(endpoint: Callable[..., Any], target: str = "/", **options: Any) -> list[list[Any]]:
    response = await ask(endpoint, target, **options)
    assert response.status == 422, response.text
    return [found["loc"] for found in response.json()["errors"]]


async def test_a_name_in_the_path_comes_from_the_path_and_simple_types_from_the_query() -> None:
    async def handler(number: int, q: str, limit: int = 10, flag: bool = False, tag: str | None = None) -> Any:
        return [number, q, limit, flag, tag]

    assert await value(handler, "/4?q=a%20b&flag=true&q=c", path="/{number:int}") == [4, "c", 10, True, None]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (int, "5", 5),
        (float, "1.5", 1.5),
        (bool, "off", False),
        (date, "2026-01-02", "2026-01-02"),
        (UUID, "12345678123456781234567812345678", "12345678-1234-5678-1234-567812345678"),
        (Colour, "blue", "blue"),
        (Literal["a", "b"], "b", "b"),
        (int | str, "x", "x"),
        (FilePath, "/tmp", "/tmp"),
        (Annotated[int, Field(ge=3)], "3", 3),
        (Any, "x", "x"),
    ],
)
async def test_simple_types_are_read_from_text(kind: Any, text: str, expected: Any) -> None:
    async def handler(x: Any) -> Any:
        return x

    handler.__annotations__["x"] = kind

    assert await value(handler, f"/?x={text}") == expected


async def test_markers_name_the_source_and_the_name_on_the_wire() -> None:
    async def handler(
        token: Annotated[str, Header("X-Token")],
        user_agent: Annotated[str, Header()],
        session: Annotated[str, Cookie()],
        who: Annotated[str, Query("from", min_length=2)],
        key: Annotated[int, Path("id", ge=1)],
        accept_language: Annotated[list[str] | None, Header()] = None,
    ) -> Any:
        return [token, user_agent, session, who, key, accept_language]

    headers = {"x-token": "t", "user-agent": "u", "cookie": "session=s"}

    assert await value(handler, "/9?from=me", path="/{id}", headers=headers) == ["t", "u", "s", "me", 9, None]


async def test_a_marker_may_stand_as_the_default() -> None:
    async def handler(limit: int = Query(default=5, le=10), name: str = Query("n", default="x")) -> Any:
        return [limit, name]

    assert await value(handler) == [5, "x"]
    assert await problems(handler, "/?limit=11") == [["query", "limit"]]


async def test_a_sequence_collects_every_value_and_a_default_is_never_shared() -> None:
    async def handler(tag: Annotated[list[str], Query()] = [], n: Annotated[set[int], Query()] = set()) -> Any:  # noqa: B006
        tag.append("end")
        return [tag, sorted(n)]

    app = App()
    app.get("/")(handler)

    async with Client(app) as client:
        assert (await client.get("/?tag=a&n=2&tag=b&n=1")).json() == [["a", "b", "end"], [1, 2]]
        assert (await client.get("/")).json() == [["end"], []]
        assert (await client.get("/")).json() == [["end"], []]


async def test_a_default_factory_makes_each_default() -> None:
    async def handler(ids: Annotated[list[int], Query(default_factory=lambda: [7])]) -> Any:
        return ids

    assert await value(handler) == [7]


async def test_b15_a_model_may_stand_for_the_whole_query() -> None:
    async def handler(chosen: Annotated[Filter, Query()]) -> Any:
        return chosen

    assert await value(handler, "/?status=new&ids=1&ids=2") == {"status": "new", "ids": [1, 2]}
    assert await value(handler) == {"status": "any", "ids": []}
    assert await problems(handler, "/?ids=x") == [["query", "ids", 0]]


@pytest.mark.parametrize(
    ("kind", "data", "expected"),
    [
        (Item, {"name": "a", "price": 1}, {"name": "a", "price": 1.0}),
        (Point, {"x": 1}, {"x": 1, "y": 0}),
        (Pair, {"left": 1, "right": "r"}, {"left": 1, "right": "r"}),
        (Row, {"number": 1, "tags": ["a"]}, {"number": 1, "tags": ["a"]}),
        (list[Item], [{"name": "a", "price": 1}], [{"name": "a", "price": 1.0}]),
        (dict[str, int], {"a": 1}, {"a": 1}),
        (Item | Point, {"x": 3}, {"x": 3, "y": 0}),
    ],
)
async def test_what_has_fields_or_items_comes_from_the_body(kind: Any, data: Any, expected: Any) -> None:
    async def handler(x: Any) -> Any:
        return x

    handler.__annotations__ = {"x": kind, "return": Any}

    assert await value(handler, method="POST", json=data) == expected


async def test_several_bodies_are_members_of_one_object() -> None:
    async def handler(item: Item, point: Point, note: Annotated[str, Body()] = "none") -> Any:
        return [item, point, note]

    sent = {"item": {"name": "a", "price": 2}, "point": {"x": 1}}

    assert await value(handler, method="POST", json=sent) == [{"name": "a", "price": 2.0}, {"x": 1, "y": 0}, "none"]
    assert await problems(handler, method="POST", json={"item": {"name": "a", "price": -1}}) == [
        ["body", "item", "price"],
        ["body", "point"],
    ]


async def test_a_single_body_may_be_embedded() -> None:
    async def handler(item: Annotated[Item, Body(embed=True)]) -> Any:
        return item.name

    assert await value(handler, method="POST", json={"item": {"name": "a", "price": 2}}) == "a"


async def test_bytes_take_the_body_as_sent_whatever_its_type() -> None:
    async def handler(data: Annotated[bytes, Body()]) -> Any:
        return len(data)

    assert await value(handler, method="POST", content=b"\0\xff", headers={"content-type": "image/png"}) == 2


async def test_every_problem_of_a_request_is_told_at_once() -> None:
    async def handler(n: int, item: Item, q: str, t: Annotated[int, Header()], s: Annotated[str, Cookie()]) -> None: ...

    found = await problems(handler, "/x", path="/{n}", method="POST", json={"price": 0}, headers={"t": "x"})

    assert found == [
        ["path", "n"],
        ["query", "q"],
        ["header", "t"],
        ["cookie", "s"],
        ["body", "name"],
        ["body", "price"],
    ]


async def test_the_place_of_a_problem_in_a_struct_is_told() -> None:
    async def handler(rows: list[Row]) -> None: ...

    assert await problems(handler, method="POST", json=[{"number": 1}, {"number": "x"}]) == [["body", 1, "number"]]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b'{"name":', JSON, 400),
        (b'{"name":"a","price":NaN}', JSON, 400),
        (b'{"name":"NaN","price":1}', JSON, 200),
        (b"\xef\xbb\xbf" + b'{"name":"a","price":1}', JSON, 200),
        ('{"name":"a","price":1}'.encode("utf-16"), JSON, 400),
        (b"[" * 100_000, JSON, 400),
        (b'{"name":"a","price":1}', {}, 415),
        (b'{"name":"a","price":1}', {"content-type": "text/plain"}, 415),
        (b'{"name":"a","price":1}', {"content-type": "application/vnd.x+json; v=1"}, 200),
        (b"", JSON, 422),
        (b"", {}, 422),
        (b"null", JSON, 422),
    ],
)
async def test_h13_a_json_body_is_json_or_refused(content: bytes, headers: dict[str, str], status: int) -> None:
    async def handler(item: Item) -> None: ...

    response = await ask(handler, method="POST", content=content, headers=headers)

    assert response.status == (204 if status == 200 else status), response.text


async def test_the_offset_of_a_syntax_error_is_told() -> None:
    async def handler(item: Item) -> None: ...

    response = await ask(handler, method="POST", content=b'{"name" 1}', headers=JSON)

    assert response.json()["type"] == "urn:hagworm:json-syntax"
    assert response.json()["offset"] == 8


async def test_the_input_that_was_refused_is_not_repeated() -> None:
    async def handler(item: Item) -> None: ...

    response = await ask(handler, method="POST", json={"name": "a", "price": "secret-word"})

    assert "secret-word" not in response.text


async def test_forms_and_files_are_bound_by_name() -> None:
    async def handler(
        name: Annotated[str, Form()],
        upload: UploadFile,
        raw: Annotated[bytes, File()],
        many: list[UploadFile],
        note: Annotated[str, Form()] = "-",
    ) -> Any:
        return [name, upload.filename, raw.decode(), len(many), note]

    files = [("upload", ("a.txt", b"1")), ("raw", ("b.txt", b"2")), ("many", ("c", b"3")), ("many", ("d", b"4"))]

    assert await value(handler, method="POST", data={"name": "n"}, files=files) == ["n", "a.txt", "2", 2, "-"]
    assert await problems(handler, method="POST", data={"name": "n"}, files=[("x", ("x", b"x"))]) == [
        ["form", "upload"],
        ["form", "raw"],
        ["form", "many"],
    ]


async def test_a_model_may_stand_for_a_whole_form() -> None:
    async def handler(chosen: Annotated[Filter, Form()]) -> Any:
        return chosen

    assert await value(handler, method="POST", data={"status": "s", "ids": ["1", "2"]}) == {
        "status": "s",
        "ids": [1, 2],
    }


async def test_the_facades_own_objects_are_given_by_type() -> None:
    async def handler(request: Request, response: Response, tasks: BackgroundTasks, app: App) -> Any:
        response.headers["x-own"] = "1"
        response.status = 202
        response.set_cookie("a", "b")
        return [request.path, app.title, len(tasks.calls)]

    response = await ask(handler)

    assert (response.status, response.headers["x-own"], response.json()) == (202, "1", ["/", "hagworm", 0])
    assert response.headers["set-cookie"] == "a=b; Path=/; SameSite=Lax"


async def test_functions_run_in_threads_and_classes_handle_methods() -> None:
    import threading

    def handler(x: int) -> Any:
        return [x, threading.current_thread() is threading.main_thread()]

    class Orders(Handler):
        async def prepare(self) -> None:
            self.prefix = "p"

        async def get(self, number: int) -> Any:
            return [self.prefix, number, self.request.method]

        def delete(self, number: int) -> Any:
            return -number

    app = App()
    app.get("/sync")(handler)
    app.route("/orders/{number:int}")(Orders)

    async with Client(app) as client:
        assert (await client.get("/sync?x=1")).json() == [1, False]
        assert (await client.get("/orders/3")).json() == ["p", 3, "GET"]
        assert (await client.delete("/orders/3")).json() == -3
        assert (await client.put("/orders/3")).headers["allow"] == "DELETE, GET, HEAD, OPTIONS"


async def test_positional_only_arguments_and_partials_are_filled() -> None:
    from functools import partial

    async def handler(x: int, /, y: int = 0, *, z: int) -> Any:
        return [x, y, z]

    assert await value(partial(handler, z=3), "/?x=1") == [1, 0, 3]


def refusal(declare: Callable[[App], Any]) -> str:
    app = App()

    with pytest.raises(DefinitionError) as caught:
        declare(app)
        app.freeze()

    text = str(caught.value)
    assert "test_binding.py:" in text, text
    return text


def test_an_annotation_that_cannot_be_resolved_names_file_and_line() -> None:
    async def handler(x: "Missing") -> None: ...  # type: ignore[name-defined]  # noqa: F821 # the mistake under test

    assert "'Missing' is not defined" in refusal(lambda app: app.get("/")(handler))


def test_a_cycle_of_dependencies_is_told_with_its_path() -> None:
    def first(x: Any = None) -> None: ...
    def second(x: Any = Depends(first)) -> None: ...

    first.__defaults__ = (Depends(second),)

    async def handler(x: Annotated[Any, Depends(first)]) -> None: ...

    text = refusal(lambda app: app.get("/")(handler))

    assert "go round in a circle" in text
    assert text.count("first (") == 2


@pytest.mark.parametrize(
    ("says", "signature"),
    [
        ("no placeholder {other}", "other: Annotated[int, Path()]"),
        ("takes *args", "*args: int"),
        ("cannot be called", "x: Annotated[int, Depends(5)]"),
        ("a request has one body", "item: Item, f: Annotated[str, Form()]"),
    ],
)
def test_a_wrong_signature_is_refused_with_its_reason(says: str, signature: str) -> None:
    scope = dict(globals())
    source = f"async def handler({signature}): ..."
    exec(compile(source, "test_binding.py", "exec"), scope)

    assert says in refusal(lambda app: app.post("/")(scope["handler"]))


def test_a_websocket_has_no_body() -> None:
    async def handler(ws: WebSocket, item: Item) -> None: ...

    assert "does not have" in refusal(lambda app: app.websocket("/")(handler))


def test_a_handler_that_yields_is_refused() -> None:
    async def handler() -> AsyncIterator[int]:
        yield 1

    assert "may not yield" in refusal(lambda app: app.get("/")(handler))


def test_two_routes_for_one_method_and_path_name_both_places() -> None:
    async def one() -> None: ...
    async def two() -> None: ...

    def declare(app: App) -> None:
        app.get("/a/{x:int}")(one)
        app.get("/a/{y:int}")(two)

    assert refusal(declare).count("test_binding.py:") == 2


def test_two_routes_may_not_have_one_name() -> None:
    async def one() -> None: ...

    def declare(app: App) -> None:
        app.get("/a", name="n")(one)
        app.get("/b", name="n")(one)

    assert "named 'n' already" in refusal(declare)


def test_an_unknown_option_of_a_route_is_refused() -> None:
    async def one() -> None: ...

    assert "stauts" in refusal(lambda app: app.get("/", stauts=201)(one))
