"""Laws of dependencies: who is called, how often, in which order they end, and what they see of failures."""

import contextvars
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import pytest

from hagworm import App, BackgroundTasks, Depends, Header, HTTPError, Request, Router, Stream, WebSocket
from hagworm.extend.error import DefinitionError, StartupFailed
from hagworm.testing import Client


async def test_a_dependency_is_made_once_per_request_however_many_ask() -> None:
    made: list[int] = []

    async def number() -> int:
        made.append(1)
        return len(made)

    async def double(n: Annotated[int, Depends(number)]) -> int:
        return n * 2

    async def fresh(n: Annotated[int, Depends(number, cache=False)]) -> int:
        return n

    app = App()

    @app.get("/")
    async def handler(
        n: Annotated[int, Depends(number)], d: Annotated[int, Depends(double)], f: Annotated[int, Depends(fresh)]
    ) -> Any:
        return [n, d, f]

    async with Client(app) as client:
        assert (await client.get("/")).json() == [1, 2, 2]
        assert (await client.get("/")).json() == [3, 6, 4]


async def test_functions_classes_and_generators_of_both_kinds_provide() -> None:
    class Page:
        def __init__(self, request: Request, size: int = 10) -> None:
            self.size = size

    def plain() -> str:
        return "plain"

    def generator() -> Iterator[str]:
        yield "generator"

    async def async_generator() -> AsyncIterator[str]:
        yield "async generator"

    app = App()

    @app.get("/")
    async def handler(
        page: Annotated[Page, Depends()],
        a: Annotated[str, Depends(plain)],
        b: Annotated[str, Depends(generator)],
        c: str = Depends(async_generator),
    ) -> Any:
        return [page.size, a, b, c]

    async with Client(app) as client:
        assert (await client.get("/?size=3")).json() == [3, "plain", "generator", "async generator"]


async def test_call_scope_ends_before_the_response_request_scope_after_its_last_byte_background_last() -> None:
    order: list[str] = []

    async def call() -> AsyncIterator[None]:
        yield
        order.append("call")

    async def request_() -> AsyncIterator[None]:
        yield
        order.append("request")

    def thread() -> Iterator[None]:
        yield
        order.append("thread")

    async def body() -> AsyncIterator[bytes]:
        order.append("first byte")
        yield b"a"
        order.append("last byte")
        yield b"b"

    app = App()

    @app.get("/")
    async def handler(
        tasks: BackgroundTasks,
        a: Annotated[None, Depends(call, scope="call")],
        b: Annotated[None, Depends(request_)],
        c: Annotated[None, Depends(thread)],
    ) -> Stream:
        order.append("handler")
        tasks.add(order.append, "background")
        return Stream(body())

    async with Client(app) as client:
        assert (await client.get("/")).body == b"ab"

    assert order == ["handler", "call", "first byte", "last byte", "thread", "request", "background"]


async def test_a_dependency_sees_the_error_before_it_is_answered_and_may_change_it() -> None:
    seen: list[str] = []

    async def session() -> AsyncIterator[None]:
        try:
            yield
        except ValueError as exc:
            seen.append(f"rolled back: {exc}")
            raise HTTPError(409, "changed") from exc

    async def quiet() -> AsyncIterator[None]:
        try:
            yield
        except KeyError:
            seen.append("swallowed")

    app = App()

    @app.get("/change")
    async def change(s: Annotated[None, Depends(session)]) -> None:
        raise ValueError("x")

    @app.get("/swallow")
    async def swallow(s: Annotated[None, Depends(quiet)]) -> None:
        raise KeyError("x")

    async with Client(app) as client:
        assert (await client.get("/change")).status == 409
        assert (await client.get("/swallow")).status == 500

    assert seen == ["rolled back: x", "swallowed"]


async def test_a_failing_dependency_ends_those_made_before_it() -> None:
    ended: list[str] = []

    async def first() -> AsyncIterator[None]:
        try:
            yield
        finally:
            ended.append("first")

    async def second(f: Annotated[None, Depends(first, scope="call")]) -> None:
        raise HTTPError(401, "no")

    app = App()

    @app.get("/")
    async def handler(s: Annotated[None, Depends(second, scope="call")]) -> None: ...

    async with Client(app) as client:
        assert (await client.get("/")).status == 401

    assert ended == ["first"]


async def test_a_dependency_that_refuses_is_told_before_what_is_wrong_with_the_rest() -> None:
    async def guard(token: Annotated[str, Header()] = "") -> None:
        if token != "t":
            raise HTTPError(401, "who are you?")

    called: list[str] = []

    async def needs(number: int) -> int:
        called.append("needs")
        return number

    app = App()

    @app.post("/", dependencies=[Depends(guard)])
    async def handler(item: dict[str, int], n: Annotated[int, Depends(needs)]) -> None: ...

    async with Client(app) as client:
        assert (await client.post("/", json={"a": "x"})).status == 401
        assert (await client.post("/", json={"a": "x"}, headers={"token": "t"})).status == 422

    assert called == []


