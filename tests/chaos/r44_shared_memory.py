"""R44: memory that processes share, while its writers are killed and stopped.

    python tests/chaos/r44_shared_memory.py [--seed 7] [--long] [--history chaos.jsonl]

One writer, four readers, of which each now and then has a child read as well. The short form kills a writer 40 times,
the long one 500 times, over ten million reads.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from hagworm.extend.process import Heartbeat, SharedByteArray
from hagworm.extend.process.segment import FOLDER
from tests.chaos.bar import Bar, main

PROMISE = "no read is torn, whoever is killed or stopped; who leads is known; nothing is left in /dev/shm"

READERS = 4
SIZE = 64 * 1024
PATTERN = SIZE // 8
WORDS = 8 * 8
PATIENCE = 60.0
FIELDS = ("reads", "torn", "backwards")


def stamp(number: int) -> bytes:
    return number.to_bytes(8, "little") * PATTERN


def number_of(piece: bytes) -> int:
    """Return the number that a state consists of, -1 for a state that nobody has written."""
    return int.from_bytes(piece[:8], "little") if piece == piece[:8] * PATTERN else -1


def child(body: Callable[[], None]) -> int:
    """Run `body` in a forked child that ends as a program does, and return its process id."""
    if pid := os.fork():
        return pid

    leave(body)


def leave(body: Callable[[], None]) -> NoReturn:
    code = 1

    try:
        body()
        code = 0
    finally:
        os._exit(code)


def bury(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def await_that(condition: Callable[[], bool]) -> float:
    """Wait until something is so; return for how many seconds that was."""
    began = time.monotonic()

    while not condition():
        if time.monotonic() - began > PATIENCE:
            raise TimeoutError(f"it has not come about within {PATIENCE:g} s")

        time.sleep(0.001)

    return time.monotonic() - began


class Ward:
    """The memory, its readers, and a board for counts that each reader keeps of its own."""

    def __init__(self) -> None:
        self.array = SharedByteArray.create(size=SIZE, timeout=PATIENCE)
        self.counts = SharedByteArray.create(size=WORDS * READERS + 8)
        self.stop = self.counts.word(WORDS * READERS)
        self.array.write_at(0, stamp(1))
        self.readers = [child(lambda place=place: self.read(place)) for place in range(READERS)]  # type: ignore[misc]

    def word(self, place: int, field: str) -> int:
        return place * WORDS + FIELDS.index(field) * 8

    def total(self, field: str) -> int:
        return sum(self.counts.word(self.word(place, field)).get() for place in range(READERS))

    def read(self, place: int) -> None:
        with SharedByteArray.attach(self.array.name) as array:
            words = [self.counts.word(self.word(place, field)) for field in FIELDS]
            counts = [0, 0, 0]
            last = 0

            while not self.stop.get():
                number = number_of(array.read_at(0, SIZE))
                counts[0] += 1
                counts[1] += number < 0
                counts[2] += 0 <= number < last
                last = max(last, number)

                for word, count in zip(words, counts, strict=True):
                    word.set(count)

                if counts[0] % 2000 == 0:
                    bury(child(array.close))

    def write(self) -> None:
        with SharedByteArray.attach(self.array.name, timeout=PATIENCE) as array:
            number = number_of(array.read_at(0, SIZE))

            while True:
                number += 1
                array.write_at(0, stamp(number))

    def close(self) -> list[int]:
        """End the readers and return how each did."""
        self.stop.set(1)
        ends = [bury(pid) for pid in self.readers]
        self.array.close()
        self.counts.close()
        return ends


@contextmanager
def ward() -> Iterator[Ward]:
    made = Ward()

    try:
        yield made
    finally:
        for code in made.close():
            assert code == 0, f"a reader ended with {code}"


def kill_writers(bar: Bar, kills: int, reads: int) -> None:
    with bar.trial("killed in the middle") as trial, ward() as place:
        torn_by_death = 0

        for _ in range(kills):
            before = place.array.statistics().writes
            writer = child(place.write)
            await_that(lambda before=before: place.array.statistics().writes > before + 2)  # type: ignore[misc]
            time.sleep(bar.random.uniform(0, 0.004))
            os.kill(writer, signal.SIGKILL)
            bury(writer)
            torn_by_death += place.array.statistics().is_torn
            trial.expect(number_of(place.array.read_at(0, SIZE)) > 0, "a whole state after each death")

        await_that_reads(place, reads)
        seen = place.array.statistics()
        trial.note(
            kills=kills,
            died_in_the_middle=torn_by_death,
            repairs=seen.repairs,
            writes=seen.writes,
            reads=place.total("reads"),
        )
        trial.expect(place.total("torn") == 0, f"no torn reads: {place.total('torn')}")
        trial.expect(place.total("backwards") == 0, "no reader goes back")
        # The last death may not have been repaired yet.
        trial.expect(torn_by_death - 1 <= seen.repairs <= torn_by_death, "every death in the middle is repaired, once")


def await_that_reads(place: Ward, reads: int) -> None:
    """Have a writer write until there have been so many reads."""
    writer = child(place.write)

    try:
        while place.total("reads") < reads:
            time.sleep(0.01)
    finally:
        os.kill(writer, signal.SIGKILL)
        bury(writer)


def stop_writers(bar: Bar, stops: int) -> None:
    with bar.trial("stopped in the middle") as trial, ward() as place:
        writer = child(place.write)

        try:
            for _ in range(stops):
                time.sleep(bar.random.uniform(0, 0.004))
                os.kill(writer, signal.SIGSTOP)
                before = place.total("reads")
                await_that(lambda before=before: place.total("reads") > before + 20)  # type: ignore[misc]
                os.kill(writer, signal.SIGCONT)
        finally:
            os.kill(writer, signal.SIGKILL)
            bury(writer)

        trial.note(stops=stops, reads=place.total("reads"))
        trial.expect(place.total("torn") == 0, f"no torn reads: {place.total('torn')}")


def lose_leaders(bar: Bar, rounds: int) -> None:
    timeout = 0.4

    for number, name in ((signal.SIGKILL, "killed leaders"), (signal.SIGSTOP, "stopped leaders")):
        with bar.trial(name) as trial, Heartbeat.create(slots=2 * rounds + 8, timeout=timeout) as heartbeat:
            candidates = [child(lambda: candidate(heartbeat.name, timeout)) for _ in range(rounds + 2)]
            longest = 0.0

            try:
                await_that(lambda: len(heartbeat.signs()) == rounds + 2 and heartbeat.check())

                for _ in range(rounds):
                    leader = heartbeat.leader()
                    assert leader is not None
                    os.kill(leader.pid, number)
                    longest = max(longest, await_that(lambda leader=leader: successor(heartbeat, leader.number)))  # type: ignore[misc]

                stale = [sign for sign in heartbeat.signs() if not sign.is_fresh]
                trial.expect(len(heartbeat.signs()) == len(candidates), "nobody's end hides another one")
                trial.expect(len(stale) >= rounds, "all that are lost are flagged")
                trial.note(rounds=rounds, longest=round(longest, 3), timeout=timeout)
                # In the short form other work may have the processors.
                trial.expect(longest <= (1.0 if bar.is_long else 20.0), f"a successor within a second: {longest:.2f} s")
            finally:
                for pid in candidates:
                    os.kill(pid, signal.SIGKILL)
                    bury(pid)


def candidate(board: str, timeout: float) -> None:
    with Heartbeat.attach(board) as heartbeat, heartbeat.enter("candidate") as pulse:
        while True:
            pulse.beat()
            time.sleep(timeout / 10)


def successor(heartbeat: Heartbeat, lost: int) -> bool:
    leader = heartbeat.leader()
    return leader is not None and leader.number != lost


def run(bar: Bar) -> None:
    before = set(os.listdir(FOLDER))
    kill_writers(bar, 500 if bar.is_long else 40, 10_000_000 if bar.is_long else 20_000)
    stop_writers(bar, 200 if bar.is_long else 20)
    lose_leaders(bar, 10 if bar.is_long else 3)

    with bar.trial("nothing is left") as trial:
        # Others work here as well: only what nobody has mapped is ours to answer for.
        created = {name for name in set(os.listdir(FOLDER)) - before if name.startswith("hagworm-")}
        trial.expect(not [name for name in created if is_unused(name)], "no leftovers in /dev/shm")


def is_unused(name: str) -> bool:
    """Return whether no process has that memory mapped any more."""
    path = f"{FOLDER / name}".encode()

    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/maps", "rb") as maps:
                    if path in maps.read():
                        return False
            except OSError:
                continue

    return (FOLDER / name).exists()


if __name__ == "__main__":
    main(__file__, PROMISE, run)
