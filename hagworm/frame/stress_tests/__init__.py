"""Load generation whose figures can be trusted: scenarios or one request, open and closed model, many processes."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.frame.stress_tests.crew import lead as lead
    from hagworm.frame.stress_tests.feeder import Feeder as Feeder
    from hagworm.frame.stress_tests.figures import Figures as Figures
    from hagworm.frame.stress_tests.histogram import Distribution as Distribution
    from hagworm.frame.stress_tests.histogram import Histogram as Histogram
    from hagworm.frame.stress_tests.order import Order as Order
    from hagworm.frame.stress_tests.order import Request as Request
    from hagworm.frame.stress_tests.plan import Closed as Closed
    from hagworm.frame.stress_tests.plan import Open as Open
    from hagworm.frame.stress_tests.plan import Stage as Stage
    from hagworm.frame.stress_tests.plan import Think as Think
    from hagworm.frame.stress_tests.result import Result as Result
    from hagworm.frame.stress_tests.scenario import Scenario as Scenario

# Loaded on first use: a file of scenarios needs `Scenario`, whoever reads a result needs `Result`.
HOMES = {
    "Closed": "hagworm.frame.stress_tests.plan",
    "Distribution": "hagworm.frame.stress_tests.histogram",
    "Feeder": "hagworm.frame.stress_tests.feeder",
    "Figures": "hagworm.frame.stress_tests.figures",
    "Histogram": "hagworm.frame.stress_tests.histogram",
    "Open": "hagworm.frame.stress_tests.plan",
    "Order": "hagworm.frame.stress_tests.order",
    "Request": "hagworm.frame.stress_tests.order",
    "Result": "hagworm.frame.stress_tests.result",
    "Scenario": "hagworm.frame.stress_tests.scenario",
    "Stage": "hagworm.frame.stress_tests.plan",
    "Think": "hagworm.frame.stress_tests.plan",
    "lead": "hagworm.frame.stress_tests.crew",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
