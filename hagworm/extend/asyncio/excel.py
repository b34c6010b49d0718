"""Workbooks written and read in threads, while the event loop does other things."""

import asyncio
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from datetime import tzinfo
from functools import partial
from io import BytesIO
from typing import Any, TypeVar, Unpack

from hagworm.extend import excel
from hagworm.extend.asyncio.future import ThreadedIterator, ThreadPool, check_cancelled, sync_iterate
from hagworm.extend.excel.cell import Illegal
from hagworm.extend.excel.limit import ReadLimits
from hagworm.extend.excel.reader import LIMITS, Origin
from hagworm.extend.excel.writer import Progress, SheetOptions, Target

__all__ = ("Rows", "dump_workbook", "read_objects", "read_records", "read_rows", "write_workbook")

T = TypeVar("T")

Rows = Iterable[Any] | AsyncIterable[Any]
"""Rows as `SheetWriter.append` takes them; plain iterables are read in the thread, others on the loop."""

AT_ONCE = 4

threads: ThreadPool | None = None


def own_threads() -> ThreadPool:
    """Return the threads in which workbooks are written, so that handlers never wait for each other's exports."""
    global threads

    if threads is None:
        threads = ThreadPool(AT_ONCE, name="hagworm-excel", reuse=False)

    return threads


async def write_workbook(
    target: Target,
    rows: Rows,
    *,
    sheet: str = "Sheet1",
    engine: str = "auto",
    timezone: tzinfo | None = None,
    illegal: Illegal = "raise",
    progress: Progress | None = None,
    **options: Unpack[SheetOptions],
) -> int:
    """Write a workbook of one sheet, as `hagworm.extend.excel` does; return how many rows were written.

    At most four are written at the same time, further ones wait. `progress` is called on the loop. A cancellation ends
    the writing at the next row, waits for that, and leaves the target as it was.
    """
    loop = asyncio.get_running_loop()

    def tell(count: int) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, count)

    def write() -> int:
        with closing(sync_iterate(rows)) if isinstance(rows, AsyncIterable) else nullcontext(rows) as source:
            return excel.write_workbook(
                target,
                while_wanted(source),
                sheet=sheet,
                engine=engine,
                timezone=timezone,
                illegal=illegal,
                progress=None if progress is None else tell,
                **options,
            )

    return await own_threads().run_patiently(write)


async def dump_workbook(
    rows: Rows,
    *,
    sheet: str = "Sheet1",
    engine: str = "auto",
    timezone: tzinfo | None = None,
    illegal: Illegal = "raise",
    progress: Progress | None = None,
    **options: Unpack[SheetOptions],
) -> bytes:
    """Return a workbook of one sheet as bytes, otherwise as `write_workbook`."""
    file = BytesIO()
    await write_workbook(
        file, rows, sheet=sheet, engine=engine, timezone=timezone, illegal=illegal, progress=progress, **options
    )
    return file.getvalue()


def read_rows(
    origin: Origin, *, sheet: str | int = 0, engine: str = "auto", limits: ReadLimits = LIMITS
) -> ThreadedIterator[Sequence[Any]]:
    """Return the rows of a sheet, read in a thread as `hagworm.extend.excel.read_rows` does.

    The file is open until the last row, the end of an `async with`, or `aclose`.
    """
    return ThreadedIterator(partial(excel.read_rows, origin, sheet=sheet, engine=engine, limits=limits))


def read_records(
    origin: Origin, *, sheet: str | int = 0, engine: str = "auto", limits: ReadLimits = LIMITS
) -> ThreadedIterator[dict[str, Any]]:
    """Return the rows below the header as mappings by title, read in a thread; otherwise as `read_rows`."""
    return ThreadedIterator(partial(excel.read_records, origin, sheet=sheet, engine=engine, limits=limits))


def read_objects(
    cls: type[T],
    origin: Origin,
    *,
    sheet: str | int = 0,
    engine: str = "auto",
    timezone: tzinfo | None = None,
    limits: ReadLimits = LIMITS,
) -> ThreadedIterator[T]:
    """Return the rows below the header as objects of a dataclass, read in a thread; otherwise as `read_rows`."""
    return ThreadedIterator(
        partial(excel.read_objects, cls, origin, sheet=sheet, engine=engine, timezone=timezone, limits=limits)
    )


def while_wanted(rows: Iterable[Any]) -> Iterator[Any]:
    """Yield rows until nobody waits for the workbook any more."""
    for row in rows:
        check_cancelled()
        yield row
