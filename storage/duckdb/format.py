"""The tables of the DuckDB file, and bringing an older file's up to them."""

from __future__ import annotations

import duckdb

FORMAT = 2

# No primary keys: an index over millions of rows costs more than every merge that it could serve.
TABLES_1 = """
CREATE TABLE indiean_warehouse (format INTEGER NOT NULL);
INSERT INTO indiean_warehouse VALUES (1);
CREATE TABLE sources (
    source VARCHAR NOT NULL, kind VARCHAR NOT NULL, read_rows BIGINT NOT NULL, loaded_at TIMESTAMP NOT NULL
);
CREATE TABLE interactions (player VARCHAR NOT NULL, app_id INTEGER NOT NULL, minutes INTEGER NOT NULL);
CREATE TABLE reviews (
    player VARCHAR NOT NULL, app_id INTEGER NOT NULL, recommend BOOLEAN NOT NULL, posted DATE
);
CREATE TABLE games (
    app_id INTEGER NOT NULL, title VARCHAR, tags VARCHAR[], genres VARCHAR[], developer VARCHAR, publisher VARCHAR,
    price DOUBLE, released DATE, year INTEGER, positive INTEGER, negative INTEGER, early_access BOOLEAN, adult BOOLEAN
);
"""

# `changes` counts the transactions that wrote; `seen` is when the store was last heard of a game, null where never.
TABLES_2 = """
ALTER TABLE indiean_warehouse ADD COLUMN changes BIGINT DEFAULT 0;
ALTER TABLE games ADD COLUMN delisted BOOLEAN;
ALTER TABLE games ADD COLUMN seen TIMESTAMPTZ;
CREATE TABLE feedback (
    player VARCHAR NOT NULL, app_id INTEGER NOT NULL, opinion VARCHAR, since TIMESTAMPTZ NOT NULL,
    CHECK (opinion IN ('like', 'own', 'hide'))
);
CREATE TABLE watermarks (lake VARCHAR NOT NULL, upto BIGINT NOT NULL);
CREATE TABLE ledger (
    lake VARCHAR NOT NULL, after BIGINT NOT NULL, upto BIGINT NOT NULL, events BIGINT NOT NULL,
    interactions BIGINT NOT NULL, games BIGINT NOT NULL, reviews BIGINT NOT NULL, feedback BIGINT NOT NULL,
    rejected VARCHAR NOT NULL, loaded_at TIMESTAMP NOT NULL
);
CREATE TABLE rejects (lake VARCHAR NOT NULL, sequence BIGINT NOT NULL, kind VARCHAR NOT NULL, reason VARCHAR NOT NULL);
UPDATE indiean_warehouse SET format = 2;
"""

STEPS = (TABLES_1, TABLES_2)
"""Each brings a file from the format before to its own."""


def format_of(db: duckdb.DuckDBPyConnection) -> int | None:
    """0 for a file without tables, None for a database of another program."""
    tables = {name for (name,) in db.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not tables:
        return 0
    if "indiean_warehouse" not in tables:
        return None
    (found,) = db.execute("SELECT max(format) FROM indiean_warehouse").fetchall()[0]
    return int(found)


def bring_up(db: duckdb.DuckDBPyConnection, found: int) -> None:
    """From the format that was found to FORMAT, in the transaction that is open."""
    for step in STEPS[found:]:
        db.execute(step)
