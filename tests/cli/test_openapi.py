"""`hagworm openapi` writes the bytes that the application serves."""

import json

from hagworm.testing import Client
from tests.cli.conftest import Project


async def test_the_bytes_are_those_that_are_served(shop: Project) -> None:
    done = shop.run("openapi", "shop:app", "-o", "openapi.json")
    written = (shop.folder / "openapi.json").read_bytes()

    assert done.exit_code == 0
    assert json.loads(written)["info"]["title"] == "Shop"
    assert done.stderr == f"openapi.json: {len(written)} bytes\n"

    from shop import app  # type: ignore[import-not-found]  # the project's

    async with Client(app, engine="memory") as client:
        response = await client.get("/openapi.json")

    assert response.body == written


def test_stdout_gets_the_same_bytes(shop: Project) -> None:
    shop.run("openapi", "shop:app", "-o", "openapi.json")

    assert shop.run("openapi", "shop:app").stdout_bytes == (shop.folder / "openapi.json").read_bytes()


def test_a_file_that_cannot_be_written_is_an_error(shop: Project) -> None:
    done = shop.run("openapi", "shop:app", "-o", "no/such/folder.json")

    assert done.exit_code == 1
    assert "cannot write no/such/folder.json: No such file or directory" in done.stderr
