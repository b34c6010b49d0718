"""Senders wait in a row, and are let in one by one."""

import asyncio

from hagworm.extend.asyncio.task.row import Row
from tests.extend.asyncio.task.clockwork import settle


class Box:
    """Has room for so many."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.inside: list[int] = []
        self.row = Row(lambda: len(self.inside) >= self.room)

    async def bring(self, number: int) -> None:
        await self.row.pass_through()
        self.inside.append(number)


async def test_where_there_is_room_nobody_waits() -> None:
    box = Box(2)
    await box.bring(1)
    await box.bring(2)

    assert box.inside == [1, 2]
    assert not box.row


async def test_who_came_first_goes_in_first() -> None:
    box = Box(0)
    senders = [asyncio.create_task(box.bring(number)) for number in range(4)]
    await settle()
    box.room = 2
    box.row.let_in()
    late = asyncio.create_task(box.bring(9))
    await settle()
    assert box.inside == [0, 1]
    box.room = 9
    box.row.let_in()
    box.row.let_in()
    await asyncio.gather(*senders, late)

    assert box.inside == [0, 1, 2, 3, 9]


async def test_who_finds_the_room_taken_is_still_the_first() -> None:
    box = Box(0)
    senders = [asyncio.create_task(box.bring(number)) for number in range(2)]
    await settle()
    box.room = 1
    box.row.let_in()
    box.inside.append(9)  # by somebody who does not wait in the row
    await settle()
    assert box.inside == [9]
    box.room = 3
    box.row.let_in()
    await asyncio.gather(*senders)

    assert box.inside == [9, 0, 1]


async def test_who_is_cancelled_leaves_the_row_to_the_others() -> None:
    box = Box(0)
    senders = [asyncio.create_task(box.bring(number)) for number in range(3)]
    await settle()
    senders[1].cancel()
    box.room = 1
    box.row.let_in()
    senders[0].cancel()  # when its turn has come, before it knows
    await settle()

    assert box.inside == [2]
    assert await senders[2] is None
    assert [sender.cancelled() for sender in senders[:2]] == [True, True]
    assert not box.row


async def test_after_the_end_nobody_waits() -> None:
    box = Box(0)
    sender = asyncio.create_task(box.bring(1))
    await settle()
    box.row.dismiss()
    box.row.let_in()
    await sender
    await box.bring(2)

    assert box.inside == [1, 2]
