"""Laws of scenarios: what they say is counted, what they raise too, each user has its own, and all is torn down."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hagworm.extend.error import FeederEmpty, ScenarioError
from hagworm.frame.stress_tests.crew import lead
from hagworm.frame.stress_tests.feeder import Feeder
from hagworm.frame.stress_tests.order import Order
from hagworm.frame.stress_tests.plan import Closed, Open, Plan, Share, Stage, Think
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.scenario import Scenario, load_scenarios
from hagworm.frame.stress_tests.target import parse_target
from tests.frame.stress_tests.server import started

SCENARIOS = str(Path(__file__).with_name("scenarios.py"))
TWENTY = Open((Stage(0.2, 100, 100),))
NOBODY = parse_target("http://127.0.0.1:9/")


@pytest.fixture
def events() -> Iterator[list[Any]]:
    """What scenarios of this process did."""
    (kind,) = load_scenarios(f"{SCENARIOS}:Telling")
    found = sys.modules[kind.__module__].EVENTS
    found.clear()
    yield found


async def play(*names: str, plan: Plan = TWENTY, url: str = "", **fields: Any) -> Result:
    target = parse_target(url) if url else NOBODY
    paths = tuple(f"{SCENARIOS}:{name}" for name in names)
    return await lead(Order(target, (target.host, target.port), plan, paths, **fields), processes=0)


def counts(result: Result) -> dict[str, tuple[int, dict[str, int]]]:
    return {line.name: (line.successes, dict(line.failures)) for line in result.figures.lines}


async def test_an_exception_is_counted_once_with_its_reason() -> None:
    result = await play("Raising")

    assert counts(result) == {"Raising": (0, {"ValueError: not today": 20})}
    assert result.figures.iterations.failed == 20


async def test_a_block_that_raises_is_counted_under_its_own_name_and_not_again() -> None:
    result = await play("Measuring")

    assert counts(result) == {"fine": (20, {}), "broken": (0, {"LookupError: gone": 20})}
    assert result.figures.iterations.failed == 20


async def test_what_a_scenario_says_is_counted() -> None:
    result = await play("Telling")

    assert counts(result) == {"greeted": (20, {}), "sung to": (0, {"no voice": 20})}
    assert result.figures.line("greeted").service.percentile(50) == pytest.approx(0.01, rel=0.001)
    assert result.figures.line("sung to").failed.count == 20
    assert result.figures.iterations.failed == 0


async def test_a_check_that_does_not_hold_ends_the_run() -> None:
    with started() as (url, _):
        result = await play("Checking", url=f"{url}/")

    assert counts(result) == {"page": (20, {}), "Checking": (0, {"check: says goodbye": 20})}


async def test_what_is_begun_is_ended_and_who_was_set_up_is_torn_down(events: list[Any]) -> None:
    await play("Telling", plan=Closed(3, 0.5, think=Think(0.05, 0.05)))

    assert (events[0], events[-1]) == ("begin", "end")
    assert sorted(event for event in events if "set up" in event) == ["set up 0", "set up 1", "set up 2"]
    assert sorted(event for event in events if "tear" in event) == ["tear down 0", "tear down 1", "tear down 2"]


async def test_each_process_has_its_own_users_and_data(events: list[Any]) -> None:
    await play("Telling", plan=Closed(4, 0.5, think=Think(0.05, 0.05)), share=Share(1, 2))

    assert {event for event in events if "set up" in event} == {"set up 1", "set up 3"}
    assert "Bo" in events
    assert "Ada" not in events


async def test_scenarios_are_chosen_by_their_weight() -> None:
    found = counts(await play("Often", "Seldom", plan=Open((Stage(0.5, 2000, 2000),))))

    assert found["often"][0] + found["seldom"][0] == 1000
    assert 50 <= found["seldom"][0] <= 150


async def test_the_same_seed_chooses_the_same() -> None:
    plan = Open((Stage(0.1, 500, 500),))

    assert counts(await play("Often", "Seldom", plan=plan, seed=1)) == counts(
        await play("Often", "Seldom", plan=plan, seed=1)
    )


async def test_a_request_that_a_scenario_gives_up_is_counted() -> None:
    with started() as (url, counters):
        result = await play("Impatient", url=f"{url}/")
        received = counters()["never"]

    assert counts(result) == {"GET /never": (0, {"given up by the scenario": 20})}
    assert received == 20
    assert result.figures.iterations.failed == 0


async def test_a_request_that_finds_nobody_ends_the_run_and_is_counted_once() -> None:
    (line,) = (await play("Mixed", url="http://127.0.0.1:1/")).figures.lines

    assert line.failures == (("no connection: Connection refused", 20),)


async def test_a_file_without_a_class_means_all_of_it() -> None:
    assert {"Telling", "Often", "Seldom"} < {kind.name for kind in load_scenarios(SCENARIOS)}


async def test_a_module_by_its_name() -> None:
    (kind,) = load_scenarios("tests.frame.stress_tests.scenarios:Often")

    assert (kind.name, kind.weight) == ("Often", 9)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (f"{SCENARIOS}:Tellin", "no 'Tellin' in scenarios .did you mean 'Telling'"),
        (f"{SCENARIOS}:EVENTS", "not a scenario"),
        (f"{SCENARIOS}:Scenario", "not a scenario"),
        (SCENARIOS.replace("scenarios.py", "scenario.py"), "no such file: .* .did you mean 'scenarios.py'"),
        ("/nowhere/x.py", "no such file"),
        ("no.such.module:X", "no module named 'no'"),
        ("not a path", "not a scenario"),
        (f"{Path(__file__)}", "there is no scenario in"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(path: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        load_scenarios(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1 / 0\n", r"ZeroDivisionError: division by zero \(.*bad.py:1\)"),
        ("def", "SyntaxError"),
        ("exit()", "SystemExit"),
    ],
)
def test_a_file_that_fails_says_in_which_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)

    with pytest.raises(ScenarioError, match=message):
        load_scenarios(str(path))


def test_a_scenario_without_weight_is_refused() -> None:
    with pytest.raises(ScenarioError, match="the weight of Nothing is a positive number, not 0"):
        type("Nothing", (Scenario,), {"weight": 0})


def test_data_goes_round() -> None:
    feeder = Feeder("abc")

    assert [next(feeder) for _ in range(5)] == ["a", "b", "c", "a", "b"]


def test_data_that_is_fed_once_is_fed_once_by_all_processes_together() -> None:
    given = []

    for index in range(3):
        feeder = Feeder(range(10), "once")
        feeder.share(Share(index, 3))

        with pytest.raises(FeederEmpty):
            while True:
                given.append(next(feeder))

    assert sorted(given) == list(range(10))


def test_data_is_drawn_the_same_for_the_same_seed() -> None:
    draws = []

    for _ in range(2):
        feeder = Feeder(range(1000), "random")
        feeder.share(seed=4)
        draws.append([next(feeder) for _ in range(10)])

    assert draws[0] == draws[1]
    assert len(set(draws[0])) > 5


def test_fewer_rows_than_processes_are_shared_by_all() -> None:
    feeder = Feeder("a")
    feeder.share(Share(3, 4))

    assert next(feeder) == "a"


def test_data_comes_from_files(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name,age\nAda,36\n", "utf-8")
    (tmp_path / "people.json").write_text('[{"name": "Bo"}]', "utf-8")

    assert next(Feeder.from_csv(tmp_path / "people.csv")) == {"name": "Ada", "age": "36"}
    assert next(Feeder.from_json(tmp_path / "people.json")) == {"name": "Bo"}


@pytest.mark.parametrize("make", [lambda: Feeder([]), lambda: Feeder("a", "twice")], ids=["empty", "unknown"])  # type: ignore[arg-type]  # wrong on purpose
def test_data_that_cannot_be_fed_is_refused(make: Callable[[], Feeder]) -> None:
    with pytest.raises(ScenarioError):
        make()


def test_json_that_is_no_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")

    with pytest.raises(ScenarioError, match="not a list"):
        Feeder.from_json(tmp_path / "x.json")
