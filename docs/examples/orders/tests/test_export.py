"""The spreadsheet."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from orders.export import write_workbook
from orders.schemas import Item, Order, Status

MOMENT = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def order(number: int, customer: str) -> Order:
    items = [Item(sku="TEA", quantity=2, price_cents=450), Item(sku="=2+2", quantity=1, price_cents=5)]
    return Order(
        id=number, customer=customer, status=Status.NEW, items=items, version=1, created_at=MOMENT, updated_at=MOMENT
    )


def rows(content: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(BytesIO(content)).active.values)


def test_every_item_has_its_row() -> None:
    header, *body = rows(write_workbook([order(1, "Ada"), order(2, "Grace")]))

    assert header[:4] == ("Order", "Customer", "Status", "SKU")
    assert body == [
        (1, "Ada", "new", "TEA", 2, 450, 900, MOMENT.replace(tzinfo=None)),
        (1, "Ada", "new", "=2+2", 1, 5, 5, MOMENT.replace(tzinfo=None)),
        (2, "Grace", "new", "TEA", 2, 450, 900, MOMENT.replace(tzinfo=None)),
        (2, "Grace", "new", "=2+2", 1, 5, 5, MOMENT.replace(tzinfo=None)),
    ]


@pytest.mark.parametrize("start", "=+-@")
def test_text_is_never_a_formula(start: str) -> None:
    sheet = load_workbook(BytesIO(write_workbook([order(1, f'{start}HYPERLINK("http://x")')]))).active
    cell = sheet["B2"]

    assert (cell.data_type, cell.quotePrefix) == ("s", True)


def test_the_same_orders_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_workbook([order(1, "Ada")])
    monkeypatch.setattr("time.time", lambda: 1e9)

    assert write_workbook([order(1, "Ada")]) == first


def test_no_orders_are_a_sheet_with_a_header() -> None:
    assert len(rows(write_workbook([]))) == 1