async def test_dependencies_of_app_and_router_are_called_outermost_first() -> None:
    order: list[str] = []

    def note(text: str) -> Any:
        async def call() -> None:
            order.append(text)

        return Depends(call)

    app = App(dependencies=[note("app")])
    router = Router(prefix="/r", dependencies=[note("router")])

    @router.get("/x", dependencies=[note("route")])
    async def handler() -> None: ...

    app.include(router, dependencies=[note("include")])

    async with Client(app) as client:
        await client.get("/r/x")

    assert order == ["app", "include", "router", "route"]


async def test_app_scope_is_made_at_start_once_and_ended_at_stop() -> None:
    order: list[str] = []

    async def pool(app: App) -> AsyncIterator[str]:
        order.append("open")
        yield app.title
        order.append("close")

    def name(p: Annotated[str, Depends(pool, scope="app")]) -> str:
        return p.upper()

    app = App(title="shop")

    @app.get("/")
    async def handler(
        p: Annotated[str, Depends(pool, scope="app")], n: Annotated[str, Depends(name, scope="app")]
    ) -> Any:
        return [p, n]

    async with Client(app) as client:
        assert order == ["open"]
        assert (await client.get("/")).json() == ["shop", "SHOP"]
        assert (await client.get("/")).json() == ["shop", "SHOP"]

    assert order == ["open", "close"]


async def test_a_failing_app_value_stops_the_start_and_closes_what_was_open() -> None:
    order: list[str] = []

    async def first() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            order.append("closed")

    async def second(f: Annotated[int, Depends(first, scope="app")]) -> int:
        raise OSError("no database")

    app = App()

    @app.get("/")
    async def handler(s: Annotated[int, Depends(second, scope="app")]) -> None: ...

    with pytest.raises(StartupFailed, match="no database"):
        await app.freeze().startup()

    assert order == ["closed"]


def test_a_longer_scope_may_not_lean_on_a_shorter_one() -> None:
    async def inner() -> None: ...
    async def outer(i: Annotated[None, Depends(inner, scope="call")]) -> None: ...
    async def from_request(request: Request) -> None: ...

    for dependency in (Depends(outer), Depends(from_request, scope="app")):
        app = App()
        app.get("/", dependencies=[dependency])(inner)

        with pytest.raises(DefinitionError, match="scope"):
            app.freeze()


async def test_overrides_hold_inside_their_block_and_nest() -> None:
    async def real() -> str:
        return "real"

    async def wraps(r: Annotated[str, Depends(real)]) -> str:
        return f"<{r}>"

    app = App()

    @app.get("/")
    async def handler(w: Annotated[str, Depends(wraps)]) -> str:
        return w

    async with Client(app) as client:

        async def answer() -> str:
            text: str = (await client.get("/")).json()
            return text

        with app.override(real, lambda: "one"):
            assert await answer() == "<one>"

            with app.override(wraps, lambda: "two"):
                assert await answer() == "two"

            assert await answer() == "<one>"

        assert await answer() == "<real>"


async def test_context_variables_reach_threads_and_generators_keep_theirs() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    async def set_it() -> None:
        variable.set("set")

    def read_in_thread() -> str:
        return variable.get()

    def around() -> Iterator[str]:
        token = variable.set("around")
        yield variable.get()
        variable.reset(token)

    app = App()

    @app.get("/", dependencies=[Depends(set_it)])
    async def handler(r: Annotated[str, Depends(read_in_thread)], a: Annotated[str, Depends(around)]) -> Any:
        return [r, a, variable.get()]

    async with Client(app) as client:
        assert (await client.get("/")).json() == ["set", "around", "set"]

    assert variable.get() == "unset"


async def test_a_dependency_that_fails_while_closing_is_logged_and_hurts_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken() -> AsyncIterator[None]:
        yield
        raise RuntimeError("while closing")

    app = App()

    @app.get("/")
    async def handler(b: Annotated[None, Depends(broken)]) -> str:
        return "ok"

    with caplog.at_level(logging.ERROR):
        async with Client(app) as client:
            assert (await client.get("/")).json() == "ok"

    assert "a dependency failed while closing" in caplog.text


async def test_a_websocket_has_dependencies_for_as_long_as_it_lives() -> None:
    order: list[str] = []

    async def room(ws: WebSocket, name: str) -> AsyncIterator[str]:
        order.append("enter")
        yield name
        order.append("leave")

    app = App()

    @app.websocket("/")
    async def feed(ws: WebSocket, r: Annotated[str, Depends(room, scope="connection")]) -> None:
        await ws.accept()
        await ws.send(r)
        order.append("served")

    async with Client(app) as client:
        async with client.websocket("/?name=x") as session:
            assert await session.receive_text() == "x"

    assert order == ["enter", "served", "leave"]


async def test_an_override_of_app_scope_leaves_the_other_values_where_they_are() -> None:
    async def first() -> str:
        return "first"

    async def second() -> str:
        return "second"

    app = App()

    @app.get("/")
    async def handler(
        a: Annotated[str, Depends(first, scope="app")], b: Annotated[str, Depends(second, scope="app")]
    ) -> Any:
        return [a, b]

    async with Client(app) as client:
        with app.override(first, lambda: "other"):
            assert (await client.get("/")).json() == ["other", "second"]

        assert (await client.get("/")).json() == ["first", "second"]
