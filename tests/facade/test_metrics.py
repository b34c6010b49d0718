"""What is counted can be scraped, costs next to nothing, and cannot be blown up from outside."""

import re
from itertools import pairwise

import pytest

from hagworm import App, Request, Response, WebSocket
from hagworm.facade.metrics import BUCKETS, Metrics, expose
from hagworm.facade.plan import RoutePlan
from hagworm.testing import Client

LINE = re.compile(r'[a-z_]+(?:\{[a-z]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")*\})? -?[0-9.e+-]+')


def plan(template: str = "/orders/{id:int}") -> RoutePlan:
    return RoutePlan(("GET",), template, template, "read", plan, "file.py:1")


def lines(metrics: Metrics, start: str = "") -> list[str]:
    text = metrics.render().decode()
    return [line for line in text.splitlines() if line.startswith(start) and not line.startswith("#")]


def test_requests_are_counted_by_route_method_and_status() -> None:
    metrics, read = Metrics(), plan()

    for status in (200, 200, 404):
        metrics.observe(read, "GET", status, 0.003)

    assert lines(metrics, "http_requests_total") == [
        'http_requests_total{route="/orders/{id:int}",method="GET",status="200",class="2xx"} 2',
        'http_requests_total{route="/orders/{id:int}",method="GET",status="404",class="4xx"} 1',
    ]


def test_what_no_route_matches_is_counted_without_one() -> None:
    metrics = Metrics()
    metrics.observe(None, "GET", 404, 0.1)
    assert lines(metrics, "http_requests_total") == [
        'http_requests_total{route="",method="GET",status="404",class="4xx"} 1'
    ]


def test_invented_methods_share_one_series() -> None:
    metrics = Metrics()

    for number in range(100):
        metrics.observe(None, f"METHOD{number}", 501, 0.1)

    assert lines(metrics, "http_requests_total") == [
        'http_requests_total{route="",method="OTHER",status="501",class="5xx"} 100'
    ]
    assert len(metrics.cells) == 1


def test_two_routes_of_one_template_are_one_series() -> None:
    metrics = Metrics()
    metrics.observe(plan(), "GET", 200, 0.1)
    metrics.observe(plan(), "GET", 200, 0.1)
    assert len(lines(metrics, "http_requests_total")) == 1
    assert lines(metrics, "http_requests_total")[0].endswith(" 2")


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.0011, 0.5, 10.0, 11.0])
def test_a_bucket_holds_what_took_no_longer_than_its_bound(seconds: float) -> None:
    metrics = Metrics()
    metrics.observe(plan(), "GET", 200, seconds)
    counts = [int(line.rpartition(" ")[2]) for line in lines(metrics, "http_request_duration_seconds_bucket")]

    assert counts == [*(int(seconds <= bound) for bound in BUCKETS), 1]


def test_buckets_are_cumulative_over_all_statuses_and_end_with_the_count() -> None:
    metrics, read = Metrics(), plan()

    for number in range(50):
        metrics.observe(read, "GET", 200 + number % 3, number / 10)

    counts = [int(line.rpartition(" ")[2]) for line in lines(metrics, "http_request_duration_seconds_bucket")]
    assert all(low <= high for low, high in pairwise(counts))
    assert lines(metrics, "http_request_duration_seconds_count")[0].endswith(" 50")
    assert counts[-1] == 50
    assert float(lines(metrics, "http_request_duration_seconds_sum")[0].rpartition(" ")[2]) == pytest.approx(122.5)


def test_every_line_is_what_a_scraper_reads_and_every_metric_says_what_it_is() -> None:
    metrics = Metrics()
    metrics.observe(plan('/a"b\\c\nd'), "GET", 200, 0.1)
    text = metrics.render(in_flight=3, websockets=2).decode()
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    names = re.findall(r"^# TYPE (\w+) (?:counter|gauge|histogram)$", text, re.MULTILINE)

    assert text.endswith("\n")
    assert [line for line in samples if not LINE.fullmatch(line)] == []
    assert names == re.findall(r"^# HELP (\w+) .+$", text, re.MULTILINE)
    assert 'route="/a\\"b\\\\c\\nd"' in text
    assert "\nhttp_requests_in_flight 3\n" in text
    assert "\nwebsockets_open 2\n" in text
    assert "\nprocess_start_time_seconds " in text


def test_a_metric_without_samples_is_announced_still() -> None:
    assert "".join(expose("x_total", "counter", "X.", [])) == "# HELP x_total X.\n# TYPE x_total counter\n"


async def test_a_service_counts_what_it_answers() -> None:
    app = App()

    @app.get("/orders/{order_id:int}")
    async def read(order_id: int) -> int:
        return order_id

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    async with Client(app) as client:
        for path in ("/orders/1", "/orders/2", "/nothing", "/broken"):
            await client.get(path)

        text = (await client.get("/-/metrics")).body.decode()

    assert 'http_requests_total{route="/orders/{order_id:int}",method="GET",status="200",class="2xx"} 2' in text
    assert 'http_requests_total{route="",method="GET",status="404",class="4xx"} 1' in text
    assert 'http_requests_total{route="/broken",method="GET",status="500",class="5xx"} 1' in text
    assert "\nhttp_request_errors_total 1\n" in text
    assert "\nhttp_requests_in_flight 1\n" in text


async def test_a_service_counts_its_open_websockets() -> None:
    app = App()

    @app.websocket("/feed")
    async def feed(ws: WebSocket) -> None:
        await ws.accept()

        async for message in ws:
            await ws.send(message)

    async with Client(app) as client:
        async with client.websocket("/feed"):
            during = (await client.get("/-/metrics")).body.decode()

    assert "\nwebsockets_open 1\n" in during


async def test_two_applications_count_for_themselves() -> None:
    one, other = App(), App()

    async def handle(request: Request) -> Response:
        return Response()

    one.get("/only")(handle)

    async with Client(one) as first, Client(other) as second:
        await first.get("/only")
        text = (await second.get("/-/metrics")).body.decode()

    assert "/only" not in text
