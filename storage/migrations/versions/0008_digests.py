"""Which week's digest each channel has had, and indices that find a channel's people and what is liked of late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "digests",
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("week", sa.Text(), nullable=False),
        sa.Column("server", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("replica", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stands_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("untold", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("platform", "channel", "week", name="pk_digests"),
    )
    op.create_index("ix_digests_week", "digests", ["week"])
    op.create_index("ix_requests_platform_server_channel", "requests", ["platform", "server", "channel"])
    op.create_index("ix_reactions_request_id", "reactions", ["request_id"])
    op.create_index("ix_feedback_opinion_since", "feedback", ["opinion", "since"])


def downgrade() -> None:
    """Forgets what was sent: a digest of this week may come again."""
    op.drop_index("ix_feedback_opinion_since", "feedback")
    op.drop_index("ix_reactions_request_id", "reactions")
    op.drop_index("ix_requests_platform_server_channel", "requests")
    op.drop_table("digests")
