"""`hagworm routes` lists what an application answers."""

import json

from tests.cli.conftest import Project

BOTH = """
from hagworm import App, WebSocket
from shop import app as inner

app = App()
app.mount("/shop", inner)


async def native(scope, receive, send): ...


app.mount_native("/old", native)


@app.websocket("/feed")
async def feed(ws: WebSocket) -> None: ...
"""
WRONG = """
from hagworm import App

app = App()


@app.get("/a")
async def one(): ...


@app.get("/a")
async def two(): ...
"""


def test_each_route_stands_with_its_handler_and_line(shop: Project) -> None:
    done = shop.run("routes", "shop:app")
    lines = [line.split() for line in done.stdout.splitlines()]

    assert done.exit_code == 0
    assert lines[0] == ["METHODS", "PATH", "NAME", "HANDLER"]
    assert lines[1][0].split(",")[0] == "GET"
    assert lines[1][1:] == ["/orders/{order_id:int}", "order", "shop:read_order", "(shop.py:25)"]


def test_routes_of_mounted_applications_stand_below_their_prefix(shop: Project) -> None:
    shop.write("both.py", BOTH)
    done = shop.run("routes", "both:app", "--json")
    routes = {route["path"]: route for route in json.loads(done.stdout)}

    assert done.exit_code == 0
    assert routes["/shop/orders/{order_id:int}"]["handler"] == "shop:read_order"
    assert routes["/shop/orders/{order_id:int}"]["tags"] == ["orders"]
    assert routes["/feed"]["methods"] == ["WEBSOCKET"]
    assert routes["/old/{rest:path}"]["methods"] == ["*"]


def test_a_mistake_in_a_declaration_is_told_with_its_line(project: Project) -> None:
    project.write("wrong.py", WRONG)
    done = project.run("routes", "wrong:app")

    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert "wrong.py:11" in done.stderr
    assert "Traceback" not in done.stderr
