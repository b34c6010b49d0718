"""The documentation page works in a browser that reaches nothing but the service, whichever engine serves it."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import BaseModel

from hagworm import App
from hagworm.facade import documentation
from hagworm.testing import Client
from tests.contract.chromium import Page, open_page

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("chromium")]

ENGINES = ("asgi", "fastapi", "tornado")


class Order(BaseModel):
    customer: str
    quantity: int = 3


def shop() -> App:
    app = App(title="Orders", description="Those of a shop.")

    @app.post("/orders", tags=["orders"], status=201)
    async def create_order(order: Order) -> Order:
        """Create an order."""
        return order

    return app


def assert_quiet(page: Page, client: Client) -> None:
    """Nothing went wrong in the page, and it asked nobody but the service."""
    assert page.complaints == []
    assert {urlsplit(url).netloc for url in page.requests if not url.startswith("data:")} == {
        client.transport.authority
    }


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_request_can_be_tried_from_the_page(engine: str, tmp_path: Path) -> None:
    async with Client(shop(), engine=engine) as client, open_page(tmp_path) as page:
        await page.open(f"http://{client.transport.authority}/docs")
        assert "Orders" in await page.appears(".info .title")
        assert "Those of a shop." in await page.appears(".info .description")
        await page.click(".opblock-post .opblock-summary-control")
        # Without the example in it the request would be incomplete, and stay unsent.
        await page.until("document.querySelector('textarea.body-param__text')?.value.includes('customer')")
        await page.click(".opblock-post .execute")
        answer = await page.appears(".live-responses-table .response")
        assert_quiet(page, client)

    assert "201" in answer
    assert '"quantity": 3' in answer


async def test_without_the_extra_the_page_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documentation, "find_swagger", lambda: None)

    async with Client(shop(), engine="asgi") as client, open_page(tmp_path) as page:
        await page.open(f"http://{client.transport.authority}/docs")
        await page.click("summary")
        text = await page.evaluate("document.body.innerText")
        background = await page.evaluate("getComputedStyle(document.querySelector('.verb')).backgroundColor")
        assert_quiet(page, client)

    assert "Create an order." in text
    assert "application/json Order" in text
    assert 'pip install "hagworm[docs]"' in text
    assert background == "rgb(35, 128, 63)", "the style sheet is in use"
