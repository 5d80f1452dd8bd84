"""Which of the drivers' errors say that the database failed, and which say that this code did."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from storage.errors import DatabaseError, DatabaseUnavailable

# https://sqlite.org/rescode.html
_SQLITE_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_SQLITE_REFUSED = frozenset({sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SQLITE_NOT_MIGRATED = ("no such table", "no such column", "has no column named")  # one code with every error in SQL

# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRES_UNAVAILABLE = ("08", "53", "57", "58", "25006", "25P03", "40001", "40P01", "55P03")
_POSTGRES_REFUSED = ("28", "3D", "42501", "XX")
_POSTGRES_NOT_MIGRATED = ("42P01", "42703")
_POSTGRES_NEXT = {
    "57014": "look for what keeps the server busy, or raise INDIEAN_DATABASE_PATIENCE",
    "55P03": "look for the session that holds the lock, or raise INDIEAN_DATABASE_PATIENCE",
    "53300": "raise the server's max_connections, or lower INDIEAN_DATABASE_CONNECTIONS",
    "53100": "make room on the server's disk",
}
"""What an operator does about it."""


@contextmanager
def translating() -> Iterator[None]:
    """Raises what the drivers raise within as DatabaseError, where it is about the database, and bugs as they are."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        known = translated(error)
        if known is None:
            raise
        raise known from error


def translated(error: Exception) -> DatabaseError | None:
    """What the error says about the database; None where it says nothing about it and is a bug."""
    if isinstance(error, DBAPIError):
        return _from_driver(error)
    if isinstance(error, NoFreeConnection):
        return DatabaseUnavailable("every connection to the database is in use, and none came free in time")
    if isinstance(error, TimeoutError):
        return DatabaseUnavailable("the database did not answer in time")
    return DatabaseUnavailable(_why(error)) if isinstance(error, OSError) else None


def _from_driver(error: DBAPIError) -> DatabaseError | None:
    if error.connection_invalidated:
        return DatabaseUnavailable(f"the connection to the database broke; {_why(error)}")
    if isinstance(error.orig, sqlite3.Error):
        return _from_sqlite(error.orig)
    return _from_postgres(error)


def _from_sqlite(error: sqlite3.Error) -> DatabaseError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the upper bits say more than anybody here asks
    if code in _SQLITE_UNAVAILABLE:
        return DatabaseUnavailable(_why(error))
    if code in _SQLITE_REFUSED:
        return DatabaseError(_why(error))
    if any(sign in str(error) for sign in _SQLITE_NOT_MIGRATED):
        return DatabaseError(f"{_why(error)}; the tables are missing or older than this code")
    return None


def _from_postgres(error: DBAPIError) -> DatabaseError | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state.startswith(_POSTGRES_UNAVAILABLE):
        return DatabaseUnavailable("; ".join(filter(None, (_why(error), _POSTGRES_NEXT.get(state)))))
    if state.startswith(_POSTGRES_REFUSED):
        return DatabaseError(_why(error))
    if state.startswith(_POSTGRES_NOT_MIGRATED):
        return DatabaseError(f"{_why(error)}; the tables are missing or older than this code")
    return None


def _why(error: Exception) -> str:
    """The driver's own words, without the statement that SQLAlchemy adds."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(said).__name__}: {said}"
