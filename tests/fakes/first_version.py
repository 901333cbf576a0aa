"""The tables of both stores as their first version made them, written down once and never changed.

What ``migrate`` makes anew must be what it makes of these: a change of the tables needs a migration.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from sqlalchemy.types import TypeEngine

from service.adapters.sql.engine import Store, alembic_config

TEXT: Final = sa.String()
INTEGER: Final = sa.Integer()
BIG: Final = sa.BigInteger()
FLAG: Final = sa.Boolean()
TIME: Final = sa.DateTime(timezone=True)
BYTES: Final = sa.LargeBinary()
NAMES: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
FIRST: Final = {store: sa.MetaData(naming_convention=NAMES) for store in ("ops", "vault")}


def make_first_version(connection: sa.Connection, store: Store) -> None:
    """What a program of the first version left behind."""
    FIRST[store].create_all(connection)
    command.stamp(alembic_config(store, connection), {"ops": "0002", "vault": "0001"}[store])


def create(
    store: str,
    table: str,
    *parts: tuple[str, TypeEngine[Any]] | sa.Column[Any] | sa.Constraint | sa.Index,
    key: str = "id",
) -> None:
    """Declare a table: names of columns with their type, which hold a value always; other items; the key."""
    items: list[sa.schema.SchemaItem] = []
    for part in parts:
        if isinstance(part, tuple):
            names, kind = part
            items += [sa.Column(n, kind, nullable=False, autoincrement=False) for n in names.split()]
        else:
            items.append(part)
    sa.Table(table, FIRST[store], *items, sa.PrimaryKeyConstraint(*key.split()))


create(
    "ops",
    "dataset",
    sa.Column("id", INTEGER, nullable=False),
    ("name version digest contract document", TEXT),
    ("added_at", TIME),
    sa.UniqueConstraint("name", "version"),
)
create(
    "ops",
    "batch",
    ("id dataset source", TEXT),
    ("row_count admitted quarantined refused", INTEGER),
    ("at", TIME),
    ("actor", TEXT),
    ("table_version", INTEGER),
    ("reasons", TEXT),
    sa.Column("measures", TEXT, nullable=False, server_default="{}"),
    sa.CheckConstraint("row_count = admitted + quarantined + refused", name="no_row_lost"),
)
create(
    "ops",
    "quarantine_release",
    ("batch", TEXT),
    ("row", BIG),
    ("rule by_batch", TEXT),
    ("at", TIME),
    ("actor", TEXT),
    key="batch row",
)
create("ops", "cursor", ("source dataset done pending", TEXT), key="source dataset")
create(
    "ops",
    "source_system",
    ("name", TEXT),
    ("version", INTEGER),
    ("datasets purposes", TEXT),
    ("revoked", FLAG),
    ("changed_at", TIME),
    key="name",
)
create("ops", "push", ("source key request batch", TEXT), ("created", BIG), key="source key")
create(
    "ops",
    "consent",
    sa.Column("id", INTEGER, nullable=False),
    ("subject", BIG),
    ("purpose kind", TEXT),
    ("given_at", TIME),
    sa.Column("valid_until", TIME),
    sa.Column("withdrawn_at", TIME),
    ("notice", TEXT),
    sa.UniqueConstraint("subject", "purpose", "kind", "given_at"),
    sa.Index(None, "purpose"),
)
create(
    "ops",
    "budget_scope",
    ("scope", TEXT),
    ("cap spent", BIG),
    sa.CheckConstraint("spent <= cap", name="within_cap"),
    sa.CheckConstraint("spent >= 0", name="not_negative"),
    key="scope",
)
create(
    "ops",
    "budget_charge",
    ("id scopes", TEXT),
    ("rho", BIG),
    ("at", TIME),
    sa.CheckConstraint("rho > 0", name="positive"),
)
create(
    "ops",
    "release",
    ("id plan plan_digest purpose requester approver", TEXT),
    ("rho", BIG),
    ("state", TEXT),
    ("created_at", TIME),
    ("data_version answer entry", TEXT),
    sa.CheckConstraint("approver <> requester", name="two_people"),
    sa.Index(None, "plan_digest", "data_version"),
)
create(
    "ops",
    "rights_request",
    ("id right", TEXT),
    ("subject", BIG),
    ("state", TEXT),
    ("opened_at due_at", TIME),
    ("code_tag", TEXT),
    sa.Column("code_expires_at", TIME),
    ("attempts", INTEGER),
    ("decided_by decision steps evidence certificate", TEXT),
    sa.Index(None, "subject"),
)
create(
    "ops",
    "subject_flag",
    ("subject", BIG),
    ("flag", TEXT),
    ("at", TIME),
    sa.Index(None, "flag"),
    key="subject flag",
)
create(
    "ops",
    "model",
    ("name", TEXT),
    ("version", INTEGER),
    ("document digest state trained_by approved_by", TEXT),
    ("trained_at", TIME),
    ("purpose", TEXT),
    ("rho", BIG),
    sa.CheckConstraint("approved_by <> trained_by", name="two_people"),
    key="name version",
)
create("ops", "actor", ("id roles", TEXT), ("added_at", TIME))
create(
    "ops",
    "api_token",
    ("id actor digest", TEXT),
    ("expires_at", TIME),
    sa.ForeignKeyConstraint(["actor"], ["actor.id"]),
    sa.Index(None, "actor"),
)
create(
    "ops",
    "outbox",
    sa.Column("seq", INTEGER, nullable=False),
    ("id", TEXT),
    ("entry", BYTES),
    sa.UniqueConstraint("id"),
    key="seq",
)
create(
    "ops",
    "audit_entry",
    ("origin", TEXT),
    ("position", BIG),
    ("id", TEXT),
    ("at", TIME),
    ("type actor decision purpose resource", TEXT),
    *(sa.Index(None, name) for name in ("id", "at", "type", "actor", "resource")),
    key="origin position",
)
create("ops", "audit_index", ("origin", TEXT), ("size", BIG), key="origin")
create(
    "vault",
    "key_epoch",
    ("slot", BIG),
    ("epoch", TEXT),
    sa.CheckConstraint("slot = 1", name="one_row"),
    key="slot",
)
create(
    "vault",
    "subject",
    ("number", BIG),
    ("state epoch", TEXT),
    sa.Column("wrapped", BYTES),
    sa.CheckConstraint("(state = 'destroyed') = (wrapped IS NULL)", name="destroyed_has_no_key"),
    sa.CheckConstraint("state IN ('active', 'restricted', 'destroyed')", name="state"),
    key="number",
)
create(
    "vault",
    "blind_index",
    ("id_type", TEXT),
    ("tag", BYTES),
    ("subject", BIG),
    sa.ForeignKeyConstraint(["subject"], ["subject.number"]),
    sa.Index(None, "subject", "id_type"),
    key="id_type tag",
)
create(
    "vault",
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
create(
    "vault",
    "sealed",
    ("subject", BIG),
    ("data_class", TEXT),
    ("schema_version", INTEGER),
    ("box", BYTES),
    sa.ForeignKeyConstraint(["subject"], ["subject.number"]),
    key="subject data_class",
)
create("vault", "suppression", ("tag", BYTES), ("until", TIME), key="tag")
create(
    "vault",
    "retained",
    ("request data_class", TEXT),
    ("until", TIME),
    ("law", TEXT),
    ("box", BYTES),
    key="request data_class",
)
