"""A spreadsheet is sent whole, under a name that is nothing but a name."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hagworm import App
from hagworm.extend.excel import Column, read_rows
from hagworm.facade.spreadsheet import XLSX, Spreadsheet
from hagworm.testing import Client


async def rows() -> AsyncIterator[dict[str, object]]:
    for number in range(3):
        await asyncio.sleep(0)
        yield {"number": number, "name": "=1+1"}


def build(filename: str = "orders.xlsx", value: object = None) -> App:
    app = App()

    @app.get("/export")
    async def export() -> Spreadsheet:
        return Spreadsheet(rows() if value is None else [[value]], filename, columns=["number", Column("name", "Name")])

    return app


@pytest.mark.parametrize("engine", ["memory", "asgi", "tornado"])
async def test_the_client_gets_a_workbook(engine: str) -> None:
    async with Client(build(), engine=engine) as client:
        answer = await client.get("/export")
        head = await client.request("HEAD", "/export")

    assert answer.status == 200
    assert answer.headers["content-type"] == XLSX
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.xlsx"'
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert list(read_rows(answer.body)) == [["number", "Name"], [0, "=1+1"], [1, "=1+1"], [2, "=1+1"]]
    assert (head.status, head.body) == (200, b"")


async def test_s5_a_name_adds_no_header() -> None:
    async with Client(build('a"\r\nset-cookie: x=1\r\n订单.xlsx')) as client:
        answer = await client.get("/export")

    assert "set-cookie" not in answer.headers
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename=\"a_set-cookie: x=1__.xlsx\"; filename*=UTF-8''")


async def test_a_value_that_fits_no_cell_is_an_error_and_no_broken_file() -> None:
    async with Client(build(value=object())) as client:
        answer = await client.get("/export")

    assert answer.status == 500
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_it_shows_what_it_is() -> None:
    assert repr(Spreadsheet([])) == "<Spreadsheet 'Sheet1' 200>"
