"""Clicks, which of two models a game in a list is of, and reactions found by their request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("impressions", sa.Column("version", sa.Text(), nullable=True))
    op.create_table(
        "clicks",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("app_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.id"], name="fk_clicks_request_id_requests", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("request_id", "position", "at", name="pk_clicks"),
    )


def downgrade() -> None:
    """Loses the clicks, and which model a game was of where a list had two."""
    op.drop_table("clicks")
    op.drop_column("impressions", "version")
