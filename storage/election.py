"""One of several processes is elected to act for all: by a lock that goes with whoever has it, however they end.

The lock keeps the others from trying; that a job runs once is held by the rows of its runs. So a moment in which one
process has not noticed yet that it no longer leads does no harm.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.database import postgres_engine
from storage.database_url import driver_url, sqlite_file
from storage.driver_errors import translating
from storage.errors import DatabaseUnavailable

KEY = 0x1D1EB
"""Any number will do that nothing else in this database locks and every version of this code uses."""
SILENCE = 60.0
"""Seconds without a look after which Postgres ends the session, and the lock with it: its process hangs."""

TAKE = text("SELECT pg_try_advisory_lock(:key)")
HELD = text(
    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() "
    "AND classid = 0 AND objid = :key AND objsubid = 1)"
)
GIVE_BACK = text("SELECT pg_advisory_unlock(:key)")


class AdvisoryLock:
    """Postgres's lock of a session, on a connection of its own beside those of `Database`.

    A machine that vanishes is noticed by the server within half a minute, by the keepalives of the connection; a
    process that hangs after `silence` seconds. Behind a PgBouncer that shares sessions nobody is sure to lead.
    """

    def __init__(self, url: str, patience: float = 5.0, silence: float = SILENCE) -> None:
        """Connects to nothing yet; `patience` as of `Database`."""
        watched = {
            "idle_session_timeout": f"{silence * 1000:.0f}ms",
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
        }
        self._engine = postgres_engine(driver_url(url), patience, 1, statement=2 * patience, more=watched)
        self._held: AsyncConnection | None = None

    async def leads(self) -> bool:
        """Stands for election, or looks whether it still leads; False at once where it has lost, to stand again later.

        Raises:
            DatabaseUnavailable, DatabaseError: nobody can be elected, and this one does not lead.
        """
        held, self._held = self._held, None
        with translating():
            connection = held or await self._connected()
            try:
                won = await connection.scalar(HELD if held else TAKE, {"key": KEY})
            except BaseException:
                await _closed(connection)
                raise
            if won:
                self._held = connection
            else:
                await connection.close()
        return bool(won)

    async def resign(self) -> None:
        """The next may lead at once."""
        held, self._held = self._held, None
        if held is not None:
            with suppress(SQLAlchemyError, OSError):  # it goes with the connection otherwise
                await held.execute(GIVE_BACK, {"key": KEY})
            await _closed(held)
        await self._engine.dispose()

    async def _connected(self) -> AsyncConnection:
        connection = await self._engine.connect()
        return await connection.execution_options(isolation_level="AUTOCOMMIT")  # idle, but in no transaction


class FileLock:
    """The system's lock on a file, for processes of one machine that share it. One that hangs goes on leading."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held: int | None = None

    async def leads(self) -> bool:
        """See `AdvisoryLock`; lost only where the file was moved away."""
        try:
            if self._held is None:
                self._held = _locked(self._file)
            elif not _same(self._held, self._file):
                await self.resign()
        except OSError as error:
            await self.resign()
            raise DatabaseUnavailable(f"the lock file {self._file} cannot be had ({error.strerror})") from error
        return self._held is not None

    async def resign(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            os.close(held)


Election: TypeAlias = AdvisoryLock | FileLock


def election(url: str, patience: float = 5.0) -> Election:
    """Among all who use that database: the URL is one of `Database`. Raises DatabaseError where it cannot be read."""
    parsed = driver_url(url)
    if parsed.get_backend_name() == "postgresql":
        return AdvisoryLock(url, patience)
    file = sqlite_file(parsed)
    return FileLock(file.with_name(f"{file.name}.leader"))


def _locked(file: Path) -> int | None:
    """The open file; None while somebody else has the lock."""
    file.parent.mkdir(parents=True, exist_ok=True)
    opened = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    except BaseException:
        os.close(opened)
        raise
    return opened


def _same(opened: int, file: Path) -> bool:
    """Whether others would lock this very file."""
    try:
        return os.path.samestat(os.fstat(opened), file.stat())
    except FileNotFoundError:
        return False


async def _closed(connection: AsyncConnection) -> None:
    """Its session ends, so that no lock can be left on it."""
    with suppress(SQLAlchemyError, OSError):
        await connection.invalidate()
    await connection.close()
