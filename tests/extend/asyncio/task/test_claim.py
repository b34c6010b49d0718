"""Processes that share a store make each run once, and go on when one of them is killed."""

import json
import signal
import subprocess
import sys
from collections import Counter

from tests.tree import ROOT

MEMBER = """
import asyncio, json, sys
from redis.asyncio import Redis
from hagworm.extend.asyncio.task import IntervalTask, current_run

INTERVAL, RUNS = 0.1, 15

class Claims:
    def __init__(self, redis):
        self.redis = redis

    async def claim(self, key, ttl):
        return bool(await self.redis.set(key, "taken", nx=True, px=int(ttl * 1000)))

async def main():
    redis = Redis.from_url(sys.argv[1], socket_timeout=10)
    moments = set()
    enough = asyncio.Event()

    def run():
        print(json.dumps(round(current_run().moment / INTERVAL)), flush=True)

    def look():
        moments.add(round(asyncio.get_running_loop().time() / INTERVAL))
        if len(moments) > RUNS:
            enough.set()

    report = IntervalTask(INTERVAL, run, name="report", lock=Claims(redis), lock_ttl=60)
    async with report, IntervalTask(INTERVAL, look):
        await enough.wait()
    await redis.aclose()

asyncio.run(main())
"""


def test_one_of_many_processes_makes_each_run_and_others_go_on_when_it_is_killed(redis_port: int) -> None:
    command = [sys.executable, "-c", MEMBER, f"redis://127.0.0.1:{redis_port}"]
    victim, *others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]
    assert victim.stdout is not None
    first = victim.stdout.readline()  # empty if the others were always faster: it ends, and nobody is killed
    victim.send_signal(signal.SIGKILL)
    outputs = [first + victim.communicate(timeout=50)[0], *(other.communicate(timeout=50)[0] for other in others)]
    assert [other.returncode for other in others] == [0, 0, 0]

    runs = [[json.loads(line) for line in output.splitlines()] for output in outputs]
    made = Counter(moment for moments in runs for moment in moments)
    assert set(made.values()) == {1}, "no run is made twice"
    assert max(made) > max(runs[0], default=0), "the others go on"
