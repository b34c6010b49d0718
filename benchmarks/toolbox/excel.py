"""Workbooks beside what the libraries write by themselves: every pair in one process, interleaved, medians of ratios.

    python benchmarks/toolbox/excel.py [rows] [rounds]

100 000 rows of ten columns by default, which take the larger part of a minute per round; 1000000 for the long form.
CPU time, and the largest size of the process while each of them wrote, above what it was before.
"""

import importlib
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hagworm.extend.excel import write_workbook

Row = tuple[int, str, str, float, int, bool, str, float, datetime, str]

START = datetime(2026, 1, 1)


def rows(count: int) -> Iterator[Row]:
    for number in range(count):
        yield (
            number,
            f"customer {number % 1000}",
            "shipped",
            number * 0.25,
            number % 7,
            number % 2 == 0,
            "an ordinary text, as long as most are",
            1.5,
            START + timedelta(seconds=number),
            "=not a formula" if number % 100 == 0 else "a note",
        )


def ours(engine: str) -> Callable[[Path, int], None]:
    def write(path: Path, count: int) -> None:
        write_workbook(path, rows(count), engine=engine)

    return write


def openpyxl_alone(path: Path, count: int) -> None:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")

    for row in rows(count):
        sheet.append(row)

    book.save(path)


def xlsxwriter_alone(path: Path, count: int) -> None:
    from xlsxwriter import Workbook

    book = Workbook(str(path), {"constant_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"})
    sheet = book.add_worksheet("Sheet1")

    for number, row in enumerate(rows(count)):
        sheet.write_row(number, 0, row)

    book.close()


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Watch:
    """The largest size of the process during a block, above what it was at its beginning."""

    def __enter__(self) -> "Watch":
        self.start = self.largest = resident()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self) -> None:
        while not self.stop.wait(0.05):
            self.largest = max(self.largest, resident())

    def __exit__(self, *_: Any) -> None:
        self.stop.set()
        self.thread.join()

    @property
    def growth(self) -> float:
        return (self.largest - self.start) / (1 << 20)


def main(count: int, rounds: int) -> None:
    pairs = {}

    for name, alone in (("openpyxl", openpyxl_alone), ("xlsxwriter", xlsxwriter_alone)):
        try:
            importlib.import_module(name)
        except ImportError:
            print(f"not installed, left out: {name} (pip install {name})")
        else:
            pairs[name] = (ours(name), alone)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"

        for name, steps in pairs.items():
            times: list[list[float]] = [[], []]
            growths = [0.0, 0.0]

            for step in steps:
                step(path, 100)

            for _ in range(rounds):
                for index, step in enumerate(steps):
                    with Watch() as watch:
                        start = time.process_time()
                        step(path, count)
                        times[index].append(time.process_time() - start)

                    growths[index] = max(growths[index], watch.growth)

            ratio = statistics.median(own / other for own, other in zip(*times, strict=True))
            print(f"\n{name}, {count} rows of 10 columns (goals: x1.10 at most, 80 MiB at most)")

            for label, values, growth in zip(("hagworm", f"{name} by itself"), times, growths, strict=True):
                median = statistics.median(values)
                speed = f"{median / count * 1e6:8.1f} µs a row   {count / median:9.0f} rows/s"
                print(f"  {label:<22} {speed}   +{growth:.0f} MiB")

            print(f"  CPU time of ours to theirs: x{ratio:.2f}")


if __name__ == "__main__":
    main(
        int(sys.argv[1]) if len(sys.argv) > 1 else 100_000,
        int(sys.argv[2]) if len(sys.argv) > 2 else 3,
    )
