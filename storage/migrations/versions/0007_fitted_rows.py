"""What models were fitted on, of the bot's own people, so that they learn and forget between two fits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fitted_rows",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("player", sa.Text(), nullable=True),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version", "id", name="pk_fitted_rows"),
    )
    op.create_index("ix_fitted_rows_player_version", "fitted_rows", ["player", "version"])
    op.create_table(
        "fitted_versions",
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("min_games", sa.Integer(), nullable=False),
        sa.Column("opinions", sa.Boolean(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_fitted_versions"),
    )
    op.create_table(
        "player_facts",
        sa.Column("player", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("games", sa.JSON(), nullable=False),
        sa.Column("opinions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("player", name="pk_player_facts"),
    )


def downgrade() -> None:
    """A model that is in service learns nothing more until the next fit."""
    op.drop_table("player_facts")
    op.drop_table("fitted_versions")
    op.drop_index("ix_fitted_rows_player_version", "fitted_rows")
    op.drop_table("fitted_rows")
