"""The tables of the vault. Migrations only go forward: a backup is the way back."""

from __future__ import annotations

import sqlalchemy as sa

from service.adapters.sql.migrations.columns import BIG, BYTES, INTEGER, TEXT, TIME, create

revision = "0001"
down_revision = None


def upgrade() -> None:
    _subjects()
    _links()
    _kept()


def _subjects() -> None:
    create(
        "key_epoch",
        ("slot", BIG),
        ("epoch", TEXT),
        sa.CheckConstraint("slot = 1", name="one_row"),
        key="slot",
    )
    create(
        "subject",
        ("number", BIG),
        ("state epoch", TEXT),
        sa.Column("wrapped", BYTES),
        sa.CheckConstraint("(state = 'destroyed') = (wrapped IS NULL)", name="destroyed_has_no_key"),
        sa.CheckConstraint("state IN ('active', 'restricted', 'destroyed')", name="state"),
        key="number",
    )
    create(
        "blind_index",
        ("id_type", TEXT),
        ("tag", BYTES),
        ("subject", BIG),
        sa.ForeignKeyConstraint(["subject"], ["subject.number"]),
        sa.Index(None, "subject", "id_type"),
        key="id_type tag",
    )


def _links() -> None:
    create(
        "subject_link",
        ("id", TEXT),
        ("a b", BIG),
        ("state", TEXT),
        ("score", INTEGER),
        ("evidence decided_by", TEXT),
        ("at", TIME),
        ("dpia", TEXT),
        sa.CheckConstraint("a <> b", name="two"),
        sa.CheckConstraint("state <> 'merged' OR dpia <> ''", name="assessed"),
        sa.ForeignKeyConstraint(["a"], ["subject.number"]),
        sa.ForeignKeyConstraint(["b"], ["subject.number"]),
        sa.UniqueConstraint("a", "b"),
        sa.Index(None, "b"),
    )


def _kept() -> None:
    create(
        "sealed",
        ("subject", BIG),
        ("data_class", TEXT),
        ("schema_version", INTEGER),
        ("box", BYTES),
        sa.ForeignKeyConstraint(["subject"], ["subject.number"]),
        key="subject data_class",
    )
    create("suppression", ("tag", BYTES), ("until", TIME), key="tag")
    create(
        "retained",
        ("request data_class", TEXT),
        ("until", TIME),
        ("law", TEXT),
        ("box", BYTES),
        key="request data_class",
    )
