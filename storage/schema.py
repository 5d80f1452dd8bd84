"""Every operational table: who asked what, was shown and thinks what, what channels want, which workspaces have us."""

from __future__ import annotations

from datetime import UTC, datetime

from slack_sdk.oauth.installation_store.sqlalchemy import SQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import SQLAlchemyOAuthStateStore
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
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

# The privacy text promises that no Steam ID that was looked up stands here: `options` and `choices` arrive without it.
# `root` is the answer that a later page belongs to. It is no foreign key: the answer may be another person's, who may
# be forgotten.
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
    Column("server", Text),
    Column("channel", Text),
    Column("root", Text),
    Column("page", Integer, nullable=False, server_default=text("1")),
    Column("choices", JSON, nullable=False, server_default=text("'[]'")),
    Index(None, "at"),
    Index(None, "platform", "person", "at"),
    Index(None, "root", "page"),
)

impressions = Table(
    "impressions",
    metadata,
    Column("request_id", Text, ForeignKey(requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("app_id", BigInteger, nullable=False),
    Column("score", Double, nullable=False),
    Column("version", Text),  # where a list has picks of two models; else it is the request's
)

# Of whom the chat does not say. `position` is that of an impression.
clicks = Table(
    "clicks",
    metadata,
    Column("request_id", Text, ForeignKey(requests.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, primary_key=True),
    Column("app_id", BigInteger, nullable=False),
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
    Index(None, "request_id"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("app_id", BigInteger, primary_key=True, autoincrement=False),
    Column("opinion", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

linked_accounts = Table(
    "linked_accounts",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("steam", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

link_states = Table(
    "link_states",
    metadata,
    Column("state_hash", Text, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index(None, "at"),
    Index(None, "platform", "person"),
)

# A channel's, not a person's: `by` is who asked for it, and empty once that person was forgotten.
digest_channels = Table(
    "digest_channels",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("server", Text),
    Column("weekday", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("tags", JSON, nullable=False),
    Column("language", Text, nullable=False),
    Column("adult", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Index(None, "platform", "by"),
)

synced_commands = Table(
    "synced_commands",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# Only added to, until they are old or their person is forgotten. `seq` follows the order of the commits and is never
# given twice, see storage/lake/lake.py. On Postgres in partitions of a day, which `lake_events_` begins the names of.
lake_events = Table(
    "lake_events",
    metadata,
    Column("day", Date, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("schema", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("platform", Text),
    Column("person", Text),
    Column("payload", JSON, nullable=False),
    Column("body", LargeBinary),
    Column("arrived", UtcDateTime, nullable=False),
    Index(None, "seq"),
    Index(None, "platform", "person"),
    postgresql_partition_by="RANGE (day)",
)

# One row a table that counts: whoever holds it writes, and the others wait. `lake` is what warehouses call this lake,
# `removed` how many of its events were pruned or forgotten: with those that are there they come to `last`.
lake_sequence = Table(
    "lake_sequence",
    metadata,
    Column("name", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=False),
    Column("lake", Text, nullable=False),
)

# As slack_sdk's stores have them. Nothing about who installed the bot: the SDK's table of installations is left out.
slack_bots = SQLAlchemyInstallationStore.build_bots_table(metadata, "slack_bots")
slack_oauth_states = SQLAlchemyOAuthStateStore.build_oauth_states_table(metadata, "slack_oauth_states")
