"""The connection to the database: SQLite or MySQL, as the URL says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.schema import CreateTable

from orders.models import Table

__all__ = ("Database", "open_database")

BUSY = 10.0
"""Seconds that a writer waits for another one before SQLite gives up."""


class Database:
    """Sessions for those who read and for those who write."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        # A transaction that reads first and writes later cannot wait for its turn on SQLite: it fails at once when
        # another has written in between. So a writer takes its turn at its first statement.
        self.writing_engine = engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session that sees one state of the database; what it changes is rolled back."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Open a session that commits at the end of the block, and rolls back if the block raises or is cancelled."""
        async with AsyncSession(self.writing_engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def ping(self) -> str:
        """Ask the database for a sign of life; return its kind. Raises SQLAlchemy's errors."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

        return self.engine.dialect.name


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """Connect to `url` and make the tables that are missing; every connection is closed at the end.

    Several processes may do this at the same time.
    """
    engine = create_async_engine(url, **engine_options(url))

    if engine.dialect.name == "sqlite":
        prepare_sqlite(engine.sync_engine)

    database = Database(engine)

    try:
        async with database.writing_engine.begin() as connection:
            for table in Table.metadata.sorted_tables:
                await connection.execute(CreateTable(table, if_not_exists=True))

        yield database
    finally:
        await engine.dispose()


def engine_options(url: str) -> dict[str, Any]:
    parsed = make_url(url)

    if parsed.get_backend_name() != "sqlite":
        # A server closes connections that were idle for long: ask before use.
        return {"pool_pre_ping": True, "pool_recycle": 1800}

    if parsed.database in (None, "", ":memory:"):
        # The database lives in its one connection: sessions take turns.
        return {"poolclass": AsyncAdaptedQueuePool, "pool_size": 1, "max_overflow": 0}

    return {"connect_args": {"timeout": BUSY}}


def prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transaction of its own: `begin` below does
        cursor = connection.cursor()

        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")

        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("sqlite_begin", "BEGIN"))
