"""What a batch measured, and which of its rejected rows were taken in later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("batch", sa.Column("measures", sa.String(), nullable=False, server_default="{}"))
    op.create_table(
        "quarantine_release",
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("row", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("by_batch", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("batch", "row", name=op.f("pk_quarantine_release")),
    )
