"""The page without scripts tells everything that the document says, and nothing of it runs."""

from html.parser import HTMLParser
from typing import Annotated, Any

from pydantic import BaseModel, Field

from hagworm import App, Body, Form, Header, UploadFile, WebSocket
from hagworm.facade.reference import page
from hagworm.facade.service_routes import describe

VOID = {"link", "meta"}


class Reader(HTMLParser):
    """Reads a page strictly: every element is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data.split()

    @property
    def text(self) -> str:
        """What a person reads."""
        return " ".join(self.words)

    def values(self, name: str) -> set[str]:
        """Every value of an attribute."""
        return {value for _, attributes in self.elements if (value := attributes.get(name))}


class Part(BaseModel):
    """A part of something."""

    name: str = Field(min_length=2, pattern="^[a-z]+$")
    kind: str | int = "x"
    size: int | None = Field(None, ge=1, description="In bytes.")


class Whole(Part):
    parts: list[Part] = []
    named: dict[str, Part] = {}


def read(app: App, **options: Any) -> Reader:
    return Reader(page(describe(app), style="style.css", **options).decode())


def shop() -> App:
    app = App(title="Shop", version="3", description="What it is for.")

    @app.get("/parts/{name}", tags=["parts"], deprecated=True)
    async def read_part(name: str, token: Annotated[str, Header(description="Secret.")] = "none") -> Whole:
        """Read a part."""

    @app.post("/parts", tags=["parts"])
    async def create_part(part: Part, count: Annotated[int, Body(gt=0)]) -> None: ...

    @app.post("/files")
    async def upload(file: UploadFile, note: Annotated[str, Form()] = "") -> None: ...

    @app.websocket("/feed")
    async def feed(ws: WebSocket) -> None:
        """What happens."""

    return app


def test_everything_in_the_document_can_be_read() -> None:
    text = read(shop()).text

    for said in (
        "Shop 3 What it is for.",
        "GET /parts/{name} Read a part. Deprecated.",
        "name required path string",
        'token header string default "none" Secret.',
        "200 OK application/json Whole",
        "422 Unprocessable Content application/problem+json ValidationProblem",
        "POST /parts Create part",
        "count required integer > 0",
        "multipart/form-data object file required string (binary)",
        "204 No Content",
        "WS /feed What happens.",
        "A part of something.",
        "name required string at least 2 characters, matches ^[a-z]+$",
        'kind string or integer default "x"',
        "size integer or null In bytes.",
        "parts list of Part default []",
        "named object of Part",
    ):
        assert said in text


def test_every_link_inside_the_page_leads_somewhere() -> None:
    reader = read(shop())
    places = reader.values("id")
    links = {link.removeprefix("#") for link in reader.values("href") if link.startswith("#")}

    assert links
    assert links <= places


def test_no_place_has_two_names_alike() -> None:
    app = App()

    class Order(BaseModel):
        id: int

    app.get("/order", name="Order", tags=["Order"])(lambda: None)
    app.post("/order", tags=["Order"])(make_handler(Order))
    reader = read(app)
    places = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]

    assert {"group-Order", "schema-Order"} <= set(places)
    assert len(places) == len(set(places))


def make_handler(kind: type) -> Any:
    async def handler(order: kind) -> None: ...  # type: ignore[valid-type]

    return handler


def test_nothing_that_the_document_says_becomes_markup() -> None:
    evil = "\"><script>alert(1)</script>'&"
    app = App(title=evil, version=evil, description=evil)

    @app.get("/x", tags=[evil], summary=evil, description=evil, responses={404: evil})
    async def read_it(q: Annotated[str, Header(description=evil, alias="x-y")] = evil) -> None: ...

    reader = read(app)
    assert "script" not in {tag for tag, _ in reader.elements}
    assert reader.text.count("<script>alert(1)</script>") >= 7


def test_the_page_asks_for_nothing_but_its_style_sheet() -> None:
    reader = read(shop())
    outside = {link for link in reader.values("href") if not link.startswith("#")}

    assert outside == {"style.css", "data:,"}
    assert reader.values("src") == set()


def test_a_notice_stands_on_top() -> None:
    assert read(App(), notice="<code>pip</code>").text.startswith("hagworm – API hagworm 0.1.0 pip")


def test_an_application_without_routes_has_a_page() -> None:
    assert "OpenAPI 3.1.0" in read(App()).text
