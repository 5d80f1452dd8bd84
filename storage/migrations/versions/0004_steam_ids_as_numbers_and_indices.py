"""Steam IDs as the 64-bit numbers they are, an index for every query that had none, and none that no query uses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INDEXED = (("link_states", ("at",)), ("link_states", ("platform", "person")), ("digest_channels", ("platform", "by")))
UNUSED = ("platform", "server", "at")


def upgrade() -> None:
    with op.batch_alter_table("linked_accounts") as table:
        table.alter_column(
            "steam",
            existing_type=sa.Text(),
            type_=sa.BigInteger(),
            existing_nullable=False,
            postgresql_using="steam::bigint",
        )
    for name, columns in INDEXED:
        op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))
    op.drop_index(f"ix_requests_{'_'.join(UNUSED)}", "requests")


def downgrade() -> None:
    op.create_index(f"ix_requests_{'_'.join(UNUSED)}", "requests", list(UNUSED))
    for name, columns in INDEXED:
        op.drop_index(f"ix_{name}_{'_'.join(columns)}", name)
    with op.batch_alter_table("linked_accounts") as table:
        table.alter_column(
            "steam",
            existing_type=sa.BigInteger(),
            type_=sa.Text(),
            existing_nullable=False,
            postgresql_using="steam::text",
        )
