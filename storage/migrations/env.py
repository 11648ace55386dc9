"""Alembic's entry point: runs the versions on the connection that storage.database.migrate hands over."""

from alembic import context

from storage.database.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
