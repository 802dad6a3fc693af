"""Alembic's way in: migrations run on the connection, and within the transaction, that schema.prepare hands over."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
