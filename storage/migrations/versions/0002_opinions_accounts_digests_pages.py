"""Opinions in the place of hidden games, linked accounts, digests of channels, and where and on what page."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ADDED = ("server", "channel", "root", "page", "choices")
INDEXED = (("platform", "person", "at"), ("platform", "server", "at"), ("root", "page"))


def upgrade() -> None:
    add_to_requests()
    hidden_games_become_feedback()
    op.create_table(
        "linked_accounts",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("steam", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "person", name="pk_linked_accounts"),
    )
    op.create_table(
        "link_states",
        sa.Column("state_hash", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name="pk_link_states"),
    )
    op.create_table(
        "digest_channels",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=True),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("adult", sa.Boolean(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "channel", name="pk_digest_channels"),
    )
    op.create_table(
        "synced_commands",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_synced_commands"),
    )


def add_to_requests() -> None:
    op.add_column("requests", sa.Column("server", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("channel", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("root", sa.Text(), nullable=True))
    op.add_column("requests", sa.Column("page", sa.Integer(), nullable=False, server_default=sa.text("1")))
    op.add_column("requests", sa.Column("choices", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    op.drop_index("ix_requests_platform_person", "requests")
    for columns in INDEXED:
        op.create_index(f"ix_requests_{'_'.join(columns)}", "requests", list(columns))


def hidden_games_become_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("opinion", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "person", "app_id", name="pk_feedback"),
    )
    op.execute(
        "INSERT INTO feedback (platform, person, app_id, opinion, since) "
        "SELECT platform, person, app_id, 'hide', since FROM hidden_games"
    )
    op.drop_table("hidden_games")


def downgrade() -> None:
    """Loses what 0001 has no place for: likes, games owned, accounts, digests, pages."""
    feedback_becomes_hidden_games()
    for columns in INDEXED:
        op.drop_index(f"ix_requests_{'_'.join(columns)}", "requests")
    op.create_index("ix_requests_platform_person", "requests", ["platform", "person"])
    for column in ADDED:
        op.drop_column("requests", column)
    for table in ("synced_commands", "digest_channels", "link_states", "linked_accounts"):
        op.drop_table(table)


def feedback_becomes_hidden_games() -> None:
    op.create_table(
        "hidden_games",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "person", "app_id", name="pk_hidden_games"),
    )
    op.execute(
        "INSERT INTO hidden_games (platform, person, app_id, since) "
        "SELECT platform, person, app_id, since FROM feedback WHERE opinion = 'hide'"
    )
    op.drop_table("feedback")
