"""Alembic's entry: migrates over the connection, and inside the transaction, that it is given."""

from alembic import context

from services.registry.adapters.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
