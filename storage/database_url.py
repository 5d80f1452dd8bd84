"""The database URL as people write it, as the drivers want it, and as it may be shown."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, unquote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import DatabaseError


def driver_url(said: str) -> URL:
    """The same database through aiosqlite or asyncpg; a SQLite path becomes absolute.

    Raises:
        DatabaseError: the URL cannot be read or names another kind of database. The text never holds the URL.
    """
    try:
        url = make_url(said)
    except (ArgumentError, ValueError):
        raise DatabaseError("the database URL cannot be read") from None  # their text may hold part of the password
    backend = url.drivername.partition("+")[0]
    if backend in {"postgres", "postgresql"}:
        return _postgres(url)
    if backend == "sqlite":
        return _sqlite(url)
    raise DatabaseError("the database URL names neither sqlite nor postgresql")


def shown(url: URL) -> str:
    """Where the database is, without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite at {sqlite_file(url)}"
    return f"postgresql at {url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"


def sqlite_file(url: URL) -> Path:
    return Path(unquote((url.database or "").removeprefix("file:")))


def _postgres(url: URL) -> URL:
    if "@" in (url.host or ""):
        raise DatabaseError("the password in the database URL holds an @, which must be written %40")
    # libpq and the hosts of Postgres say sslmode where asyncpg says ssl
    query = {"ssl" if key == "sslmode" else key: value for key, value in url.query.items()}
    return url.set(drivername="postgresql+asyncpg", query=query)


def _sqlite(url: URL) -> URL:
    if not url.database or url.database.startswith((":memory:", "file:")) or url.host or url.query:
        raise DatabaseError("a SQLite URL names one file and nothing else, as in sqlite:///folder/file.db")
    path = quote(str(Path(url.database).absolute()))
    # mode=rw: a file that disappeared is an error, not a new and empty database
    return URL.create("sqlite+aiosqlite", database=f"file:{path}", query={"mode": "rw", "uri": "true"})
