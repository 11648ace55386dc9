"""The migrations build the tables that the code describes."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from storage.engine import open_engine, reading
from storage.migrate import migrate
from storage.schema import metadata


def test_the_migrations_lead_to_the_tables_of_the_schema(empty_url):
    engine = open_engine(empty_url)
    migrate(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts={"compare_type": False}), metadata) == []
    engine.dispose()
