"""Alembic's entry point for the vault; ``service.adapters.sql.engine.migrate`` runs it."""

from __future__ import annotations

from alembic import context

from service.adapters.sql.vault_tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite cannot alter a column in place
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
