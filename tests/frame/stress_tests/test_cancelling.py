"""Laws of cancelling: wherever a load is cancelled, it leaves no connection, task, process or descriptor behind."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hagworm.frame.stress_tests.crew import lead
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import Closed, Open, Plan, Stage
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.target import parse_target, reach
from hagworm.testing.sweep import MOMENTS, cancel_sweep
from tests.frame.stress_tests.server import started

LONG = os.environ.get("HAGWORM_LONG") == "1"
SCENARIOS = str(Path(__file__).with_name("scenarios.py"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with started() as (found, _):
        yield found


@pytest.mark.parametrize("plan", [Open((Stage(0.02, 100, 100),)), Closed(2, 0.02)], ids=["open", "closed"])
@pytest.mark.parametrize("scenarios", [(), (f"{SCENARIOS}:Mixed",)], ids=["fixed", "scenario"])
async def test_a_load_inside_this_process_leaves_nothing_behind(
    url: str, plan: Plan, scenarios: tuple[str, ...]
) -> None:
    target = parse_target(f"{url}/ok")
    order = Order(target, reach(target, mine=False), plan, scenarios, timeout=2.0)

    async def load() -> Result:
        return await lead(order, processes=0)

    sweep = await cancel_sweep(load)

    assert sweep.suspensions > 0
    assert {cut.outcome for cut in sweep.cuts if cut.moment == "waiting"} == {"cancelled"}


@pytest.mark.timeout(180)
async def test_a_load_in_another_process_leaves_nothing_behind(url: str) -> None:
    target = parse_target(f"{url}/ok")
    order = Order(target, reach(target, mine=False), Closed(2, 0.05), timeout=2.0)

    async def load() -> Result:
        return await lead(order, processes=1)

    sweep = await cancel_sweep(load, moments=MOMENTS if LONG else MOMENTS[:1], timeout=20)

    assert {cut.outcome for cut in sweep.cuts if cut.moment == "waiting"} == {"cancelled"}
