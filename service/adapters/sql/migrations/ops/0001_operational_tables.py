"""The tables of the operational database. Migrations only go forward: a backup is the way back."""

from __future__ import annotations

import sqlalchemy as sa

from service.adapters.sql.migrations.columns import BIG, BYTES, FLAG, INTEGER, TEXT, TIME, create

revision = "0001"
down_revision = None


def upgrade() -> None:
    _intake()
    _sources()
    _consents()
    _budget()
    _releases()
    _requests()
    _models()
    _users()
    _audit()


def _intake() -> None:
    create(
        "dataset",
        sa.Column("id", INTEGER, nullable=False),
        ("name version digest contract document", TEXT),
        ("added_at", TIME),
        sa.UniqueConstraint("name", "version"),
    )
    create(
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
        "quarantine_release",
        ("batch", TEXT),
        ("row", BIG),
        ("rule by_batch", TEXT),
        ("at", TIME),
        ("actor", TEXT),
        key="batch row",
    )


def _sources() -> None:
    create("cursor", ("source dataset done pending", TEXT), key="source dataset")
    create(
        "source_system",
        ("name", TEXT),
        ("version", INTEGER),
        ("datasets purposes", TEXT),
        ("revoked", FLAG),
        ("changed_at", TIME),
        key="name",
    )
    create("push", ("source key request batch", TEXT), ("created", BIG), key="source key")


def _consents() -> None:
    create(
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


def _budget() -> None:
    create(
        "budget_scope",
        ("scope", TEXT),
        ("cap spent", BIG),
        sa.CheckConstraint("spent <= cap", name="within_cap"),
        sa.CheckConstraint("spent >= 0", name="not_negative"),
        key="scope",
    )
    create(
        "budget_charge",
        ("id scopes", TEXT),
        ("rho", BIG),
        ("at", TIME),
        sa.CheckConstraint("rho > 0", name="positive"),
    )


def _releases() -> None:
    create(
        "release",
        ("id plan plan_digest purpose requester approver", TEXT),
        ("rho", BIG),
        ("state", TEXT),
        ("created_at", TIME),
        ("data_version answer entry", TEXT),
        sa.CheckConstraint("approver <> requester", name="two_people"),
        sa.Index(None, "plan_digest", "data_version"),
    )


def _requests() -> None:
    create(
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
        "subject_flag",
        ("subject", BIG),
        ("flag", TEXT),
        ("at", TIME),
        sa.Index(None, "flag"),
        key="subject flag",
    )


def _models() -> None:
    create(
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


def _users() -> None:
    create("actor", ("id roles", TEXT), ("added_at", TIME))
    create(
        "api_token",
        ("id actor digest", TEXT),
        ("expires_at", TIME),
        sa.ForeignKeyConstraint(["actor"], ["actor.id"]),
        sa.Index(None, "actor"),
    )


def _audit() -> None:
    create(
        "outbox",
        sa.Column("seq", INTEGER, nullable=False),
        ("id", TEXT),
        ("entry", BYTES),
        sa.UniqueConstraint("id"),
        key="seq",
    )
    create(
        "audit_entry",
        ("position", BIG),
        ("id", TEXT),
        ("at", TIME),
        ("type actor decision purpose resource", TEXT),
        *(sa.Index(None, name) for name in ("id", "at", "type", "actor", "resource")),
        key="position",
    )
    create("audit_index", ("id", INTEGER), ("size", BIG))
