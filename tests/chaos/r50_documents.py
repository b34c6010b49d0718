"""R50, workbooks: bombs are refused in little time and memory, and text like a formula stays text."""

import io
import time

import openpyxl

from hagworm.extend.error import WorkbookRefused
from hagworm.extend.excel import dump_workbook, read_rows
from tests.chaos.bar import Bar, main, most_memory
from tests.extend.excel.test_guard import BOMBS
from tests.extend.excel.test_writer import FORMULA_LIKE

__all__ = ("PROMISE", "run")

PROMISE = "no workbook takes 2 s or 100 MB to be refused, and no text becomes a formula in a workbook of ours"

LONGEST = 2.0
MOST_MEMORY = 100 << 20


def run(bar: Bar) -> None:
    """Read all bombs, and write all texts with both engines."""
    for name, make in BOMBS.items():
        bomb = make()
        before, began = most_memory(), time.process_time()

        with bar.trial(name) as trial:
            try:
                list(read_rows(bomb))
            except WorkbookRefused as exc:
                trial.note(refused=str(exc)[:120])
            else:
                trial.expect(False, "is refused")

            seconds, grown = time.process_time() - began, most_memory() - before
            trial.note(seconds=round(seconds, 3), grown=grown)
            trial.expect(seconds < LONGEST, f"within {LONGEST:g} s, not {seconds:.2f} s")
            trial.expect(grown < MOST_MEMORY, f"at most {MOST_MEMORY >> 20} MiB, not {grown >> 20}")

    for engine in ("openpyxl", "xlsxwriter"):
        with bar.trial(f"text like formulas by {engine}") as trial:
            data = dump_workbook([[text] for text in FORMULA_LIKE], engine=engine)
            cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(data)).active.rows]
            trial.expect([cell.data_type for cell in cells] == ["s"] * len(FORMULA_LIKE), "all cells are text")
            trial.expect([row[0] for row in read_rows(data)] == FORMULA_LIKE, "all texts are as they were")


if __name__ == "__main__":
    main(__file__, PROMISE, run)
