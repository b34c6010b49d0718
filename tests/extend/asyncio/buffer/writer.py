"""A process that appends to a journal until it is killed, and says what has been acknowledged."""

import asyncio
import os
import sys

from hagworm.extend.asyncio.buffer import Journal, QueueBuffer


async def main(folder: str, fsync: str, handles: bool) -> None:
    journal = Journal(folder, fsync=fsync, segment_bytes=20_000)  # type: ignore[arg-type]

    async def handle(batch: list[dict[str, object]]) -> None:
        if not handles:
            await asyncio.Event().wait()

        os.write(1, b"".join(b"h%d\n" % int(str(item["number"])) for item in batch))

    buffer = QueueBuffer(handle, max_items=50, max_age=0.005, maxsize=1_000_000, journal=journal)
    await buffer.open()
    number = int(sys.argv[4])

    while True:
        numbers = range(number, number + 7)
        number += 7

        async def append(which: int) -> None:
            await buffer.append({"number": which, "text": "x" * (which * 37 % 900)})
            os.write(1, b"a%d\n" % which)

        await asyncio.gather(*(append(which) for which in numbers))


asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3] == "handles"))
