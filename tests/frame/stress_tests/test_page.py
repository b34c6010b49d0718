"""The page of a run is whole in itself: a browser without a network shows it, in light and dark, on paper and small."""

import base64
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hagworm.frame.stress_tests.chart import linear_axis, logarithmic_axis, percentile_axis
from hagworm.frame.stress_tests.objective import judge, parse_objectives
from hagworm.frame.stress_tests.page import write_page
from hagworm.frame.stress_tests.plan import Closed
from hagworm.frame.stress_tests.result import Result
from tests.contract.chromium import Page, open_page
from tests.frame.stress_tests.runs import drawn, steady, weather

NOTE = "lost: machine/1; what they did after their last report counts as unfinished"
BAD = "<script>alert(1)</script>"
LOADED = drawn(weather(errors=0.05), 4, seconds=20, rate=40, names=("GET /", BAD))
RUN = replace(LOADED, run=replace(LOADED.run, notes=(NOTE,), lost=("machine/1",)))
PAGE = write_page(RUN, judge(RUN, parse_objectives("p50<1s,error<0.1%")))
VOID = {"meta", "br"}


class Balance(HTMLParser):
    """What is open, and every element and attribute there was."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)

        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def balance(page: str) -> Balance:
    found = Balance()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def test_it_asks_for_nothing_and_has_no_script() -> None:
    found = balance(PAGE)

    assert not found.elements & {"script", "link", "img", "iframe", "object", "base", "form"}
    assert not found.attributes & {"src", "href", "onclick", "onload", "xlink:href"}
    assert "url(" not in PAGE and "@import" not in PAGE
    assert "default-src 'none'" in PAGE


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=10, unique=True),
    st.integers(0, 4),
    st.integers(0, 6),
    st.booleans(),
)
def test_any_run_has_a_page(names: list[str], seconds: int, rate: int, closed: bool) -> None:
    plan = Closed(2, max(1.0, float(seconds))) if closed else None
    result = drawn(steady(errors=0.4), seconds, seconds=max(1, seconds), rate=rate, names=tuple(names), plan=plan)

    balance(write_page(result, judge(result, parse_objectives("p99<1ms"))))


def test_a_long_run_has_a_page_of_bounded_size() -> None:
    long = drawn(steady(errors=0.1), 1, seconds=400, rate=1, names=tuple(f"name {number}" for number in range(12)))

    assert len(write_page(long)) < 250_000


@given(st.floats(1e-9, 1e5), st.floats(1, 1e6))
def test_every_time_has_its_place_on_a_logarithmic_axis(low: float, factor: float) -> None:
    axis = logarithmic_axis(low, low * factor, str)
    places = [axis.place(value) for value in (low, low * factor**0.5, low * factor)]

    assert places == sorted(places)
    assert -0.001 <= places[0] <= places[-1] <= 1
    assert axis.ticks and all(0 <= axis.place(value) <= 1 for value, _ in axis.ticks)


@given(st.floats(0, 1e9))
def test_a_linear_axis_begins_at_nothing_and_has_a_few_ticks(high: float) -> None:
    axis = linear_axis(high, str)

    assert axis.ticks[0][0] == 0 == axis.place(0)
    assert 2 <= len(axis.ticks) <= 7


def test_each_nine_is_equally_long() -> None:
    axis = percentile_axis(99.99)

    assert [axis.place(percent) for percent in (0, 90, 99, 99.9, 99.99)] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert [text for _, text in axis.ticks] == ["p0", "p50", "p90", "p99", "p99.9", "p99.99"]


async def shown(page: Page, path: Path, scheme: str, width: int) -> dict[str, Any]:
    await page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    await page.open(path.as_uri())
    found: dict[str, Any] = await page.evaluate(
        """({
            text: document.body.innerText,
            wide: document.documentElement.scrollWidth,
            back: getComputedStyle(document.body).backgroundColor,
            ink: getComputedStyle(document.body).color,
            charts: [...document.querySelectorAll('figure svg')].map(one => one.getBoundingClientRect().height),
            drawn: [...document.querySelectorAll('polyline')].every(one => one.getTotalLength() > 100),
            colours: new Set([...document.querySelectorAll('.curve')].map(one => getComputedStyle(one).stroke)).size,
        })"""
    )
    return found


def variety(answer: dict[str, Any]) -> int:
    """Return how many different bytes the pixels of a screenshot have: an empty page has a few."""
    png = base64.b64decode(answer["data"])
    assert png.startswith(b"\x89PNG")
    data, at = b"", 8

    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        data += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length

    return len(set(zlib.decompress(data)))


@pytest.mark.timeout(120)
@pytest.mark.xdist_group("chromium")
async def test_a_browser_without_a_network_shows_it(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(PAGE, "utf-8")

    async with open_page(tmp_path / "profile") as page:
        await page.call(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )
        light = await shown(page, path, "light", 1200)
        dark = await shown(page, path, "dark", 1200)
        small = await shown(page, path, "light", 420)
        screenshot = variety(await page.call("Page.captureScreenshot"))
        await page.call(
            "Emulation.setEmulatedMedia",
            media="print",
            features=[{"name": "prefers-color-scheme", "value": "dark"}],
        )
        ink = await page.evaluate("getComputedStyle(document.body).color + getComputedStyle(document.body).background")
        paper = await page.call("Page.printToPDF", printBackground=True)

        assert page.complaints == []
        assert {url.partition(":")[0] for url in page.requests} == {"file"}
        assert set(page.requests) == {path.as_uri()}

    for text in ("1 of 2 objectives missed", NOTE, BAD, "p99.9", "Rate and errors", "What failed", "status 500"):
        assert text in light["text"]

    assert len(light["charts"]) == 3 and min(light["charts"]) > 150
    assert light["drawn"] and light["colours"] == 4
    assert light["wide"] <= 1200 and small["wide"] <= 420
    assert light["back"] == "rgb(246, 247, 249)"
    assert dark["back"] == "rgb(15, 19, 25)"
    assert ink.startswith("rgb(27, 34, 48)rgb(255, 255, 255)"), "on paper it is light, whatever the screen is"
    assert screenshot > 40
    assert base64.b64decode(paper["data"]).startswith(b"%PDF")


def test_of_a_closed_run_it_says_what_the_times_are() -> None:
    result: Result = drawn(steady(), 1, seconds=3, rate=10, plan=Closed(2, 3.0))
    page = write_page(result)

    assert "corrected for coordinated omission" in page
    assert "Service times over time" in page
