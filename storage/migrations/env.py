"""Alembic runs this file: on the connection it is passed, or on one opened for the URL it is passed."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from storage.database import migrating
from storage.database_url import driver_url
from storage.lake.days import no_partition
from storage.schema import metadata

PATIENCE = 60.0
"""Seconds to wait for another process that migrates, where the caller does not say."""

LOCK = 0x1D1EA  # any number will do, as long as every version of this code uses the same


def run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's transaction has taken the lock on the whole file
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, include_name=no_partition)
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    attributes = context.config.attributes
    url = attributes.get("url") or driver_url(context.get_x_argument(as_dictionary=True)["url"])
    async with migrating(url, attributes.get("patience", PATIENCE)) as connection:
        await connection.run_sync(run)


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(connect_and_run())
else:
    run(given)
