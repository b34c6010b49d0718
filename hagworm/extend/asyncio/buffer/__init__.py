"""Buffers: batches of items, queues of work, bytes that spill to disk, and a journal that survives the process."""

from hagworm.extend.asyncio.buffer.batch import BufferStatistics, QueueBuffer
from hagworm.extend.asyncio.buffer.journal import Journal, JournalStatistics
from hagworm.extend.asyncio.buffer.spool import FileBuffer, SpoolStatistics
from hagworm.extend.asyncio.buffer.work import DataQueue, WorkStatistics

__all__ = (
    "BufferStatistics",
    "DataQueue",
    "FileBuffer",
    "Journal",
    "JournalStatistics",
    "QueueBuffer",
    "SpoolStatistics",
    "WorkStatistics",
)
