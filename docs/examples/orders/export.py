"""Orders as a spreadsheet."""

import zipfile
from collections.abc import Iterable
from datetime import datetime
from io import BytesIO
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.xml.functions import tostring

from orders.schemas import Order

__all__ = ("XLSX", "write_workbook")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

COLUMNS = ("Order", "Customer", "Status", "SKU", "Quantity", "Price (cents)", "Amount (cents)", "Created (UTC)")
EPOCH = (1980, 1, 1, 0, 0, 0)


def write_workbook(orders: Iterable[Order]) -> bytes:
    """Return an xlsx file with one row for each item of each order.

    Text is text: a customer called `=1+1` is no formula. The same orders give the same bytes.
    """
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Orders")
    sheet.append(COLUMNS)
    newest = datetime(*EPOCH)

    for order in orders:
        newest = max(newest, order.updated_at.replace(tzinfo=None, microsecond=0))

        for item in order.items:
            sheet.append(
                [
                    order.id,
                    text(sheet, order.customer),
                    text(sheet, order.status),
                    text(sheet, item.sku),
                    item.quantity,
                    item.price_cents,
                    item.quantity * item.price_cents,
                    order.created_at.replace(tzinfo=None),
                ]
            )

    file = BytesIO()
    workbook.save(file)
    workbook.properties.created = workbook.properties.modified = newest
    return without_clock(file, tostring(workbook.properties.to_tree()))


def text(sheet: Any, value: str) -> Any:
    """Return a cell that a spreadsheet shows and never evaluates, whatever its first character is."""
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value))
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell


def without_clock(file: BytesIO, properties: bytes) -> bytes:
    """Return the archive without the time at which it was written."""
    packed = BytesIO()

    with zipfile.ZipFile(file) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = properties if name == "docProps/core.xml" else source.read(name)
            target.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)

    return packed.getvalue()
