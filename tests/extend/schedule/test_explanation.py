"""An expression is explained in words."""

import pytest

from hagworm.extend.schedule.explanation import explain
from hagworm.extend.schedule.syntax import read_expression

NEAR_15 = "the Monday to Friday nearest to day 15"


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("*/10 9-17 * * MON", "every 10 minutes from 09:00 to 17:59, on Monday"),
        ("*/10 */2 * * *", "every 10 minutes, in every 2nd hour"),
        ("* 8,20 * * *", "every minute from 08:00 to 08:59 and from 20:00 to 20:59"),
        ("7/20 * * * *", "in minutes 7, 27 and 47 of every hour"),
        ("1-5 * * * *", "in minutes 1 to 5 of every hour"),
        ("30 1-5 * * * *", "in minutes 1 to 5 of every hour at second 30"),
        ("@hourly", "every hour at minute 0"),
        ("15 * * * *", "every hour at minute 15"),
        ("20 15 * * * *", "every hour at minute 15, second 20"),
        ("0 */3 * * *", "every 3 hours at minute 0"),
        ("0 9-17 * * *", "every hour from 09:00 to 17:00"),
        ("0 8-10,14-16 * * *", "every hour from 08:00 to 10:00 and from 14:00 to 16:00"),
        ("0 1,3,6,7,9 * * *", "at 01:00, 03:00, 06:00, 07:00 and 09:00, every day"),
        ("* * * * * *", "every second"),
        ("*/10 * * * * *", "every 10 seconds"),
        ("5,35 * * * * *", "in seconds 5 and 35 of every minute"),
        ("* 30 2 * * *", "every second, in minute 30 of the hour from 02:00 to 02:59"),
        ("0 3 * * *", "at 03:00, every day"),
        ("30 0 3 * * *", "at 03:00:30, every day"),
        ("30 9,18 1,15 * *", "at 09:30 and 18:30, on days 1 and 15 of the month"),
        ("0 0 1-7 * *", "at 00:00, on days 1 to 7 of the month"),
        ("0 0 */2 * *", "at 00:00, on every 2nd day of the month"),
        ("0 0 L * *", "at 00:00, on the last day of the month"),
        ("0 0 L-3 * *", "at 00:00, on day 3 before the last of the month"),
        ("0 12 15W JAN *", f"at 12:00, on {NEAR_15} of the month, in January"),
        ("0 12 LW * *", "at 12:00, on the last Monday to Friday of the month"),
        ("0 3 * * 1-5", "at 03:00, on Monday to Friday"),
        ("0 0 * * FRI-SUN", "at 00:00, on Friday to Sunday"),
        ("0 0 * * SAT,SUN", "at 00:00, on Saturday and Sunday"),
        ("0 0 * * SUN-TUE", "at 00:00, on Sunday to Tuesday"),
        ("0 0 * * 5#3", "at 00:00, on the third Friday of the month"),
        ("0 0 * * MON,FRIL", "at 00:00, on Monday and the last Friday of the month"),
        ("0 0 1 1,6 FRI", "at 00:00, on day 1 of the month or on Friday, in January and June"),
        ("0 0 13 * */5", "at 00:00, on day 13 of the month if it is Sunday or Friday"),
        ("@yearly", "at 00:00, on day 1 of the month, in January"),
        ("0 22 * 5-8 *", "at 22:00, in May to August"),
    ],
)
def test_words(expression: str, words: str) -> None:
    assert explain(read_expression(expression)) == words
