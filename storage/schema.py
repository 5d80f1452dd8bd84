"""Every operational table: who asked what, what they were shown, how they took it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, UTC-aware on both databases; SQLite has no time zones and gets the UTC wall time.

    Raises (wrapped in SQLAlchemy's StatementError, as every bug in a parameter is):
        ValueError: the moment is naive, so nobody can say when it was.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} says no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# The privacy text promises that no Steam ID that was looked up stands here: `options` arrives without it.
requests = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("platform", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("options", JSON, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("latency_ms", Integer, nullable=False),
    Column("model_version", Text),
    Column("picks", Integer, nullable=False),
    Index(None, "at"),
    Index(None, "platform", "person"),
)

impressions = Table(
    "impressions",
    metadata,
    Column("request_id", Text, ForeignKey(requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("app_id", BigInteger, nullable=False),
    Column("score", Double, nullable=False),
)

# `request_id` is no foreign key: a reaction counts even where its request was never logged, or is logged after it.
reactions = Table(
    "reactions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("platform", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("app_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("request_id", Text),
    Index(None, "platform", "person"),
)

hidden_games = Table(
    "hidden_games",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("app_id", BigInteger, primary_key=True, autoincrement=False),
    Column("since", UtcDateTime, nullable=False),
)
