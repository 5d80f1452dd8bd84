"""The lake: raw events, on Postgres in partitions of a day, and the count of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lake_events",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("schema", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("platform", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("arrived", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("day", "key", name="pk_lake_events"),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index("ix_lake_events_seq", "lake_events", ["seq"])
    op.create_index("ix_lake_events_platform_person", "lake_events", ["platform", "person"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE lake_events_default PARTITION OF lake_events DEFAULT")
    op.create_table(
        "lake_sequence",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=False),
        sa.Column("lake", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lake_sequence"),
    )


def downgrade() -> None:
    """Loses the events."""
    op.drop_table("lake_sequence")
    op.drop_table("lake_events")
