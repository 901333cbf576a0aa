"""Which enrolments are one person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "subject_link",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("a", sa.BigInteger(), nullable=False),
        sa.Column("b", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dpia", sa.String(), nullable=False),
        sa.CheckConstraint("a <> b", name=op.f("ck_subject_link_two")),
        sa.CheckConstraint("state <> 'merged' OR dpia <> ''", name=op.f("ck_subject_link_assessed")),
        sa.ForeignKeyConstraint(["a"], ["subject.number"], name=op.f("fk_subject_link_a")),
        sa.ForeignKeyConstraint(["b"], ["subject.number"], name=op.f("fk_subject_link_b")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subject_link")),
        sa.UniqueConstraint("a", "b", name=op.f("uq_subject_link_a_b")),
    )
    op.create_index(op.f("ix_subject_link_b"), "subject_link", ["b"])
