"""The tables of the vault. Migrations only go forward: a backup is the way back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

UTC_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _subjects()
    _sealed()
    _kept()


def _subjects() -> None:
    op.create_table(
        "key_epoch",
        sa.Column("slot", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.CheckConstraint("slot = 1", name=op.f("ck_key_epoch_one_row")),
        sa.PrimaryKeyConstraint("slot", name=op.f("pk_key_epoch")),
    )
    op.create_table(
        "subject",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "(state = 'destroyed') = (wrapped IS NULL)", name=op.f("ck_subject_destroyed_has_no_key")
        ),
        sa.CheckConstraint("state IN ('active', 'restricted', 'destroyed')", name=op.f("ck_subject_state")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_subject")),
    )
    op.create_table(
        "blind_index",
        sa.Column("id_type", sa.String(), nullable=False),
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.number"], name=op.f("fk_blind_index_subject")),
        sa.PrimaryKeyConstraint("id_type", "tag", name=op.f("pk_blind_index")),
    )
    op.create_index(op.f("ix_blind_index_subject_id_type"), "blind_index", ["subject", "id_type"])


def _sealed() -> None:
    op.create_table(
        "sealed",
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data_class", sa.String(), nullable=False),
        sa.Column("schema_version", sa.Integer(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["subject"], ["subject.number"], name=op.f("fk_sealed_subject")),
        sa.PrimaryKeyConstraint("subject", "data_class", name=op.f("pk_sealed")),
    )


def _kept() -> None:
    op.create_table(
        "suppression",
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("until", UTC_TIME, nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_suppression")),
    )
    op.create_table(
        "retained",
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("data_class", sa.String(), nullable=False),
        sa.Column("until", UTC_TIME, nullable=False),
        sa.Column("law", sa.String(), nullable=False),
        sa.Column("box", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("request", "data_class", name=op.f("pk_retained")),
    )
