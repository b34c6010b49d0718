"""Where it means the same, cron here is the cron of another library, whose authors followed Debian's."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from hagworm.extend.schedule.cron import Cron

EXPRESSIONS = [
    "*/5 * * * *",
    "30 2 * * *",
    "15 1,2,3 * * *",
    "0 */2 * * *",
    "5 2 1-7 * 1",
    "0 3 L * *",
    "0 12 * * 5#2",
    "0 2 * * 0L",
    "45 0 */2 * */2",
    "0 0 29 2 *",
    "59 23 31 12 *",
    "0 4 8-14 * SAT",
]
# Not Lord Howe: an hour field of `*` loses there, in the other library, the hour after a change by half an hour.
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tehran", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns"]
STARTS = [datetime(2011, 12, 28, 5, 7), datetime(2026, 3, 6, 23, 59), datetime(2026, 10, 24, 12)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_both_find_the_same_moments(expression: str, zone: str) -> None:
    cron = Cron(expression, tz=zone)

    for naive in STARTS:
        moment = naive.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
        peer = CronSim(expression, moment)

        for _ in range(12 if "29 2" in expression else 60):
            moment = cron.next(moment)
            assert moment.timestamp() == next(peer).timestamp()
