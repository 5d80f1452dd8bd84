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
    Index(None, "platform", "server", "channel"),
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
    Index(None, "opinion", "since"),
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

# Of channels, and of nobody: `shown` are games with the part of the choice that they came from. `begun_at` is the first
# claim, `claimed_at` the last, `stands_at` when the digest is to be seen in the channel.
digests = Table(
    "digests",
    metadata,
    Column("platform", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("week", Text, primary_key=True),
    Column("server", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("replica", Text, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("claimed_at", UtcDateTime, nullable=False),
    Column("stands_at", UtcDateTime),
    Column("next_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("told_at", UtcDateTime),
    Column("untold", Boolean, nullable=False, server_default=text("false")),
    Column("message", Text),
    Column("model", Text),
    Column("shown", JSON, nullable=False),
    Column("why", Text),
    Index(None, "week"),
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

# One row an attempt at a fire time. The second index holds that a job has one run under way, whoever begins it.
runs = Table(
    "runs",
    metadata,
    Column("job", Text, primary_key=True),
    Column("due", UtcDateTime, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("replica", Text, nullable=False),
    Column("started", UtcDateTime, nullable=False),
    Column("heartbeat", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime),
    Column("outcome", Text, nullable=False),
    Column("step", Text),
    Column("report", JSON(none_as_null=True)),
    Column("error", Text),
    Column("reference", Text, nullable=False),
    Index(None, "started"),
    Index(
        "ix_runs_under_way",
        "job",
        unique=True,
        postgresql_where=text("ended IS NULL"),
        sqlite_where=text("ended IS NULL"),
    ),
)

# What stands of the bot's own people in the matrices of versions: see storage/fitted_rows.py. `player` is a pseudonym,
# empty where something of theirs was erased, so that the row has to be taken out. `positions` are int32, `weights`
# float32.
fitted_rows = Table(
    "fitted_rows",
    metadata,
    Column("version", Text, primary_key=True),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("player", Text),
    Column("positions", LargeBinary, nullable=False),
    Column("weights", LargeBinary, nullable=False),
    Index(None, "player", "version"),
)

# By which rules the rows of a version came about, and whether they are all there.
fitted_versions = Table(
    "fitted_versions",
    metadata,
    Column("version", Text, primary_key=True),
    Column("min_games", Integer, nullable=False),
    Column("opinions", Boolean, nullable=False),
    Column("whole", Boolean, nullable=False),
)

# What the warehouse knew of the bot's own people at the last fit, `version`: what comes later is learned on top of it.
player_facts = Table(
    "player_facts",
    metadata,
    Column("player", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("games", JSON, nullable=False),
    Column("opinions", JSON, nullable=False),
)

# As slack_sdk's stores have them. Nothing about who installed the bot: the SDK's table of installations is left out.
slack_bots = SQLAlchemyInstallationStore.build_bots_table(metadata, "slack_bots")
slack_oauth_states = SQLAlchemyOAuthStateStore.build_oauth_states_table(metadata, "slack_oauth_states")
