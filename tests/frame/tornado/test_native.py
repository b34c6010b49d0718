"""Laws of a Tornado application behind the facade, on every engine."""

import asyncio
import logging

import pytest

from hagworm import App
from hagworm.extend.error import DefinitionError
from hagworm.frame.tornado import ENGINE
from hagworm.frame.tornado.native import mount
from hagworm.frame.tornado.passage import cut_prefix
from hagworm.testing import Client, StreamEnded
from tests.frame.tornado.neighbour import PLACES, Neighbour
from tests.frame.tornado.service import ask


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    """Where the application stands."""
    name: str = request.param
    return name


async def test_its_handlers_answer_beside_ours(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        assert (await client.get("/ours")).body == b'"ours"'
        headers = {"X-Many": "1"}
        response = await client.get(f"{neighbour.prefix}/echo/a%2Fb?a=1&a=%C3%A9", headers=headers)
        seen = response.json()

        assert response.status == 200
        assert seen["path"] == "/echo/a%2Fb"
        assert seen["query"] == "a=1&a=%C3%A9"
        assert seen["argument"] == ["1", "\xe9"]
        assert seen["protocol"] == "http"
        assert seen["ip"] == "127.0.0.1"
        assert seen["many"] == ["1"]


async def test_the_policy_of_the_facade_goes_with_every_answer(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        response = await client.get(f"{neighbour.prefix}/answer/200")

        assert len(response.headers.all("x-request-id")) == 1
        assert "server" not in response.headers
        # In memory nobody dates a response.
        assert len(response.headers.all("date")) == (neighbour.engine != "memory")
        assert (await client.get("/ours", headers={"host": "a b/c"})).status == 400
        assert (await client.get(f"{neighbour.prefix}/echo", headers={"host": "a b/c"})).status == 400


@pytest.mark.parametrize("status", [200, 201, 204, 304, 404, 503])
async def test_status_headers_and_body_come_through(place: str, status: int) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        response = await client.get(f"{neighbour.prefix}/answer/{status}")

        assert response.status == status
        assert response.body == (b"" if status in (204, 304) else b"answer")
        assert response.headers.all("x-two") == ["1", "2"]
        assert response.headers["set-cookie"] == "c=1; Path=/"


async def test_a_head_is_a_get_without_its_body_where_the_handler_has_one(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        for path, status in (("/echo", 405), ("/pieces", 200)):
            response = await client.head(f"{neighbour.prefix}{path}")
            assert (response.status, response.body) == (status, b"")

        assert (await client.get("/ours")).body == b'"ours"'


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
async def test_a_body_is_handed_over_whole(place: str, size: int) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        response = await client.post(f"{neighbour.prefix}/echo", content=b"x" * size)
        assert response.body == b"x" * size


async def test_or_piece_by_piece_to_a_handler_that_wants_it_so(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        response = await client.put(f"{neighbour.prefix}/upload", content=b"x" * 1_000_000)
        assert response.body == b"1000000"
        # In memory the client's one piece stays one.
        assert neighbour.notes.qsize() > (neighbour.engine != "memory")


async def test_a_handler_that_takes_its_time_holds_the_client_back() -> None:
    neighbour = Neighbour("tornado")

    async with neighbour.serving() as client, await client.connect() as connection:
        await ask(connection, "/upload?wait=1&limit=100000000", "Content-Length: 9000000", method="PUT")
        pushing = asyncio.ensure_future(connection.send(b"x" * 9_000_000))
        await neighbour.note()
        await asyncio.sleep(0.05)
        assert neighbour.notes.empty()
        neighbour.gate.set()
        assert (await connection.read_response("PUT")).body == b"9000000"
        await pushing


async def test_an_answer_may_come_before_the_body(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        response = await client.put(f"{neighbour.prefix}/upload?refuse=1", content=b"x" * 1000)
        assert (response.status, response.body) == (403, b"refused")


async def test_a_body_beyond_the_limits_is_refused_in_our_words(place: str) -> None:
    neighbour = Neighbour(place, body=1000)

    async with neighbour.serving() as client:
        for path in ("/echo", "/upload"):
            response = await client.put(f"{neighbour.prefix}{path}", content=b"x" * 1001)
            assert response.status == 413
            assert response.headers["content-type"] == "application/problem+json"


async def test_unless_the_handler_has_set_its_own_limit(place: str) -> None:
    neighbour = Neighbour(place, body=1000)

    async with neighbour.serving() as client:
        response = await client.put(f"{neighbour.prefix}/upload?limit=2000", content=b"x" * 1500)
        assert response.body == b"1500"
        assert (await client.put(f"{neighbour.prefix}/upload?limit=500", content=b"x" * 501)).status == 413


async def test_a_body_that_stops_coming_is_408() -> None:
    neighbour = Neighbour("tornado", body_idle=0.05)

    async with neighbour.serving() as client, await client.connect() as connection:
        await ask(connection, "/echo", "Content-Length: 10", method="POST")
        response = await connection.read_response("POST")

        assert response.status == 408


async def test_a_body_that_is_broken_is_400() -> None:
    neighbour = Neighbour("tornado")

    async with neighbour.serving() as client, await client.connect() as connection:
        await ask(connection, "/echo", "Transfer-Encoding: chunked", method="POST")
        await connection.send(b"xyz\r\n")
        assert (await connection.read_response("POST")).status == 400


async def test_a_response_comes_in_pieces(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        assert (await client.get(f"{neighbour.prefix}/pieces")).body == b"xxx"


async def test_and_waits_for_a_client_that_does_not_read() -> None:
    neighbour = Neighbour("tornado")

    async with neighbour.serving() as client:
        connection = await client.connect()
        await ask(connection, "/pieces?count=100000&size=65536")
        before = -1

        while neighbour.notes.qsize() != before:
            before = neighbour.notes.qsize()
            await asyncio.sleep(0.05)

        assert before < 1000
        connection.reset()

        while (seen := await neighbour.note()) != "closed":
            assert seen.isdigit()


async def test_a_client_that_leaves_is_noticed(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        connection = await client.connect()
        await ask(connection, f"{neighbour.prefix}/wait")
        assert await neighbour.note() == "waiting"
        connection.reset()
        assert await neighbour.note() == "left"


async def test_a_client_that_leaves_while_it_sends_is_noticed(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        connection = await client.connect()
        await ask(connection, f"{neighbour.prefix}/upload", "Content-Length: 10", method="PUT")
        await connection.send(b"half")
        assert await neighbour.note() == "4"
        connection.reset()
        assert await neighbour.note() == "left"


async def test_a_handler_that_fails_answers_as_tornado_does(place: str) -> None:
    neighbour = Neighbour(place)

    async with neighbour.serving() as client:
        response = await client.get(f"{neighbour.prefix}/fail/before")
        assert response.status == 500
        assert b"<title>500: Internal Server Error</title>" in response.body
        assert (await client.get(f"{neighbour.prefix}/fail/http")).status == 418


@pytest.mark.parametrize("how", ["middle", "short", "long"])
async def test_a_response_that_is_cut_never_looks_complete(
    place: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    neighbour = Neighbour(place)
    caplog.set_level(logging.CRITICAL)

    async with neighbour.serving() as client:
        with pytest.raises((StreamEnded, ConnectionError)):
            await client.get(f"{neighbour.prefix}/fail/{how}")

        assert (await client.get("/ours")).status == 200


async def test_what_nobody_has_is_our_404() -> None:
    neighbour = Neighbour("tornado")

    async with neighbour.serving() as client:
        response = await client.get("/nothing")

        assert response.status == 404
        assert response.headers["content-type"] == "application/problem+json"


async def test_what_tornado_cannot_read_is_refused_in_our_words() -> None:
    neighbour = Neighbour("memory at /old", target=100_000)

    async with neighbour.serving() as client:
        response = await client.get("/old/echo?" + "a=1&" * 2000)

        assert response.status == 400
        assert response.headers["content-type"] == "application/problem+json"


async def test_below_a_mount_it_is_tornados() -> None:
    neighbour = Neighbour("memory at /old")

    async with neighbour.serving() as client:
        assert b"<title>404" in (await client.get("/old/nothing")).body


async def test_handlers_may_be_added_to_the_application_that_is_made() -> None:
    import tornado.web

    class Late(tornado.web.RequestHandler):
        def get(self) -> None:
            self.write("late")

    app = App()
    application = app.native("tornado")
    assert isinstance(application, tornado.web.Application)
    assert app.native("tornado") is application
    application.add_handlers(".*", [("/late", Late)])

    async with Client(app, engine="tornado", access_log=False) as client:
        assert (await client.get("/late")).body == b"late"
        assert (await client.get("http://elsewhere/late")).body == b"late"


async def test_connections_live_on_and_requests_stay_in_order() -> None:
    neighbour = Neighbour("tornado")

    async with neighbour.serving() as client, await client.connect() as connection:
        request = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n%d"
        await connection.send(b"".join(request % number for number in range(5)))

        assert [(await connection.read_response("POST")).body for _ in range(5)] == [b"%d" % n for n in range(5)]
        assert await connection.state() == "kept"


async def test_what_waits_while_the_service_stops_is_answered_and_told_that_this_was_the_last() -> None:
    neighbour = Neighbour("tornado")

    async with neighbour.serving() as client, await client.connect() as connection:
        await ask(connection, "/wait")
        assert await neighbour.note() == "waiting"
        stopping = asyncio.ensure_future(client.transport.close())
        await asyncio.sleep(0.05)
        neighbour.gate.set()
        response = await connection.read_response()

        assert response.body == b"waited"
        assert response.headers["connection"] == "close"
        await stopping


def test_segments_of_a_prefix_are_counted() -> None:
    assert cut_prefix(b"/old/a%2Fb", "/old") == b"/a%2Fb"
    assert cut_prefix(b"/%6Fld/a", "/old") == b"/a"
    assert cut_prefix(b"/old", "/old") == b"/"
    assert cut_prefix(b"/old/", "/old") == b"/"
    assert cut_prefix(b"/v1/old//a/", "/v1/old") == b"//a/"
    assert cut_prefix(b"http://host/old/a", "/old") == b"/a"
    assert cut_prefix(b"/a/b", "") == b"/a/b"


def test_only_what_takes_connections_can_be_mounted() -> None:
    with pytest.raises(TypeError, match="no Tornado application"):
        mount(object(), "/old")  # type: ignore[arg-type]


def test_an_engine_has_a_name() -> None:
    assert ENGINE.name == "tornado"
    assert ENGINE.declare() == {}


async def test_a_definition_that_cannot_be_mounted_is_refused() -> None:
    with pytest.raises(DefinitionError):
        App().mount_native("/old", object())
